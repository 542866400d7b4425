//! A run of the past is taken back by a run of its own, or only told what that would do.

use std::sync::Arc;

use super::begin::Run;
use super::lost::Loss;
use super::{Ended, Intention, windows};
use crate::base::call::{Call, Inverse};
use crate::base::error::{Error, Kind, Result};
use crate::base::event::{Event, Position};
use crate::base::outcome::Outcome;
use crate::base::text;
use crate::effect::journal::{Journal, RunRecord};
use crate::effect::recall::{Frontier, Terms};
use crate::run::past::{self, Reversal};
use crate::run::reversed;
use crate::run::unwind::{self, Comparison, Item, Unwinding, Unwound, Way};
use crate::script::forms::rollback;
use crate::script::here::{self, Here};

impl Run {
    /// Takes a run of the past back.
    pub(super) fn roll_back(mut self) -> Ended {
        let (Intention::RollBack(reversal) | Intention::PlanRollBack(reversal)) = self.intention.clone()
        else {
            return self.leave(Error::bug("a rollback without a run"));
        };
        let is_new = self.index.is_empty();
        match self.reverse(&reversal) {
            Ok(outcome) => self.end(outcome, None),
            Err(error) if is_new => self.refuse(error),
            Err(error) => self.leave(error),
        }
    }

    fn reverse(&mut self, reversal: &Reversal) -> Result<Outcome> {
        let Some(record) = self.record.clone() else {
            return Err(Error::bug("a rollback without a journal"));
        };
        let mut own = std::mem::take(&mut self.index);
        if own.has_ended() {
            own.reopen();
        }
        let mut then = past::index(&record, &reversal.of.id)?;
        let mut begun = then.split_undo().undone();
        let calls = self.know_again(then)?;
        let own = own.split_undo();
        begun.extend(own.undone());
        let (run, force) = (reversal.of.id.clone(), reversal.force.clone());
        let restored = self.lost.iter().map(Loss::resource).collect();
        let comparison = Comparison { run, calls, force, begun, restored };
        let (items, covered) = self.remains(&record, &reversal.of.id)?;
        comparison.check(&items)?;
        let lacking = unwind::lacking(&self.session, &items);
        if let Some(lacking) = lacking.as_ref().filter(|_| self.journal.is_some()) {
            return Err(lacking.clone());
        }
        self.refuse_changed(&record, &reversal.of, &comparison, &items)?;
        self.tell_earlier(&record, reversal)?;
        if self.journal.is_none() {
            let _here = here::enter(Here::new("undo", self.unwinding.clone(), true));
            lacking.map_or(Ok(()), |lacking| windows::foretell(&self.session, &lacking))?;
            self.tell_plan(&items, covered, |item, call| {
                let whole = unwind::inverse(&self.session, &record, (&reversal.of.id, item.seq));
                // What can be told of it only when it is made is at least named.
                let told = whole.and_then(|call| self.session.pipeline.told_as(&call));
                told.unwrap_or_else(|_| format!("`{call}`"))
            });
            self.foresee_loss(reversal);
            return Ok(Outcome::Done);
        }
        self.lose(reversal)?;
        self.session.pipeline.recall.begin(own, Terms::new(Frontier::Loose));
        let unwinding = Unwinding {
            session: &self.session,
            engine: &self.engine,
            journal: &record,
            run: &reversal.of.id,
            items,
            covered,
            comparison: Some(comparison),
            others: Vec::new(),
        };
        let here = Here::new("undo", self.unwinding.clone(), true);
        Ok(match unwinding.unwind(here, &format!("rollback of the run {}", reversal.of.id)) {
            Unwound::All => Outcome::Done,
            Unwound::Nothing => {
                let text = "there was nothing to take back: what the run did stays as it is".to_owned();
                self.session.record(&Event::Logged { position: String::new(), text })?;
                Outcome::Done
            }
            Unwound::Partly => Outcome::NotTakenBack,
        })
    }

    /// Refuses where somebody changed since what would be taken back. What a later run changed comes first: once that is taken
    /// back, the rest may be as this run left it.
    fn refuse_changed(
        &self,
        record: &Journal,
        of: &RunRecord,
        comparison: &Comparison,
        items: &[Item],
    ) -> Result<()> {
        let session = &self.session;
        unwind::changed_by_newer((session, record), of, comparison, items)?;
        let _here = here::enter(Here::new("undo", self.unwinding.clone(), true));
        unwind::changed_since(session, comparison, items, || self.others(record, &of.id))
    }

