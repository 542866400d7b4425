//! A run that has begun: the playbook on its own thread, then its end, taken back where it failed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rhai::{AST, Engine};
use serde_json::json;
use tokio::runtime::Handle;

use super::reading::{Compiled, session};
use super::windows;
use super::{Ended, Intention};
use crate::base::error::{Error, IN_DOUBT, Kind, Result};
use crate::base::event::Event;
use crate::base::outcome::Outcome;
use crate::base::text;
use crate::effect::environment::OnFailure;
use crate::effect::family::Families;
use crate::effect::journal::{Facts, Filter, Journal, NewRun, RunJournal, RunKind, Script, State};
use crate::effect::pipeline::Mode;
use crate::run::order::{Ask, Audience, Ready};
use crate::run::saved::Watch;
use crate::run::unwind::{self, Unwound};
use crate::script::here::{self, Here};
use crate::script::session::Session;
use crate::script::{engine, imports};
use crate::sys::clock::Idle;
use crate::sys::stop::Stop;
use crate::sys::{clock, environment};

/// A run that has begun.
pub(super) struct Run {
    /// The run's id; a plan has none.
    pub(super) id: Option<String>,
    journal: Option<RunJournal>,
    session: Arc<Session>,
    engine: Arc<Engine>,
    ast: AST,
    /// Stops the script.
    pub(super) stop: Stop,
    /// Stops the taking back.
    pub(super) unwinding: Stop,
    timeout: Duration,
    on_failure: OnFailure,
    ask: Option<Ask>,
    begin: Instant,
    /// The saved plan that it is held to.
    plan: Option<Arc<Watch>>,
    playbook: String,
}

impl Run {
    /// Begins the run: from here on it is journalled.
    pub(super) fn begin(
        ready: &Ready,
        families: Families,
        audience: &Audience,
        (intention, handle): (Intention, &Handle),
        (ast, scripts): &Compiled,
    ) -> Result<Self> {
        let begin = clock::instant();
        let facts = facts(ready, scripts);
        let (journal, left) = match intention {
            Intention::Apply => keep(ready, &facts, scripts)?,
            Intention::Plan => (None, None),
        };
        let id = journal.as_ref().map(|journal| journal.id().to_owned());
        let shown = json!({ "id": id.as_deref().unwrap_or("plan"), "environment": facts.environment, "person": facts.person, "playbook": facts.playbook });
        let mode = journal.clone().map_or(Mode::Plan, Mode::Apply);
        let session = session(
            ready,
            families,
            (mode, shown.as_object().cloned().unwrap_or_default(), facts.script.clone()),
            audience,
            handle,
        );
        session.sources.keep(&ready.name, &ready.text);
        session.record(&Event::RunBegan {
            run: id.clone().unwrap_or_default(),
            playbook: facts.playbook,
            title: facts.title,
            environment: facts.environment,
            person: facts.person,
            script: facts.script,
            parameters: facts.parameters,
            planning: intention == Intention::Plan,
        })?;
        windows::tell(ready, &session, &environment::person())?;
        if let Some(text) = left {
            session.record(&Event::Logged { position: String::new(), text })?;
        }
        let engine = Arc::new(engine::build(&session));
        let ast = if session.is_planning() {
            engine::compile_plan(&engine, &session, &ready.name)?
        } else {
            ast.clone()
        };
        let limits = &ready.environment;
        Ok(Self {
            id,
            journal,
            session,
            engine,
            ast,
            stop: Stop::default(),
            unwinding: Stop::default(),
            timeout: limits.limits.timeout,
            on_failure: limits.on_failure,
            ask: audience.ask.clone(),
            begin,
            plan: ready.plan.clone().filter(|_| intention == Intention::Apply),
            playbook: ready.name.clone(),
        })
    }

    /// On the script's own thread: the playbook, then its end.
    pub(super) fn carry_out(self) -> Ended {
        let deadline =
            self.session.runtime.spawn(deadline(self.stop.clone(), self.timeout, self.session.idle.clone()));
        let result = {
            let _here = here::enter(Here::new("", self.stop.clone(), false));
            engine::run(&self.engine, &self.ast, &self.session)
        };
        deadline.abort();
        let (outcome, error) = match result {
            Ok(()) => (Outcome::Done, None),
            Err(error) if error.kind == Kind::Horizon => {
                self.session
                    .pipeline
                    .host
                    .tell(&Event::Horizon { at: error.at.clone(), on: error.what.clone() });
                (Outcome::Done, None)
            }
            Err(error) if error.kind == Kind::Suspended => return self.suspend(error),
            Err(error) => self.fail(error),
        };
        self.end(outcome, error)
    }

