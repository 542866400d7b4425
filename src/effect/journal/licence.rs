//! The proof that a call may be run: it only reads, or the journal holds its intent.

use crate::base::effect::Effect;

/// The proof that a write was journalled durably before it begins; made only by [`super::RunJournal::intend`].
#[derive(Debug)]
pub struct Intent {
    seq: u64,
}

impl Intent {
    pub(super) const fn new(seq: u64) -> Self {
        Self { seq }
    }

    /// The number of the journal's entry that holds it.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }
}

/// What running a primitive asks for. Planning has no journal, so it can make none for a write.
#[derive(Debug)]
pub struct Licence(
    #[expect(dead_code, reason = "the proof itself: that there is one is all that counts")] Proof,
);

#[derive(Debug)]
enum Proof {
    OnlyReads,
    Journalled(#[expect(dead_code, reason = "kept, so that an intent licenses one run and no more")] Intent),
}

impl Licence {
    /// The licence of a call that changes nothing; `None` for any other.
    #[must_use]
    pub fn to_read(effect: Effect) -> Option<Self> {
        effect.is_read().then_some(Self(Proof::OnlyReads))
    }
}

impl From<Intent> for Licence {
    fn from(intent: Intent) -> Self {
        Self(Proof::Journalled(intent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_read_is_licensed_without_the_journal() {
        assert!(Licence::to_read(Effect::Read).is_some());
        assert!(Licence::to_read(Effect::Write).is_none() && Licence::to_read(Effect::Destroy).is_none());
    }
}