    /// Names what came back before: by an earlier turn of this rollback, which is told again, or by an earlier rollback.
    fn tell_earlier(&self, record: &Journal, reversal: &Reversal) -> Result<()> {
        if let Some(by) = &reversal.by {
            return self.tell_again(record, &by.id);
        }
        let mut all = record.reversals(&reversal.of.id)?;
        all.push(reversal.of.clone());
        for by in all.iter().rev() {
            for (what, _) in reversed::unwound(record, by)?.into_iter().filter(|(_, is_back)| *is_back) {
                let text = format!("taken back before, by the run {}: {what}", by.id);
                self.session.record(&Event::Logged { position: String::new(), text })?;
            }
        }
        Ok(())
    }

    /// `by` tells what a call does that takes something back, in the words of the rollback itself.
    fn tell_plan(&self, items: &[Item], mut covered: Vec<Position>, by: impl Fn(&Item, &Call) -> String) {
        let host = &self.session.pipeline.host;
        let tell = |ordinal: usize, text: String| {
            host.tell(&Event::Logged { position: ordinal.to_string(), text });
        };
        let (mut ways, mut lost) = (0, 0);
        rollback::lend(Some(Arc::clone(&self.engine)));
        for (ordinal, item) in items.iter().rev().enumerate() {
            let text = match &item.way {
                Way::Block => {
                    covered.push(item.position.clone());
                    format!("{}, whatever was changed since: its block compares nothing", item.what)
                }
                Way::Inverse { inverse: Inverse::None { .. }, .. }
                    if unwind::is_covered(&covered, &item.position) =>
                {
                    continue;
                }
                Way::Inverse {
                    inverse: Inverse::Nothing | Inverse::Block | Inverse::Refused { .. }, ..
                } => continue,
                Way::Inverse { inverse: Inverse::None { why }, .. } => {
                    lost += 1;
                    format!("cannot take back “{}”: {why}", item.what)
                }
                Way::Inverse { inverse: Inverse::Call(call), .. } => {
                    format!("take back “{}” by {}", item.what, by(item, call))
                }
            };
            ways += 1;
            tell(ordinal, text);
            if matches!(item.way, Way::Block) {
                self.plan_block(&item.position);
            }
        }
        rollback::lend(None);
        tell(items.len(), sum(ways - lost, lost));
    }

    /// Tells what the rollback block of a step would do.
    fn plan_block(&self, position: &str) {
        let Some(block) = self.session.pipeline.ledger.block(position) else { return };
        let host = &self.session.pipeline.host;
        match (block.run)() {
            Ok(()) => {}
            Err(error) if error.kind == Kind::Horizon => {
                host.tell(&Event::Horizon { at: error.at.clone(), on: error.what.clone() });
            }
            Err(error) => {
                let text = format!("as things are, that block would fail: {}", error.what);
                host.tell(&Event::Logged { position: String::new(), text });
            }
        }
    }

    /// A rollback that was refused before it did anything: its record says why.
    fn refuse(self, error: Error) -> Ended {
        if self.journal.is_none() {
            return self.leave(error);
        }
        let mut ended = self.end(Outcome::Failed, Some(error));
        ended.left = true;
        ended
    }
}

/// What taking a run back comes to: `back` things that would be taken back, and `lost` ones that cannot be.
fn sum(back: usize, lost: usize) -> String {
    let things = |count: usize| text::count(count, "thing");
    match (back, lost) {
        (0, 0) => "there is nothing to take back".to_owned(),
        (_, 0) => format!("{} would be taken back", things(back)),
        (0, _) => format!("nothing would be taken back; {} cannot be", things(lost)),
        _ => format!("{} would be taken back; {} cannot be", things(back), things(lost)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_a_rollback_says_what_would_be_done() {
        assert_eq!(sum(0, 0), "there is nothing to take back");
        assert_eq!(sum(1, 0), "1 thing would be taken back");
        assert_eq!(sum(2, 1), "2 things would be taken back; 1 thing cannot be");
        assert_eq!(sum(0, 2), "nothing would be taken back; 2 things cannot be");
    }
}
