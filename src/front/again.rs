//! `playbook resume RUN` and `playbook rollback RUN`: a run of the past is gone on with, or taken back.

use super::arguments::{Common, Doubt, Output};
use super::execution::carry_out;
use super::person;
use super::printing::complain;
use super::show::nothing;
use crate::base::decision::Choice;
use crate::base::error::{Error, Result};
use crate::base::exit::Exit;
use crate::base::text;
use crate::effect::environment::OnFailure;
use crate::effect::journal::{self, Journal, RunKind, RunRecord, State};
use crate::effect::options::OnDoubt;
use crate::primitives::FAMILIES;
use crate::run::due;
use crate::run::exec::Intention;
use crate::run::meanwhile;
use crate::run::order::Ready;
use crate::run::past::{self, Resumption, Reversal};
use crate::run::project::Project;
use crate::run::reversed;
use crate::run::saved;

/// What the command line says of going on.
#[derive(Default)]
pub(super) struct Wish {
    /// Whether an edited playbook may go on.
    pub(super) accept: bool,
    /// What happens in doubt.
    pub(super) on_doubt: Option<Doubt>,
    /// What happens when it fails again.
    pub(super) on_failure: Option<OnFailure>,
    /// A wait that is longer ends the process, and so does a gate.
    pub(super) detach: Option<String>,
    /// What is gone on with although another run changed it since.
    pub(super) force: Vec<String>,
}

/// Goes on with every run that can; each tells what it does. The exit code is the worst of theirs, waiting not counted.
pub(super) fn tick(common: &Common, allocated: fn() -> usize) -> Result<Exit> {
    let project = Project::open(common.project.as_deref(), FAMILIES)?;
    let Some(journal) = Journal::find(&project.folder)? else { return Ok(Exit::Done) };
    let mut exit = Exit::Done;
    for record in due::due(&journal)? {
        let detach = Some("1m".to_owned());
        let wish = Wish { detach, ..Wish::default() };
        let common = Common { no_input: true, ..common.clone() };
        match resume(&common, &record.id, &wish, allocated) {
            Ok(Exit::Done | Exit::Waiting) => {}
            Ok(other) => exit = exit.worse(other),
            // One that cannot go on holds up no other. Where it does not wait any more, another tick was quicker.
            Err(error) if journal.state(&record.id)? == Some(State::Waiting) => {
                let id = &record.id;
                let error = error.detail("run", id.clone());
                complain(&error, &common);
                if common.output == Output::Text {
                    eprintln!("the run {id} of {} waits until that is mended", record.facts.playbook);
                }
                exit = exit.worse(error.exit());
            }
            Err(_) => {}
        }
    }
    Ok(exit)
}

/// Goes on with a run.
pub(super) fn resume(common: &Common, wanted: &str, wish: &Wish, allocated: fn() -> usize) -> Result<Exit> {
    let project = Project::open(common.project.as_deref(), FAMILIES)?;
    let journal = Journal::find(&project.folder)?.ok_or_else(nothing)?;
    let record = journal.run(wanted)?;
    past::may_resume(&record)?;
    past::is_as_written(&journal, &record)?;
    if let (RunKind::Rollback, Some(parent)) = (record.facts.kind, &record.facts.parent) {
        let of = journal.run(parent)?;
        past::is_as_written(&journal, &of)?;
        let reversal = Reversal { of, by: Some(record), force: wish.force.clone() };
        return reverse(common, &project, &journal, Intention::RollBack(Box::new(reversal)), allocated);
    }
    reversed::is_not_taken_back(&journal, &record)?;
    let note = meanwhile::changed_meanwhile((&journal, FAMILIES), &record, &wish.force)?;
    let on_doubt = wish.on_doubt.map(|doubt| match doubt {
        Doubt::Retry => OnDoubt::Retry,
        Doubt::Skip => OnDoubt::Skip,
        Doubt::Fail => OnDoubt::Fail,
    });
    let is_unwinding = record.state == State::Interrupted && journal.is_unwinding(&record.id)?;
    let ready = if is_unwinding {
        past::as_it_ran(&project, &journal, &record)?
    } else {
        let today = past::today(&project.folder, &record, wish.on_failure, FAMILIES)?;
        let plan = if wish.accept { None } else { saved::of_run(&journal, &record, &today, FAMILIES)? };
        Ready { plan, ..today }
    };
    let detach = wish.detach.as_deref().map(text::parse_duration).transpose()?;
    let ready = Ready { detach, ..ready };
    let resumption = Resumption { record, accept: wish.accept, on_doubt, note };
    carry_out(&ready, &Intention::Resume(Box::new(resumption)), common, allocated)
}

/// A run that was cut off keeps the lock that was wanted: the person at the terminal may go on with it, or take it
/// back, and then begin their own.
pub(super) fn take_over(common: &Common, error: Error, allocated: fn() -> usize) -> Result<Exit> {
    let is_asked = !common.no_input && common.output == Output::Text && person::is_there();
    let Some(run) = journal::cut_off(&error).filter(|_| is_asked) else { return Err(error) };
    match person::take_over(&error) {
        Choice::Retry => resume(common, run, &Wish::default(), allocated),
        Choice::Rollback => roll_back(common, run, (false, Vec::new()), allocated),
        // The question has told it.
        _ => Ok(Exit::Held),
    }
}

/// Takes a run back, or only tells what that would do.
pub(super) fn roll_back(
    common: &Common,
    wanted: &str,
    (plan, force): (bool, Vec<String>),
    allocated: fn() -> usize,
) -> Result<Exit> {
    let project = Project::open(common.project.as_deref(), FAMILIES)?;
    let journal = Journal::find(&project.folder)?.ok_or_else(nothing)?;
    let mut of = journal.run(wanted)?;
    // The last may be the rollback that was refused and is now wanted again, with `--force`.
    if let (RunKind::Rollback, "last", Some(parent)) = (of.facts.kind, wanted, &of.facts.parent) {
        of = journal.run(parent)?;
    }
    past::may_roll_back(&of)?;
    if let Some((by, true)) = reversed::of(&journal, &of)? {
        return Err(Error::usage(format!("the run {} was taken back already, by the run {}", of.id, by.id))
            .fix(format!("see what that did: `playbook show {}`", by.id)));
    }
    past::is_as_written(&journal, &of)?;
    let by = unfinished(&journal, &of)?.filter(|_| !plan);
    let reversal = Box::new(Reversal { of, by, force });
    let intention = if plan { Intention::PlanRollBack(reversal) } else { Intention::RollBack(reversal) };
    reverse(common, &project, &journal, intention, allocated)
}

/// A rollback of the run that was cut off: it goes on.
fn unfinished(journal: &Journal, of: &RunRecord) -> Result<Option<RunRecord>> {
    Ok(journal.reversals(&of.id)?.into_iter().find(|run| run.state == State::Interrupted))
}

fn reverse(
    common: &Common,
    project: &Project,
    journal: &Journal,
    intention: Intention,
    allocated: fn() -> usize,
) -> Result<Exit> {
    let of = match &intention {
        Intention::RollBack(reversal) | Intention::PlanRollBack(reversal) => reversal.of.clone(),
        _ => return Err(nothing()),
    };
    let ready = past::as_it_ran(project, journal, &of)?;
    carry_out(&ready, &intention, common, allocated)
}
