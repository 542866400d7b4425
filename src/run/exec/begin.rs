//! The beginning of a run, or of another turn of it: its locks, its place in the journal, its session and engine.

use std::sync::Arc;
use std::time::Instant;

use rhai::{AST, Engine};
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;

use super::Intention;
use super::lost::Loss;
use super::reading::{Compiled, session};
use super::windows;
use crate::base::decision::Choose;
use crate::base::error::Result;
use crate::base::event::Event;
use crate::effect::environment::OnFailure;
use crate::effect::family::Families;
use crate::effect::journal::{Facts, Journal, NewRun, RunJournal, RunKind, RunRecord, Script};
use crate::effect::pipeline::{ID_WHILE_PLANNING, Mode};
use crate::effect::recall::Index;
use crate::run::beside::beside;
use crate::run::order::{Ask, Audience, Ready};
use crate::run::past::index;
use crate::run::plan::Watch;
use crate::run::standing;
use crate::script::session::Session;
use crate::script::{engine, imports};
use crate::sys::stop::Stop;
use crate::sys::{clock, environment};

/// A run that has begun.
pub(super) struct Run {
    /// The run's id; a plan has none.
    pub(super) id: Option<String>,
    pub(super) journal: Option<RunJournal>,
    /// The project's journal, where there is one.
    pub(super) record: Option<Journal>,
    pub(super) session: Arc<Session>,
    pub(super) engine: Arc<Engine>,
    pub(super) ast: AST,
    pub(super) families: Families,
    /// What is done.
    pub(super) intention: Intention,
    /// What earlier turns of this run recorded.
    pub(super) index: Index,
    /// Stops the script.
    pub(super) stop: Stop,
    /// Stops the taking back.
    pub(super) unwinding: Stop,
    pub(super) timeout: std::time::Duration,
    pub(super) on_failure: OnFailure,
    pub(super) ask: Option<Ask>,
    pub(super) choose: Option<Choose>,
    pub(super) begin: Instant,
    /// What a rollback would lose.
    pub(super) lost: Vec<Loss>,
    /// The saved plan that it is held to.
    pub(super) plan: Option<Arc<Watch>>,
    pub(super) playbook: String,
}

/// A run's place in the journal.
#[derive(Default)]
struct Place {
    record: Option<Journal>,
    journal: Option<RunJournal>,
    index: Index,
}

impl Run {
    /// Begins the run, or a further turn of it: from here on it is journalled.
    pub(super) fn begin(
        ready: &Ready,
        families: Families,
        audience: &Audience,
        (intention, handle): (&Intention, &Handle),
        compiled: &Compiled,
    ) -> Result<Self> {
        let record = match intention {
            Intention::Plan => None,
            _ => Some(Journal::open(&ready.folder)?),
        };
        Self::of(record, (ready, families, audience), (intention, handle), compiled)
    }

    /// The same in that journal.
    pub(super) fn of(
        record: Option<Journal>,
        (ready, families, audience): (&Ready, Families, &Audience),
        (intention, handle): (&Intention, &Handle),
        (ast, scripts): &Compiled,
    ) -> Result<Self> {
        let begin = clock::instant();
        let facts = facts(ready, intention, scripts);
        let place = match record {
            Some(record) => Place::take(record, &facts, (intention, &kept(scripts, ready)))?,
            None => Place::default(),
        };
        let id = place.journal.as_ref().map(|journal| journal.id().to_owned());
        let mode = place.journal.clone().map_or(Mode::Plan, Mode::Apply);
        let shown = shown(intention, id.as_deref(), &facts);
        let identity = (facts.script.clone(), facts.plan.clone());
        let session = session(ready, families, (mode, shown, identity), audience, handle);
        session.sources.keep(&ready.name, &ready.text);
        let began = began(&facts, id.as_deref(), intention.is_plan());
        match intention {
            // It stands in the journal from its first turn.
            _ if !place.index.is_empty() => session.pipeline.host.tell(&began),
            _ => session.record(&began)?,
        }
        if matches!(intention, Intention::Apply | Intention::Plan) {
            windows::tell(ready, &session, &environment::person())?;
        }
        if let (Intention::Apply, Some(record), Some(id)) = (intention, &place.record, &id) {
            let environment = &facts.environment;
            let left = standing::left_behind((record, families), environment)?;
            let beside = beside((record, families), (id, environment), &ready.header.uses)?;
            for text in left.into_iter().chain(beside) {
                session.record(&Event::Logged { position: String::new(), text })?;
            }
        }
        let engine = Arc::new(engine::build(&session));
        let ast = if matches!(intention, Intention::Plan) {
            engine::compile_plan(&engine, &session, &ready.name)?
        } else {
            ast.clone()
        };
        Ok(Self {
            id,
            journal: place.journal,
            record: place.record,
            session,
            engine,
            ast,
            families,
            intention: intention.clone(),
            index: place.index,
            stop: Stop::default(),
            unwinding: Stop::default(),
            timeout: ready.environment.limits.timeout,
            on_failure: ready.environment.on_failure,
            ask: audience.ask.clone(),
            choose: audience.choose.clone(),
            begin,
            lost: Vec::new(),
            plan: ready.plan.clone().filter(|_| intention.is_held()),
            playbook: ready.name.clone(),
        })
    }
}

