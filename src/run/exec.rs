//! Carries out a playbook, or plans it: its thread, its journal, its signals, its end.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use rhai::{AST, Engine};
use serde_json::{Map, json};
use tokio::signal::unix::{SignalKind, signal};

use super::order::{Audience, Ready};
use super::unwind::{self, Unwound};
use crate::base::error::{Error, Kind, Result};
use crate::base::event::Event;
use crate::base::exit::Exit;
use crate::base::outcome::Outcome;
use crate::base::text;
use crate::effect::cx::Host;
use crate::effect::environment::OnFailure;
use crate::effect::family::Families;
use crate::effect::journal::{self, Facts, Journal, NewRun, RunJournal, RunKind, Script};
use crate::effect::ledger::Ledger;
use crate::effect::pipeline::{Mode, Pipeline};
use crate::effect::policy::Grants;
use crate::effect::recall::Recall;
use crate::script::here::{self, Here};
use crate::script::session::{Parts, Session};
use crate::script::{engine, imports};
use crate::sys::stop::Stop;
use crate::sys::{clock, environment, process};

/// How long a run may go on after a second signal before the process ends without it.
const LAST_MOMENT: Duration = Duration::from_secs(2);

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// The run's id; a plan has none.
    pub run: Option<String>,
    /// How.
    pub outcome: Outcome,
    /// Why it failed.
    pub error: Option<Error>,
}

impl Ended {
    /// The exit code of the command.
    #[must_use]
    pub fn exit(&self) -> Exit {
        journal::exit(self.outcome, self.error.as_ref())
    }
}

/// Whether the effects of a run happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intention {
    /// They happen.
    Apply,
    /// They are only told.
    Plan,
}

/// Carries out or plans what is ready, and returns when it has ended, been taken back where it failed, and journalled.
pub fn exec(ready: &Ready, families: Families, audience: &Audience, intention: Intention) -> Result<Ended> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|why| Error::io("the runtime cannot be started", &why))?;
    let compiled = compile(ready, families, audience, runtime.handle())?;
    let run = Run::begin(ready, families, audience, (intention, runtime.handle()), compiled)?;
    let (id, stops) = (run.id.clone(), (run.stop.clone(), run.unwinding.clone()));
    let (done, ended) = tokio::sync::oneshot::channel();
    let builder = std::thread::Builder::new()
        .name("script".to_owned())
        .stack_size(engine::stack_size(&ready.environment.limits));
    let thread = builder.spawn(move || {
        let _ = done.send(run.carry_out());
    });
    thread.map_err(|why| {
        Error::io("the script's thread cannot be started", &why)
            .fix("lower `memory` in [env.NAME.limits]: its stack is eight times that")
    })?;
    let ended = runtime.block_on(attend(ended, stops));
    // A thread that did not end in time holds no one up: the process ends with its main thread.
    runtime.shutdown_timeout(Duration::from_millis(200));
    Ok(ended.unwrap_or_else(|| Ended {
        run: id,
        outcome: Outcome::Cancelled,
        error: Some(
            Error::cancelled("interrupted twice: the run was left as it stood")
                .fix("`playbook show last` tells how far it came"),
        ),
    }))
}

/// Waits for the end of the run, passing on signals: the first stops the run, the second its rollback too.
async fn attend(
    mut ended: tokio::sync::oneshot::Receiver<Ended>,
    (stop, unwinding): (Stop, Stop),
) -> Option<Ended> {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return ended.await.ok();
    };
    let mut signals = 0;
    loop {
        let name = tokio::select! {
            ended = &mut ended => return ended.ok(),
            _ = interrupt.recv() => "Ctrl-C",
            _ = terminate.recv() => "a termination signal",
        };
        signals += 1;
        stop.give(Error::cancelled(format!("stopped by {name}")));
        if signals > 1 {
            process::end_all();
            unwinding.give(Error::cancelled(format!("stopped by a second signal ({name})")));
            return tokio::time::timeout(LAST_MOMENT, &mut ended).await.ok()?.ok();
        }
    }
}

/// A compiled playbook and the texts of everything it imports.
type Compiled = (AST, Vec<Script>);

