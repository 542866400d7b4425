//! A run whose lines a person types: each is carried out by the same session, engine and pipeline as a playbook's, is
//! journalled as a step of its own, and leaves its variables to the next.

mod begin;
mod line;
mod open;
mod undo;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rhai::{AST, Scope};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::begin::Run;
use super::signals::Signals;
use crate::base::error::{Error, Result};
use crate::base::event::{Event, Position};
use crate::base::outcome::Outcome;
use crate::base::redact::Redactor;
use crate::effect::family::Families;
use crate::effect::journal::RunRecord;
use crate::effect::recall::HAND;
use crate::run::order::{Audience, Ready};
use crate::script::handle::Handle;

pub use line::{Planned, Typed};
pub use open::may_open;

/// The person's run, and the variables that their lines have made so far.
pub struct Prompt {
    run: Run,
    runtime: Runtime,
    signals: Signals,
    ready: Ready,
    families: Families,
    audience: Audience,
    scope: Scope<'static>,
    /// Every function that was declared, closures among them.
    functions: AST,
    /// The paths of imports by their alias: the engine forgets them at the end of each line.
    imports: Vec<(String, String)>,
    next: u64,
    /// The run that is gone on with, and how it had ended.
    opened: Option<(RunRecord, Option<Event>)>,
    /// The lines so far, in their order.
    pub lines: Vec<Typed>,
}

/// A variable that a line may use.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value as it is shown, secrets taken out.
    pub value: Value,
    /// The family, when it is the handle of a resource.
    pub family: Option<String>,
}

impl Prompt {
    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.run.id.as_deref().unwrap_or_default()
    }

    /// The run that is gone on with; none when it is a run of its own.
    #[must_use]
    pub fn opened(&self) -> Option<&RunRecord> {
        self.opened.as_ref().map(|(record, _)| record)
    }

    /// The variables that a line may use, the newest of each name.
    #[must_use]
    pub fn variables(&self) -> Vec<Variable> {
        let redactor = &self.run.session.pipeline.host.redactor;
        let mut found: Vec<Variable> = Vec::new();
        for (name, _, value) in self.scope.iter() {
            found.retain(|have| have.name != name);
            let family = value.read_lock::<Handle>().map(|handle| handle.id.family.clone());
            let value = redactor.value(&crate::script::values::shown(&value));
            found.push(Variable { name: name.to_owned(), value, family });
        }
        found
    }

    /// The names of the functions that lines have declared.
    #[must_use]
    pub fn functions(&self) -> Vec<String> {
        let names = self.functions.iter_functions().map(|one| one.name.to_owned());
        names.filter(|name| !name.starts_with("anon$")).collect()
    }

    /// `text` without the secrets that were revealed so far.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        self.run.session.pipeline.host.redactor.text(text)
    }

    /// Knows the secrets that were revealed so far, and those to come.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        self.run.session.pipeline.host.redactor.clone()
    }

    /// Sets `over` when the process is told to end, or the terminal goes away, while no line is carried out.
    pub fn when_ended(&self, over: &Arc<AtomicBool>) {
        let over = Arc::clone(over);
        // Before this returns: what comes afterwards, however soon, is heard.
        let Ok(mut signals) = self.runtime.block_on(async { Signals::listen() }) else { return };
        self.runtime.spawn(async move {
            signals.ended().await;
            over.store(true, Ordering::Relaxed);
        });
    }

    /// The entries of the run, for its timeline.
    pub fn entries(&self) -> Result<Vec<crate::effect::journal::Entry>> {
        let (Some(record), Some(journal)) = (&self.run.record, &self.run.journal) else {
            return Ok(Vec::new());
        };
        journal.flush()?;
        record.entries(journal.id())
    }

    /// Ends the run; one that was gone on with stands again as it stood. `error` is why it failed.
    pub fn close(self, error: Option<Error>) -> Result<()> {
        let Self { run, opened, .. } = self;
        match opened {
            None => {
                let outcome = error.as_ref().map_or(Outcome::Done, super::carried::failed);
                run.end(outcome, error).error.map_or(Ok(()), |_| Ok(()))
            }
            Some((_, Some(Event::RunEnded { outcome, error, .. }))) => {
                run.end(outcome, error);
                Ok(())
            }
            Some((_, before)) => {
                before.map_or(Ok(()), |event| run.session.record(&event))?;
                run.journal.as_ref().map_or(Ok(()), crate::effect::journal::RunJournal::flush)?;
                run.let_go();
                Ok(())
            }
        }
    }

    fn position(&self) -> Position {
        format!("{HAND}{}", self.next)
    }
}

impl std::fmt::Debug for Prompt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prompt").field("run", &self.run.id).finish_non_exhaustive()
    }
}
