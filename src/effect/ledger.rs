//! What must be known of a run while it goes on so that it can be taken back: which steps changed something, and their
//! rollback blocks. What each effect found lies in the journal, so this does not grow with the number of effects.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::error::Result;
use crate::base::event::Position;

/// A rollback block with everything it needs, ready to be run later.
pub type Run = Box<dyn FnOnce() -> Result<()> + Send>;

/// The rollback block of a step.
pub struct Block {
    /// What it is, in words.
    pub what: String,
    /// Runs it.
    pub run: Run,
}

#[derive(Default)]
struct Known {
    /// The steps and branches within which something was changed; the empty one is the run itself.
    touched: HashSet<Position>,
    blocks: HashMap<Position, Block>,
    /// While planning: the steps that have a rollback block.
    promised: HashSet<Position>,
}

/// The ledger of one run; clones are the same.
#[derive(Clone, Default)]
pub struct Ledger {
    known: Arc<Mutex<Known>>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("blocks", &self.known().blocks.len()).finish()
    }
}

impl Ledger {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The effect at `position` changed something, or may have.
    pub fn touch(&self, position: &str) {
        let mut known = self.known();
        for frame in frames(position) {
            if known.touched.contains(frame) {
                return;
            }
            known.touched.insert(frame.to_owned());
        }
    }

    /// Whether anything within the step at `position` was changed; to be asked once, when it ends.
    #[must_use]
    pub fn leave(&self, position: &str) -> bool {
        self.known().touched.remove(position)
    }

    /// Whether nothing was changed in the whole run.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.known().touched.is_empty()
    }

    /// While planning: the step at `position` has a rollback block, which would take back what lies in it.
    pub fn promise(&self, position: &str) {
        self.known().promised.insert(position.to_owned());
    }

    /// While planning: whether `position` lies in a step that has a rollback block.
    #[must_use]
    pub fn is_promised(&self, position: &str) -> bool {
        let known = self.known();
        frames(position).any(|frame| known.promised.contains(frame))
    }

    /// Keeps the rollback block of the step at `position`.
    pub fn keep(&self, position: &str, block: Block) {
        self.known().blocks.insert(position.to_owned(), block);
    }

    /// Whether the step at `position` has a rollback block.
    #[must_use]
    pub fn has_block(&self, position: &str) -> bool {
        self.known().blocks.contains_key(position)
    }

    /// The positions of the steps that have one.
    #[must_use]
    pub fn blocks(&self) -> Vec<Position> {
        self.known().blocks.keys().cloned().collect()
    }

    /// Takes the rollback block of the step at `position` out.
    #[must_use]
    pub fn block(&self, position: &str) -> Option<Block> {
        self.known().blocks.remove(position)
    }

    /// Forgets everything, for another turn of the same script.
    pub fn clear(&self) {
        *self.known() = Known::default();
    }
}

/// The steps and branches that `position` lies in, innermost first, and the run itself, which is the empty one.
pub fn frames(position: &str) -> impl Iterator<Item = &str> {
    let above = |at: &str| at.rfind('/').map_or(0, |end| end);
    std::iter::successors(Some(&position[..above(position)]), move |frame| {
        (!frame.is_empty()).then(|| &frame[..above(frame)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_touched_by_what_happens_in_it_and_only_once_asked() {
        assert_eq!(frames("0/2/1").collect::<Vec<_>>(), ["0/2", "0", ""]);
        assert_eq!(frames("7").collect::<Vec<_>>(), [""]);
        let ledger = Ledger::default();
        assert!(ledger.is_untouched());
        ledger.touch("0/2/1");
        assert!(!ledger.is_untouched() && !ledger.leave("1") && ledger.leave("0/2") && !ledger.leave("0/2"));
        ledger.touch("0/3/1");
        assert!(ledger.leave("0/3") && ledger.leave("0"));
    }

    #[test]
    fn what_lies_anywhere_in_a_step_with_a_block_is_promised_to_be_taken_back() {
        let ledger = Ledger::default();
        ledger.promise("0/2");
        assert!(ledger.is_promised("0/2/1") && ledger.is_promised("0/2/3/4"));
        assert!(!ledger.is_promised("0/2") && !ledger.is_promised("0/20/1") && !ledger.is_promised("1"));
    }
}
