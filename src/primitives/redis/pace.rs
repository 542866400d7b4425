//! How much is asked of a node at a time: as much as other clients do not notice, and no more than a rate allows.

use std::time::{Duration, Instant};

/// The node is kept busy for so long at a time at least: less would cost more in going to and fro than it spares, and
/// more would be what the slowest requests of other clients wait for.
const SHORTEST: Duration = Duration::from_micros(30);
/// And for so long at most, however long the way to it is.
const LONGEST: Duration = Duration::from_millis(1);
/// So few keys are looked at in one turn at least.
const FEWEST: usize = 16;
/// With how many the first turn begins.
const FIRST: usize = 64;
/// So many empty turns are remembered.
const REMEMBERED: usize = 15;
/// After so many turns their size is judged. One alone says little: whoever measures it may have been held up himself.
const JUDGED: usize = 8;
/// After so many judgements an empty turn is measured again.
const AGAIN: u32 = 16;

/// How many keys one turn looks at. A node serves one command after the other, so a client waits for the turn that is
/// being served: turns are kept about as short as the way to the node and back.
#[derive(Debug)]
pub(super) struct Pace {
    count: usize,
    most: usize,
    empty: Vec<Duration>,
    turns: Vec<Duration>,
    judgements: u32,
}

impl Pace {
    /// Turns of at most `most` keys.
    pub(super) fn new(most: usize) -> Self {
        Self { count: FIRST.min(most), most, empty: Vec::new(), turns: Vec::new(), judgements: 0 }
    }

    /// How many keys the next turn is to look at.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Whether an empty turn should be measured before the next one.
    pub(super) const fn wants_empty(&self) -> bool {
        self.empty.len() < REMEMBERED || self.judgements >= AGAIN
    }

    /// An empty turn took so long: there, and back.
    pub(super) fn learn_empty(&mut self, took: Duration) {
        if self.empty.len() >= REMEMBERED {
            self.empty.remove(0);
        }
        self.empty.push(took);
        self.judgements = 0;
    }

    /// A turn took so long.
    pub(super) fn learn(&mut self, took: Duration) {
        self.turns.push(took);
        if self.turns.len() < JUDGED {
            return;
        }
        let empty = median(&self.empty);
        let busy = median(&self.turns).saturating_sub(empty).max(Duration::from_micros(1));
        let budget = (empty / 2).clamp(SHORTEST, LONGEST);
        let fitting = (self.count as f64 * budget.as_secs_f64() / busy.as_secs_f64()) as usize;
        self.count = fitting.clamp(self.count / 2, self.count * 2).max(FEWEST).min(self.most);
        self.turns.clear();
        self.judgements += 1;
    }
}

fn median(durations: &[Duration]) -> Duration {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// At most so many keys a second, over all nodes together.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: u64,
    began: Instant,
}

impl Rate {
    /// So many a second, from now on.
    pub(super) const fn new(per_second: u64, began: Instant) -> Self {
        Self { per_second, began }
    }

    /// How many at a time: a tenth of a second's worth, so that they do not come in one blow.
    pub(super) fn at_once(&self) -> usize {
        usize::try_from(self.per_second / 10).unwrap_or(usize::MAX).max(1)
    }

    /// How long to wait until `done` of them are due.
    pub(super) fn wait(&self, done: u64, now: Instant) -> Duration {
        let due = Duration::from_secs_f64(done as f64 / self.per_second.max(1) as f64);
        due.saturating_sub(now.saturating_duration_since(self.began))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn micros(count: u64) -> Duration {
        Duration::from_micros(count)
    }

    fn measured(most: usize, empty: Duration) -> Pace {
        let mut pace = Pace::new(most);
        while pace.wants_empty() {
            pace.learn_empty(empty);
        }
        pace
    }

    #[test]
    fn turns_grow_while_they_are_short_and_shrink_when_they_are_long() {
        let mut pace = measured(1000, micros(60));
        (0..100).for_each(|_| pace.learn(micros(70)));
        assert_eq!(pace.count(), 1000);
        (0..100).for_each(|_| pace.learn(micros(5000)));
        assert_eq!(pace.count(), FEWEST);
        // Where the way is long, a turn may take longer too.
        let mut far = measured(1000, micros(1000));
        (0..100).for_each(|_| far.learn(micros(1200)));
        assert_eq!(far.count(), 1000);
    }

    #[test]
    fn turns_come_to_last_as_long_as_they_should_whatever_delays_a_few_of_them() {
        let mut pace = measured(10_000, micros(60));
        for turn in 0..400 {
            // 200 ns for each key, and now and then somebody else's turn.
            let delay = if turn % 4 == 0 { 3000 } else { 0 };
            pace.learn(micros(60 + pace.count() as u64 / 5 + delay));
        }
        assert!((145..=155).contains(&pace.count()), "{}", pace.count());
    }

    #[test]
    fn a_bound_holds_from_the_first_turn_on() {
        let mut pace = measured(5, micros(60));
        assert_eq!(pace.count(), 5);
        (0..20).for_each(|_| pace.learn(micros(9000)));
        assert_eq!(pace.count(), 5);
        (0..20).for_each(|_| pace.learn(micros(60)));
        assert_eq!(pace.count(), 5);
    }

    #[test]
    fn an_empty_turn_is_measured_again_from_time_to_time() {
        let mut pace = measured(1000, micros(60));
        assert!(!pace.wants_empty());
        (0..AGAIN as usize * JUDGED).for_each(|_| pace.learn(micros(70)));
        assert!(pace.wants_empty());
        pace.learn_empty(micros(80));
        assert!(!pace.wants_empty() && median(&pace.empty) == micros(60));
    }

    #[test]
    fn a_rate_spreads_keys_over_time() {
        let began = crate::sys::clock::instant();
        let rate = Rate::new(1000, began);
        assert_eq!(rate.at_once(), 100);
        assert_eq!(rate.wait(500, began), Duration::from_millis(500));
        assert_eq!(rate.wait(500, began + Duration::from_secs(1)), Duration::ZERO);
        assert_eq!(Rate::new(3, began).at_once(), 1);
    }
}
