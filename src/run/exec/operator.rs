//! Where a run failed and somebody is at the terminal, that person decides how it goes on.

use super::begin::Run;
use crate::base::decision::{Answer, Choice, Question};
use crate::base::error::{Error, Kind};
use crate::base::event::{Event, Position};
use crate::effect::recall::{Index, Record};
use crate::sys::environment;

/// How a run goes on that has failed.
pub(super) enum Next {
    /// As the policy says, because nobody decides.
    Policy,
    /// Once more from the top, with what is recorded by now.
    Again(Box<Index>),
    /// What was done is taken back.
    Rollback,
    /// It stays as it stands.
    Stop,
}

impl Run {
    /// Asks the person, if there is one; what is decided is journalled with who decided it.
    pub(super) fn ask(&self, error: &Error) -> Next {
        let Some(choose) = &self.choose else { return Next::Policy };
        // After a stop or a limit nothing of this run may go on.
        if self.journal.is_none() || self.stop.is_given() || error.kind == Kind::Bug {
            return Next::Policy;
        }
        let Ok(so_far) = self.so_far() else { return Next::Policy };
        let broken = so_far.broken().map(|(position, record)| (position, record.words(), is_call(record)));
        let choices = match &broken {
            Some((.., true)) => vec![
                Choice::Retry,
                Choice::Skip,
                Choice::Value,
                Choice::ByHand,
                Choice::Rollback,
                Choice::Stop,
            ],
            Some(_) => vec![Choice::Retry, Choice::Skip, Choice::ByHand, Choice::Rollback, Choice::Stop],
            None => vec![Choice::Retry, Choice::Rollback, Choice::Stop],
        };
        let (position, what) = broken.map(|(position, what, _)| (position, what)).unwrap_or_default();
        let answer = choose(&Question { error: error.clone(), what: what.clone(), choices });
        let choice = answer.choice;
        // Who cancels from elsewhere ends the question, and has not answered it.
        if choice == Choice::Stop && self.is_cancelled_elsewhere() {
            return Next::Policy;
        }
        if self.decided(&position, what, answer).is_err() {
            return Next::Policy;
        }
        match choice {
            Choice::Rollback => Next::Rollback,
            Choice::Stop => Next::Stop,
            _ => self.again(),
        }
    }

    fn decided(&self, position: &Position, what: String, answer: Answer) -> crate::base::error::Result<()> {
        // To try again is decided of the run: whatever broke is tried again, and what was only read there is read again.
        let position = if answer.choice == Choice::Retry { String::new() } else { position.clone() };
        self.session.record(&Event::Decided {
            position,
            what,
            choice: answer.choice,
            by: environment::person(),
            value: answer.value,
            note: answer.note,
        })
    }

    fn again(&self) -> Next {
        self.session.pipeline.ledger.clear();
        self.so_far().map_or(Next::Policy, |index| Next::Again(Box::new(index)))
    }
}

const fn is_call(record: &Record) -> bool {
    matches!(record, Record::Effect(_))
}