    /// The run failed: takes back what it did, or leaves it, as the policy says.
    fn fail(&self, error: Error) -> (Outcome, Option<Error>) {
        let failed = match error.kind {
            Kind::InDoubt => Outcome::InDoubt,
            _ if error.details.contains_key(IN_DOUBT) => Outcome::InDoubt,
            Kind::Cancelled => Outcome::Cancelled,
            _ => Outcome::Failed,
        };
        if self.journal.is_none() || self.session.pipeline.ledger.is_empty() {
            return (failed, Some(error));
        }
        let wanted = match &self.ask {
            Some(ask) if error.kind == Kind::Cancelled => ask("Take back what was done?"),
            _ => self.on_failure == OnFailure::Rollback,
        };
        if !wanted {
            return (failed, Some(error));
        }
        let here = Here::new("undo", self.unwinding.clone(), true);
        match unwind::unwind(&self.session, &self.engine, here, &error.what) {
            Unwound::All => (Outcome::TakenBack, Some(error)),
            Unwound::Nothing => (failed, Some(error)),
            Unwound::Partly => (Outcome::NotTakenBack, Some(error)),
        }
    }

    fn end(self, outcome: Outcome, error: Option<Error>) -> Ended {
        if outcome == Outcome::Done {
            self.compare();
        }
        let ended = Event::RunEnded { outcome, took: self.begin.elapsed(), error: error.clone() };
        let journalled = self.journal.as_ref().map_or(Ok(()), |journal| journal.end(&ended));
        self.session.pipeline.host.tell(&ended);
        let error = error.or_else(|| journalled.err());
        Ended { run: self.id, outcome, error }
    }
}

impl Run {
    /// Leaves the run as it stands, to be gone on with by another process.
    fn suspend(self, error: Error) -> Ended {
        let until = error.details.get("until").and_then(|until| until.as_str()).map(str::to_owned);
        let what = error.what.split(" until ").next().unwrap_or_default();
        let what = what.trim_end_matches(", and the process ends meanwhile").to_owned();
        let recorded = self.session.record(&Event::Suspended { until, what });
        let flushed = recorded.and_then(|()| self.journal.as_ref().map_or(Ok(()), RunJournal::flush));
        Ended { run: self.id, outcome: Outcome::Cancelled, error: Some(flushed.err().unwrap_or(error)) }
    }

    /// Records how the run went against the plan that it was held to.
    fn compare(&self) {
        let Some(plan) = &self.plan else { return };
        let host = &self.session.pipeline.host;
        let before = Journal::find(&host.project).and_then(|journal| match journal {
            Some(journal) => journal.accuracy(&self.playbook),
            None => Ok((0, 0.0)),
        });
        // A journal that cannot be read or written shows itself at the run's end.
        let _ = self.session.record(&plan.compared(before.unwrap_or_default()));
    }
}

/// What is known of a run when it begins.
fn facts(ready: &Ready, scripts: &[Script]) -> Facts {
    Facts {
        playbook: ready.name.clone(),
        title: ready.header.title.clone(),
        environment: ready.environment.name.clone(),
        person: environment::person(),
        script: imports::digest(scripts),
        parameters: ready.parameters.clone(),
        kind: RunKind::Exec,
        lock: ready.header.lock.clone(),
        plan: ready.plan.as_ref().map(|plan| plan.hash().to_owned()),
        break_glass: ready.environment.windows.broken.clone(),
        ..Facts::default()
    }
}

/// A run's place in the journal, and what the run before left behind.
type Kept = (Option<RunJournal>, Option<String>);

/// Begins the run in the journal, with the lock that the header names.
fn keep(ready: &Ready, facts: &Facts, scripts: &[Script]) -> Result<Kept> {
    let journal = Journal::open(&ready.folder)?;
    let left = left_behind(&journal, &facts.environment)?;
    let run = NewRun { facts: facts.clone(), scripts: scripts.to_vec() };
    Ok((Some(journal.begin_run(&run)?), left))
}

/// What to say when the last run in this environment never came to its end.
fn left_behind(journal: &Journal, environment: &str) -> Result<Option<String>> {
    let filter = Filter { last: Some(1), environment: Some(environment.to_owned()), ..Filter::default() };
    let last = journal.runs(&filter)?.into_iter().next().filter(|run| run.state == State::Interrupted);
    Ok(last.map(|run| {
        format!(
            "warning: run {} of {} was cut off, and nothing of it was taken back: `playbook show {}` tells what it did",
            run.id, run.facts.playbook, run.id
        )
    }))
}

async fn deadline(stop: Stop, timeout: Duration, idle: Idle) {
    let begin = clock::instant();
    loop {
        let left = timeout.saturating_sub(begin.elapsed().saturating_sub(idle.total()));
        if left.is_zero() {
            break;
        }
        clock::pause(left).await;
    }
    let what = format!("the run took longer than {}", text::show_duration(timeout));
    stop.give(
        Error::new(Kind::Limit, what)
            .fix("raise `timeout` in the playbook's header or in [env.NAME.limits] of playbook.toml"),
    );
}
