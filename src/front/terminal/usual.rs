//! How long it usually takes, from runs of the past: the expected end while it runs, and a word where it is slower.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::stage::Stage;
use crate::base::text::show_duration;
use crate::front::style::{Line, Paint};
use crate::front::tree::{Node, What};
use crate::sys::clock;

/// What takes less has no expected end worth a word.
const SHORT: Duration = Duration::from_secs(3);

/// A little more than usual is usual too.
const MARGIN: Duration = Duration::from_secs(2);

/// What is known of runs of the past.
#[derive(Clone, Debug, Default)]
pub struct Usual {
    /// How long the whole run usually takes.
    pub run: Option<Duration>,
    /// How long a step of that name usually takes.
    pub steps: BTreeMap<String, Duration>,
}

impl Usual {
    /// How long that node usually takes, when it is a step that is worth a word.
    fn of(&self, node: &Node) -> Option<Duration> {
        let What::Step { name } = &node.what else { return None };
        self.steps.get(name).copied().filter(|usual| *usual >= SHORT)
    }

    /// `line`, which shows a step that has run for `elapsed`, with how long it usually takes. `rested` of that was asked
    /// for.
    pub(super) fn beside(
        &self,
        line: Line,
        node: &Node,
        (elapsed, rested): (Option<Duration>, Duration),
    ) -> Line {
        let (Some(usual), Some(elapsed)) = (self.of(node), elapsed) else { return line };
        let words = show_duration(usual);
        if is_slow(elapsed.saturating_sub(rested), usual) {
            return line.with(Paint::Warn, format!("  slower than usual ({words})"));
        }
        match usual.checked_sub(elapsed).filter(|left| !left.is_zero()) {
            Some(left) => line.with(Paint::Dim, format!("  about {} left", show_duration(rounded(left)))),
            None => line.with(Paint::Dim, format!("  usually {words}")),
        }
    }

    /// `line`, which shows a step that has ended, with a word when it was slow beyond what was asked for.
    pub(super) fn ended(&self, line: Line, node: &Node, rested: Duration) -> Line {
        if node.recorded {
            return line;
        }
        let took = node.end.as_ref().map(|end| end.took);
        let name = if let What::Step { name } = &node.what { self.steps.get(name).copied() } else { None };
        match (took, name) {
            (Some(took), Some(usual)) if is_slow(took.saturating_sub(rested), usual) => {
                line.with(Paint::Warn, format!("  slower than usual ({})", show_duration(usual)))
            }
            _ => line,
        }
    }
}

impl Stage {
    /// The line below all that runs: how far the run is, and when it is expected to end.
    pub(super) fn expected(&self, now: Instant) -> Option<Line> {
        let (usual, first) = (self.usual.run.filter(|usual| *usual >= SHORT)?, self.first?);
        if self.tree.end.is_some() || self.tree.is_planning() || self.tree.is_unwinding() {
            return None;
        }
        let elapsed = now.duration_since(first);
        let words = show_duration(usual);
        let line = Line::default();
        if is_slow(elapsed.saturating_sub(self.rests.within("", now)), usual) {
            let text = format!("slower than usual: {}, usually {words}", show_duration(rounded(elapsed)));
            return Some(line.with(Paint::Warn, text));
        }
        let left = usual.saturating_sub(elapsed);
        let end = clock::after(left).strftime("%H:%M:%SZ").to_string();
        let share = (elapsed.as_secs_f64() / usual.as_secs_f64() * 100.0).min(99.0) as u32;
        let text = format!("{share} % of the usual {words}, expected end {end}");
        Some(line.with(Paint::Dim, text))
    }
}

/// Half as long again as usual, and not by a moment only.
fn is_slow(took: Duration, usual: Duration) -> bool {
    took > usual + usual / 2 && took > usual + MARGIN
}

fn rounded(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs().max(1))
}