/// Reads the playbook and its modules, and checks them, without running anything.
fn compile(
    ready: &Ready,
    families: Families,
    audience: &Audience,
    handle: &tokio::runtime::Handle,
) -> Result<Compiled> {
    let session = session(
        ready,
        families,
        (Mode::Plan, Map::new()),
        &Audience { listeners: Vec::new(), ..audience.clone() },
        handle,
    );
    let engine = engine::build(&session);
    let ast = imports::playbook(&engine, &session, &ready.name, &ready.text)?;
    let scripts = imports::gather(&engine, &session, &ast)?;
    Ok((ast, scripts))
}

fn session(
    ready: &Ready,
    families: Families,
    (mode, facts): (Mode, Map<String, serde_json::Value>),
    audience: &Audience,
    handle: &tokio::runtime::Handle,
) -> Arc<Session> {
    let host =
        Host::new(ready.folder.clone(), ready.environment.clone(), families, audience.listeners.clone());
    let pipeline = Pipeline {
        host: Arc::new(host),
        grants: Grants::new(&ready.header.uses, &ready.environment),
        mode,
        recall: Recall::default(),
        ledger: Ledger::default(),
        planned: AtomicUsize::new(0),
    };
    Arc::new(Session::new(Parts {
        pipeline: Arc::new(pipeline),
        runtime: handle.clone(),
        allocated: audience.allocated.unwrap_or(|| 0),
        parameters: ready.parameters.clone(),
        facts,
    }))
}

/// A run that has begun.
struct Run {
    id: Option<String>,
    journal: Option<RunJournal>,
    session: Arc<Session>,
    engine: Arc<Engine>,
    ast: AST,
    stop: Stop,
    unwinding: Stop,
    timeout: Duration,
    on_failure: OnFailure,
    ask: Option<super::order::Ask>,
    begin: std::time::Instant,
}

impl Run {
    fn begin(
        ready: &Ready,
        families: Families,
        audience: &Audience,
        (intention, handle): (Intention, &tokio::runtime::Handle),
        (ast, scripts): Compiled,
    ) -> Result<Self> {
        let begin = clock::instant();
        let facts = Facts {
            playbook: ready.name.clone(),
            title: ready.header.title.clone(),
            environment: ready.environment.name.clone(),
            person: environment::person(),
            script: imports::digest(&scripts),
            parameters: ready.parameters.clone(),
            kind: RunKind::Exec,
            lock: ready.header.lock.clone(),
            ..Facts::default()
        };
        let journal = match intention {
            Intention::Apply => {
                Some(Journal::open(&ready.folder)?.begin_run(&NewRun { facts: facts.clone(), scripts })?)
            }
            Intention::Plan => None,
        };
        let id = journal.as_ref().map(|journal| journal.id().to_owned());
        let shown = json!({ "id": id.as_deref().unwrap_or("plan"), "environment": facts.environment, "person": facts.person, "playbook": facts.playbook });
        let mode = journal.clone().map_or(Mode::Plan, Mode::Apply);
        let session = session(
            ready,
            families,
            (mode, shown.as_object().cloned().unwrap_or_default()),
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
        let engine = Arc::new(engine::build(&session));
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
        })
    }

    /// On the script's own thread: the playbook, then its end.
    fn carry_out(self) -> Ended {
        let deadline = self.session.runtime.spawn(deadline(self.stop.clone(), self.timeout));
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
            Err(error) => self.fail(error),
        };
        self.end(outcome, error)
    }

    /// The run failed: takes back what it did, or leaves it, as the policy says.
    fn fail(&self, error: Error) -> (Outcome, Option<Error>) {
        let failed = if error.kind == Kind::Cancelled { Outcome::Cancelled } else { Outcome::Failed };
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
        let ended = Event::RunEnded { outcome, took: self.begin.elapsed(), error: error.clone() };
        let journalled = self.journal.as_ref().map_or(Ok(()), |journal| journal.end(&ended));
        self.session.pipeline.host.tell(&ended);
        let error = error.or_else(|| journalled.err());
        Ended { run: self.id, outcome, error }
    }
}

async fn deadline(stop: Stop, timeout: Duration) {
    clock::pause(timeout).await;
    let what = format!("the run took longer than {}", text::show_duration(timeout));
    stop.give(
        Error::new(Kind::Limit, what)
            .fix("raise `timeout` in the playbook's header or in [env.NAME.limits] of playbook.toml"),
    );
}
