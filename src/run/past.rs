//! A run of the past made ready: to be gone on with, with the playbook of today, or to be taken back, with the scripts
//! as they ran.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::order::{Order, Ready};
use super::project::Project;
use crate::base::error::{Error, Kind, Result};
use crate::base::event::Event;
use crate::base::outcome::Outcome;
use crate::effect::environment::OnFailure;
use crate::effect::family::Families;
use crate::effect::journal::{Journal, RunKind, RunRecord, State};
use crate::effect::options::OnDoubt;
use crate::effect::recall::Index;
use crate::script::header::Header;

/// The name of the playbook of a run whose lines are typed.
pub const TYPED: &str = "(repl)";

/// How a run of the past is gone on with.
#[derive(Clone, Debug)]
pub struct Resumption {
    /// The run.
    pub record: RunRecord,
    /// Whether the part of the playbook that has run may have been edited.
    pub accept: bool,
    /// What happens with an effect in doubt whose call does not say.
    pub on_doubt: Option<OnDoubt>,
    /// What is to be recorded of it: although what it goes on.
    pub note: Option<String>,
}

/// How a run of the past is taken back.
#[derive(Clone, Debug)]
pub struct Reversal {
    /// The run that is taken back.
    pub of: RunRecord,
    /// The run that does it, when it was begun already.
    pub by: Option<RunRecord>,
    /// What is taken back whatever became of it since.
    pub force: Vec<String>,
}

/// Refuses a run that cannot be gone on with.
pub fn may_resume(record: &RunRecord) -> Result<()> {
    if record.facts.playbook == TYPED {
        let (id, environment) = (&record.id, &record.facts.environment);
        return Err(Error::usage(format!("the lines of the run {id} were typed"))
            .fix(format!("go on inside it: `playbook repl --env {environment} --open {id}`")));
    }
    may_go_on(record)
}

/// Refuses a run that is over, or that its own process goes on with.
pub fn may_go_on(record: &RunRecord) -> Result<()> {
    let id = &record.id;
    match (record.state, record.outcome) {
        (State::Running, _) => Err(running(id)),
        (State::Interrupted, _) => Ok(()),
        (_, Some(Outcome::Done)) => {
            Err(Error::usage(format!("the run {id} is done: there is nothing to go on with")))
        }
        (_, Some(Outcome::TakenBack)) => Err(Error::usage(format!("the run {id} was taken back"))
            .fix(format!("begin anew: `playbook exec {}`", record.facts.playbook))),
        (_, Some(Outcome::NotTakenBack)) if record.facts.kind == RunKind::Exec => {
            Err(Error::usage(format!("the run {id} was taken back as far as that could be done"))
                .fix(format!("try the rest again: `playbook rollback {id}`")))
        }
        _ => Ok(()),
    }
}

/// Refuses a run that cannot be taken back.
pub fn may_roll_back(record: &RunRecord) -> Result<()> {
    let id = &record.id;
    match (record.state, record.facts.kind, record.outcome) {
        (State::Running, ..) => Err(running(id)),
        (_, RunKind::Rollback, _) => Err(Error::usage(format!("the run {id} is a rollback itself"))
            .fix("run the playbook again to do once more what it took back")),
        (.., Some(Outcome::TakenBack)) => Err(Error::usage(format!("the run {id} was taken back already"))),
        _ => Ok(()),
    }
}

/// Refuses a run whose record is not as it was written: what it says of its changes may not be what happened.
pub fn is_as_written(journal: &Journal, record: &RunRecord) -> Result<()> {
    let Some(fault) = journal.verify(&record.id)?.fault else { return Ok(()) };
    Err(Error::new(Kind::Tampered, format!("the record of the run {} does not verify: {fault}", record.id))
        .why("it was changed after it was written, so it cannot be trusted to say what is to be done")
        .fix("nothing was done; look with `playbook verify`, then put the journal back from a copy, or do it by hand"))
}

fn running(id: &str) -> Error {
    Error::usage(format!("the run {id} is running")).fix(format!(
        "wait until it has ended, or end it with `playbook cancel {id}`: `playbook runs` shows how it stands"
    ))
}

/// The run as it would be begun today, with the parameters that it had.
pub fn today(
    folder: &Path,
    record: &RunRecord,
    on_failure: Option<OnFailure>,
    families: Families,
) -> Result<Ready> {
    let order = Order {
        playbook: folder.join(&record.facts.playbook),
        project: Some(folder.to_path_buf()),
        environment: Some(record.facts.environment.clone()),
        set: Vec::new(),
        on_failure,
        break_glass: record.facts.break_glass.clone(),
        ..Order::default()
    };
    let mut ready = order.read(families)?;
    ready.parameters.clone_from(&record.facts.parameters);
    Ok(ready)
}

/// The run with the scripts as they ran at last.
pub fn as_it_ran(project: &Project, journal: &Journal, record: &RunRecord) -> Result<Ready> {
    let name = record.facts.playbook.clone();
    let mut hashes = record.facts.scripts.clone();
    journal.each(&record.id, &mut |kept| {
        if let Event::RunResumed { scripts, .. } = kept.event {
            hashes = scripts;
        }
        Ok(())
    })?;
    let mut recorded = BTreeMap::new();
    for (script, hash) in hashes {
        let text = journal.script(&hash)?.ok_or_else(|| {
            Error::missing(format!("the text of {script} as it ran is no longer in the journal"))
                .fix("see `playbook verify`")
        })?;
        recorded.insert(script, text);
    }
    let text = recorded.get(&name).cloned().unwrap_or_default();
    let mut environment = project.environment(Some(&record.facts.environment))?;
    let header = Header::read(&name, &text)?;
    if let Some(timeout) = header.timeout {
        environment.limits.timeout = environment.limits.timeout.min(timeout);
    }
    let (folder, parameters): (PathBuf, _) = (project.folder.clone(), record.facts.parameters.clone());
    let (patience, plan, detach) = (None, None, None);
    Ok(Ready { folder, environment, name, text, header, parameters, patience, plan, detach, recorded })
}

/// The record of a run, folded once.
pub fn index(journal: &Journal, run: &str) -> Result<Index> {
    let mut index = Index::default();
    journal.each(run, &mut |kept| {
        index.hear(kept);
        Ok(())
    })?;
    Ok(index)
}