impl Place {
    fn take(record: Journal, facts: &Facts, (intention, scripts): (&Intention, &[Script])) -> Result<Self> {
        if let Intention::PlanRollBack(_) = intention {
            return Ok(Self { record: Some(record), ..Self::default() });
        }
        let new = || NewRun { facts: facts.clone(), scripts: scripts.to_vec() };
        let (journal, index) = match intention {
            Intention::Resume(resumption) => {
                go_on(&record, &resumption.record.id, facts, (scripts, &resumption.note))?
            }
            Intention::RollBack(reversal) if reversal.by.is_some() => {
                let by = reversal.by.as_ref().map(|by| by.id.clone()).unwrap_or_default();
                go_on(&record, &by, facts, (scripts, &None))?
            }
            _ => (record.begin_run(&new())?, Index::default()),
        };
        Ok(Self { record: Some(record), journal: Some(journal), index })
    }
}

/// Goes on with the record of a run that no process holds any more.
fn go_on(
    record: &Journal,
    run: &str,
    facts: &Facts,
    (scripts, note): (&[Script], &Option<String>),
) -> Result<(RunJournal, Index)> {
    let resumed = Event::RunResumed {
        person: environment::person(),
        script: facts.script.clone(),
        scripts: std::collections::BTreeMap::new(),
        reopened: false,
        note: note.clone(),
    };
    let journal = record.resume_run(run, resumed, scripts)?;
    Ok((journal, index(record, run)?))
}

/// The scripts, and the saved plan that the run is held to, which whoever goes on with it needs again.
fn kept(scripts: &[Script], ready: &Ready) -> Vec<Script> {
    scripts.iter().cloned().chain(ready.plan.as_ref().map(|plan| plan.kept())).collect()
}

fn facts(ready: &Ready, intention: &Intention, scripts: &[Script]) -> Facts {
    let script = imports::digest(scripts);
    match intention {
        // What `run` is in the script was decided when it began.
        Intention::Resume(resumption) => Facts { script, ..resumption.record.facts.clone() },
        Intention::RollBack(reversal) | Intention::PlanRollBack(reversal) => Facts {
            person: environment::person(),
            script,
            kind: RunKind::Rollback,
            parent: Some(reversal.of.id.clone()),
            title: title(&reversal.of),
            ..reversal.of.facts.clone()
        },
        Intention::Apply | Intention::Plan => Facts {
            playbook: ready.name.clone(),
            title: ready.header.title.clone(),
            environment: ready.environment.name.clone(),
            person: environment::person(),
            script,
            parameters: ready.parameters.clone(),
            kind: RunKind::Exec,
            lock: ready.header.lock.clone(),
            plan: ready.plan.as_ref().map(|plan| plan.hash().to_owned()),
            break_glass: ready.environment.windows.broken.clone(),
            ..Facts::default()
        },
    }
}

/// What the rollback of a run is called.
fn title(of: &RunRecord) -> String {
    let (facts, id) = (&of.facts, &of.id);
    let title = if facts.title.is_empty() { &facts.playbook } else { &facts.title };
    format!("Rollback of {id}: {title}")
}

/// What `run` is in the script: of a run that is taken back, what it was then.
fn shown(intention: &Intention, id: Option<&str>, facts: &Facts) -> Map<String, Value> {
    let (id, person) = match intention {
        Intention::RollBack(reversal) | Intention::PlanRollBack(reversal) => {
            (reversal.of.id.as_str(), &reversal.of.facts.person)
        }
        _ => (id.unwrap_or(ID_WHILE_PLANNING), &facts.person),
    };
    let shown =
        json!({ "id": id, "environment": facts.environment, "person": person, "playbook": facts.playbook });
    shown.as_object().cloned().unwrap_or_default()
}

fn began(facts: &Facts, id: Option<&str>, planning: bool) -> Event {
    Event::RunBegan {
        run: id.unwrap_or_default().to_owned(),
        playbook: facts.playbook.clone(),
        title: facts.title.clone(),
        environment: facts.environment.clone(),
        person: facts.person.clone(),
        script: facts.script.clone(),
        parameters: facts.parameters.clone(),
        planning,
    }
}
