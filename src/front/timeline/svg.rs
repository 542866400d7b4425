//! The bars of a run as a picture: an SVG element that stands inside a page and takes its colours from it.

use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, html};

use super::{Bar, Kind, Timeline, since};
use crate::base::outcome::Outcome;
use crate::base::text::{headline, show_duration};

/// How wide the picture is, in units of its own.
const WIDTH: f64 = 960.0;
/// Where the bars begin; the names stand before.
const LEFT: f64 = 260.0;
/// How much room the last label has.
const RIGHT: f64 = 70.0;
/// The height of a row.
const ROW: f64 = 22.0;
/// The height of the axis.
const AXIS: f64 = 24.0;
/// As many bars as a picture has at most.
pub const MOST: usize = 200;
/// The distances of the axis' marks, in milliseconds.
const MARKS: [u64; 22] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000,
    600_000, 1_800_000, 3_600_000, 21_600_000, 86_400_000,
];

/// The picture of what was heard until `now`.
#[must_use]
pub fn draw(timeline: &Timeline, now: Timestamp) -> Markup {
    let Some(began) = timeline.began else { return html! {} };
    let is_open = timeline.bars.iter().any(|bar| bar.to.is_none());
    let until = if is_open { now } else { timeline.until.unwrap_or(now) };
    let whole = since(began, until).max(Duration::from_millis(1)).as_secs_f64();
    let bars = timeline.longest(MOST, now);
    let x = |at: Timestamp| LEFT + since(began, at).as_secs_f64() / whole * (WIDTH - LEFT - RIGHT);
    let height = AXIS + ROW * count(bars.len()) + 6.0;
    html! {
        svg.timeline viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label="when each step ran" {
            @for (at, label) in marks(whole) {
                @let x = LEFT + at / whole * (WIDTH - LEFT - RIGHT);
                line.axis x1=(unit(x)) x2=(unit(x)) y1=(AXIS - 6.0) y2=(height) {}
                text.axis x=(unit(x)) y="12" text-anchor="middle" { (label) }
            }
            @for (row, bar) in bars.iter().enumerate() {
                @let y = AXIS + ROW * count(row);
                @let (from, to) = (x(bar.from), x(bar.to.unwrap_or(until)));
                (drawn(bar, (from, to), y, now))
            }
        }
        @if bars.len() < timeline.bars.len() {
            p.dim { "The " (bars.len()) " longest of " (timeline.bars.len()) " are shown." }
        }
    }
}

fn drawn(bar: &Bar, (from, to): (f64, f64), y: f64, now: Timestamp) -> Markup {
    let indent = 12.0 * count(bar.depth.min(6));
    let room = ((LEFT - indent - 34.0) / 6.6).max(4.0);
    let name = headline(&bar.name, room as usize);
    let (class, mark) = look(bar);
    let took = show_duration(bar.took(now));
    html! {
        g {
            title { (bar.name) ": " (took) @if let Some(outcome) = bar.outcome { ", " (outcome) } }
            text.mark.(class) x=(indent) y=(y + 15.0) { (mark) }
            text x=(indent + 18.0) y=(y + 15.0) { (name) }
            rect.bar.(class) x=(unit(from)) y=(y + 4.0) width=(unit((to - from).max(2.0))) height=(ROW - 8.0) rx="3" {}
            text.took x=(unit(to.max(from + 2.0) + 5.0)) y=(y + 15.0) { (took) }
        }
    }
}

/// Its colour's class, and the mark that says the same without colour.
#[must_use]
pub const fn look(bar: &Bar) -> (&'static str, &'static str) {
    match (bar.kind, bar.outcome) {
        (_, None) => ("live", "▸"),
        (Kind::Wait, _) => ("dim", "…"),
        (Kind::Gate, Some(Outcome::Done)) => ("gate", "✔"),
        (Kind::Undo, Some(Outcome::Done)) => ("warn", "↩"),
        (_, Some(Outcome::Done)) => ("good", "✔"),
        (_, Some(Outcome::Failed | Outcome::NotTakenBack)) => ("bad", "✘"),
        (_, Some(Outcome::InDoubt)) => ("warn", "?"),
        (_, Some(Outcome::Cancelled)) => ("warn", "■"),
        (_, Some(Outcome::TakenBack)) => ("warn", "↩"),
    }
}

/// The marks of the axis: how far from the beginning in seconds, and what stands there.
fn marks(whole: f64) -> Vec<(f64, String)> {
    let wanted = whole * 1000.0 / 7.0;
    let apart = MARKS.into_iter().find(|apart| approximately(*apart) >= wanted).unwrap_or(864_000_000);
    let mut found = Vec::new();
    let mut at = 0_u64;
    while approximately(at) <= whole * 1000.0 && found.len() < 100 {
        found.push((approximately(at) / 1000.0, label(at)));
        at += apart;
    }
    found
}

fn label(millis: u64) -> String {
    match millis {
        0 => "0".to_owned(),
        1..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{} s", millis / 1_000),
        60_000..3_600_000 => format!("{} min", millis / 60_000),
        _ => format!("{} h", millis / 3_600_000),
    }
}

const fn approximately(number: u64) -> f64 {
    number as f64
}

const fn count(number: usize) -> f64 {
    approximately(number as u64)
}

/// A length to a tenth, without a tail of digits.
fn unit(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}
