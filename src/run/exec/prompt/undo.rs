//! What stands of the lines typed so far, and taking the newest of it back.

use super::Prompt;
use crate::base::call::Inverse;
use crate::base::error::{Error, Result};
use crate::effect::recall::HAND;
use crate::run::unwind::{Item, Unwinding, Way};
use crate::script::here::Here;
use crate::sys::stop::Stop;

impl Prompt {
    /// The changes of this prompt's lines that stand, oldest first, in words, each with whether it can be taken back.
    pub fn standing(&self) -> Result<Vec<(String, bool)>> {
        let (items, _) = self.items()?;
        let told = items.iter().filter(|item| !matches!(item.way, Way::Block));
        Ok(told
            .map(|item| {
                (item.what.clone(), !matches!(item.way, Way::Inverse { inverse: Inverse::None { .. }, .. }))
            })
            .collect())
    }

    /// Takes back the last effect, or with `all` every one; gives what was taken back, or why it could not be.
    pub fn undo(&mut self, all: bool) -> Result<Vec<(String, Result<()>)>> {
        let (mut items, covered) = self.items()?;
        if !all {
            let last = items.last().cloned();
            items.retain(|item| last.as_ref().is_some_and(|last| is_part(item, last)));
        }
        let (Some(journal), Some(run)) = (&self.run.record, self.run.id.as_deref()) else {
            return Err(Error::bug("a prompt without a journal"));
        };
        let unwinding = Unwinding {
            session: &self.run.session,
            engine: &self.run.engine,
            journal,
            run,
            items,
            covered,
            comparison: None,
            others: self.run.others(journal, run),
        };
        self.run.unwinding = Stop::default();
        let here = Here::new("undo", self.run.unwinding.clone(), true);
        let builder = std::thread::Builder::new().name("script".to_owned());
        std::thread::scope(|scope| {
            let thread = builder.spawn_scoped(scope, move || unwinding.take_some(here));
            let thread = thread.map_err(|why| Error::io("the script's thread cannot be started", &why))?;
            thread.join().map_err(|_| Error::bug("the script's thread ended without a word"))
        })
    }

    fn items(&self) -> Result<(Vec<Item>, Vec<String>)> {
        let (Some(record), Some(journal)) = (&self.run.record, &self.run.journal) else {
            return Ok((Vec::new(), Vec::new()));
        };
        journal.flush()?;
        let (mut items, covered) = self.run.remains(record, journal.id())?;
        items.retain(|item| item.position.starts_with(HAND) && !is_nothing(item));
        Ok((items, covered))
    }
}

fn is_nothing(item: &Item) -> bool {
    matches!(item.way, Way::Inverse { inverse: Inverse::Nothing, .. })
}

/// Whether `item` is `last`, or lies in the step that `last` is the rollback of.
fn is_part(item: &Item, last: &Item) -> bool {
    let within = || item.position.strip_prefix(&last.position).is_some_and(|rest| rest.starts_with('/'));
    item.position == last.position && item.seq == last.seq || matches!(last.way, Way::Block) && within()
}
