//! What would have to be taken back if the run failed now: inverses and rollback blocks, newest last.

use std::sync::{Arc, Mutex};

use crate::base::call::Inverse;
use crate::base::error::Result;
use crate::base::event::Position;

/// A rollback block with everything it needs, ready to be run later.
pub type Block = Box<dyn FnOnce() -> Result<()> + Send>;

/// One entry of the ledger.
pub struct Entry {
    /// The effect or step that is taken back.
    pub position: Position,
    /// What it was, in words.
    pub what: String,
    /// How it is taken back.
    pub way: Way,
}

/// How an entry is taken back.
pub enum Way {
    /// By the inverse that was recorded before the effect.
    Inverse(Inverse),
    /// By the rollback block of a step.
    Block(Block),
}

/// The stack of entries of one run; clones are the same stack.
#[derive(Clone, Default)]
pub struct Ledger {
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("entries", &self.len()).finish()
    }
}

impl Ledger {
    /// Adds an entry on top.
    pub fn push(&self, entry: Entry) {
        if let Ok(mut entries) = self.entries.lock() {
            entries.push(entry);
        }
    }

    /// Takes every entry off, oldest first.
    #[must_use]
    pub fn take(&self) -> Vec<Entry> {
        self.entries.lock().map(|mut entries| std::mem::take(&mut *entries)).unwrap_or_default()
    }

    /// Takes out the effect at `position`, which turned out to have changed nothing.
    pub fn withdraw(&self, position: &str) {
        if let Ok(mut entries) = self.entries.lock() {
            entries.retain(|entry| entry.position != position || matches!(entry.way, Way::Block(_)));
        }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.lock().map_or(0, |entries| entries.len())
    }

    /// Whether there is nothing to take back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether anything within the step at `position` is recorded.
    #[must_use]
    pub fn touches(&self, position: &str) -> bool {
        let within = format!("{position}/");
        self.entries
            .lock()
            .is_ok_and(|entries| entries.iter().any(|entry| entry.position.starts_with(&within)))
    }
}
