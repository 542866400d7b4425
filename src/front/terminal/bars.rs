//! How far long transfers are, as bars.

use std::time::{Duration, Instant};

use crate::base::text::show_size;
use crate::front::style::{Line, Paint};

/// How many characters a whole bar has.
const WIDTH: usize = 24;

/// How long a transfer goes on in plain lines before it is told of again.
const REMINDER: Duration = Duration::from_secs(10);

/// From here on a number is told as a size; nobody counts a million of anything else.
const SIZE: u64 = 1024 * 1024;

/// The transfers that go on, in the order of their beginning.
#[derive(Debug, Default)]
pub(super) struct Bars {
    bars: Vec<Bar>,
}

#[derive(Debug)]
struct Bar {
    what: String,
    done: u64,
    total: Option<u64>,
    began: Instant,
    told: Instant,
}

impl Bars {
    /// A transfer is at `done`; at its end it goes away.
    pub(super) fn set(&mut self, what: &str, done: u64, total: Option<u64>, now: Instant) {
        if total.is_some_and(|total| done >= total) {
            self.bars.retain(|bar| bar.what != what);
            return;
        }
        match self.bars.iter_mut().find(|bar| bar.what == what) {
            Some(bar) => (bar.done, bar.total) = (done, total),
            None => self.bars.push(Bar { what: what.to_owned(), done, total, began: now, told: now }),
        }
    }

    /// The call `postgres.main.dump_to` ended, and its transfers with it.
    pub(super) fn end(&mut self, call: &str) {
        let resource = call.rsplit_once('.').map_or(call, |(resource, _)| resource);
        self.bars.retain(|bar| bar.what.split(' ').next() != Some(resource));
    }

    /// One line for each that has not been told of for a while: what plain lines show of it.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Line> {
        let due = self.bars.iter_mut().filter(|bar| now.duration_since(bar.told) >= REMINDER);
        due.map(|bar| {
            bar.told = now;
            bar.line(now)
        })
        .collect()
    }

    /// One line each.
    pub(super) fn lines(&self, now: Instant) -> Vec<Line> {
        self.bars.iter().map(|bar| bar.line(now)).collect()
    }
}

impl Bar {
    fn line(&self, now: Instant) -> Line {
        let line = Line::indented(2);
        let is_size = self.total.unwrap_or(self.done) >= SIZE;
        let number = |n: u64| if is_size { show_size(n) } else { n.to_string() };
        let line = match self.total {
            Some(total) => {
                let full = (u128::from(self.done) * WIDTH as u128 / u128::from(total.max(1))) as usize;
                line.with(Paint::Live, "━".repeat(full))
                    .with(Paint::Dim, "─".repeat(WIDTH - full))
                    .with(
                        Paint::Plain,
                        format!(" {:>3}%  ", u128::from(self.done) * 100 / u128::from(total.max(1))),
                    )
                    .with(Paint::Plain, format!("{} of {}", number(self.done), number(total)))
            }
            None => line.with(Paint::Plain, number(self.done)),
        };
        let seconds = now.duration_since(self.began).as_secs_f64();
        let line = if is_size && seconds >= 1.0 {
            line.with(Paint::Dim, format!("  {}/s", show_size((self.done as f64 / seconds) as u64)))
        } else {
            line
        };
        line.with(Paint::Dim, format!("  {}", self.what))
    }
}
