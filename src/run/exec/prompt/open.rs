//! Goes on inside a run of the past: its script runs as far as its record goes, without any effect, and what was known
//! there is known to the lines that are typed.

use rhai::Scope;

use super::Prompt;
use super::begin::everything;
use crate::base::error::{Error, Kind, Result};
use crate::base::event::Event;
use crate::effect::family::Families;
use crate::effect::journal::{Journal, RunKind, RunRecord, State};
use crate::effect::recall::{Frontier, HAND, Terms};
use crate::run::exec::Intention;
use crate::run::exec::begin::Run;
use crate::run::exec::reading;
use crate::run::exec::signals::Signals;
use crate::run::order::Audience;
use crate::run::past::{self, Resumption};
use crate::run::project::Project;
use crate::run::reversed;
use crate::script::here::{self, Here};
use crate::script::{bounds, traces};
use crate::sys::runtime;

/// Refuses a run that nobody can go on inside; it can be looked at all the same.
pub fn may_open(record: &RunRecord) -> Result<()> {
    if record.facts.kind != RunKind::Exec {
        return Err(Error::usage(format!("the run {} is no run of a playbook", record.id))
            .fix("open the run that it took back"));
    }
    if record.state == State::Running {
        return Err(Error::usage(format!("the run {} is running", record.id))
            .why("its own process goes on with it")
            .fix("look at it here; go on inside it once it has failed or was stopped"));
    }
    past::may_go_on(record)
}

impl Prompt {
    /// Goes on inside the run `record`.
    pub fn open(
        project: &Project,
        journal: &Journal,
        record: &RunRecord,
        families: Families,
        audience: Audience,
    ) -> Result<Self> {
        may_open(record)?;
        reversed::is_not_taken_back(journal, record)?;
        past::is_as_written(journal, record)?;
        let mut ready = past::as_it_ran(project, journal, record)?;
        let all = everything(&ready.environment).into_iter();
        let more: Vec<_> = all.filter(|access| !ready.header.uses.contains(access)).collect();
        ready.header.uses.extend(more);
        let runtime = runtime::start()?;
        let signals = runtime.block_on(async { Signals::listen() })?;
        let compiled = reading::look(&ready, families, &audience, runtime.handle()).into_program()?;
        let (before, next) = last_words(journal, record)?;
        let resumption = Resumption { record: record.clone(), accept: false, on_doubt: None, note: None };
        let intention = Intention::Resume(Box::new(resumption));
        let run = Run::begin(&ready, families, &audience, (&intention, runtime.handle()), &compiled)?;
        let mut prompt = Self::of(run, (runtime, signals), ready, families, audience);
        prompt.functions = prompt.run.ast.clone_functions_only();
        prompt.next = next;
        prompt.opened = Some((record.clone(), before));
        let ast = prompt.run.ast.clone();
        prompt.declare(&ast);
        prompt.know_again()?;
        Ok(prompt)
    }

    /// Runs the script as far as its record goes, and keeps the variables of the place where it ends.
    fn know_again(&mut self) -> Result<()> {
        let mut index = std::mem::take(&mut self.run.index);
        let _ = index.split_undo();
        let (session, engine, ast) = (&self.run.session, &self.run.engine, &self.run.ast);
        let redactor = session.pipeline.host.redactor.clone();
        session.pipeline.recall.begin(index, Terms { redactor, ..Terms::new(Frontier::Stop) });
        let mut outer = Scope::new();
        let stack = bounds::stack_size(&self.ready.environment.limits);
        let stop = self.run.unwinding.child();
        let result = std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().name("script".to_owned()).stack_size(stack);
            let outer = &mut outer;
            let thread = builder.spawn_scoped(scope, move || {
                let _here = here::enter(Here::new("", stop, false));
                engine.run_ast_with_scope(outer, ast).map_err(|error| {
                    traces::explain(&error, ast.source().unwrap_or_default(), &session.sources)
                })
            });
            let thread = thread.map_err(|why| Error::io("the script's thread cannot be started", &why))?;
            thread.join().map_err(|_| Error::bug("the script's thread ended without a word"))
        })?;
        let _ = session.pipeline.recall.finish();
        let inside = session.inside.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        self.scope = inside.unwrap_or(outer);
        match result {
            Err(error) if error.kind == Kind::Changed => Err(error),
            _ => Ok(()),
        }
    }
}

/// How the run had ended, or what it waits for; and the number of the next line that is typed in it.
fn last_words(journal: &Journal, record: &RunRecord) -> Result<(Option<Event>, u64)> {
    let (mut last, mut next) = (None, 0);
    journal.each(&record.id, &mut |kept| {
        match kept.event {
            Event::StepBegan { position, .. } if position.starts_with(HAND) => {
                let number = position.strip_prefix(HAND).and_then(|number| number.parse::<u64>().ok());
                next = number.map_or(next, |number| next.max(number + 1));
                last = None;
            }
            event @ (Event::RunEnded { .. } | Event::Suspended { .. }) => last = Some(event),
            _ => last = None,
        }
        Ok(())
    })?;
    Ok((last, next))
}
