//! Carries out or plans a playbook for the command line: who listens, who is asked, what stands at the end.

use std::path::Path;
use std::sync::Arc;

use super::arguments::{Common, Exec, Output};
use super::json::Json;
use super::printing::{complain, is_colored, is_live, print, style};
use super::summary::Summary;
use super::terminal::{Terminal, Usual};
use super::{at_gate, locks, log, person};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::event::Listener;
use crate::base::exit::Exit;
use crate::base::text;
use crate::effect::consent::{Consent, Wanted};
use crate::effect::environment::OnFailure;
use crate::effect::journal::Journal;
use crate::effect::mocks::Mocks;
use crate::primitives::FAMILIES;
use crate::run::exec::{self, Ended, Intention};
use crate::run::order::{Audience, Order, Ready};
use crate::run::plan::{Plan, Watch};
use crate::run::project::Project;
use crate::run::saved;
use crate::sys::{environment, terminal};

/// `playbook exec`.
pub fn exec(common: &Common, wanted: Exec, allocated: fn() -> usize) -> Result<Exit> {
    let order = Order {
        playbook: wanted.playbook.unwrap_or_default(),
        project: common.project.clone(),
        environment: wanted.env,
        set: wanted.set,
        on_failure: wanted.no_rollback.then_some(OnFailure::Stop),
        patience: locks::patience(wanted.wait.as_deref())?,
        break_glass: wanted.break_glass,
        detach: wanted.detach.as_deref().map(text::parse_duration).transpose()?,
    };
    let ready = match &wanted.plan {
        Some(file) => held(order, file, allocated)?,
        None => order.ready(FAMILIES)?,
    };
    let intention = if wanted.dry_run { Intention::Plan } else { Intention::Apply };
    carry_out(&ready, &intention, common, allocated)
}

/// `playbook plan`; the plan is kept in the file `save`, where one is named.
pub fn plan(order: &Order, save: Option<&Path>, common: &Common, allocated: fn() -> usize) -> Result<Exit> {
    let ready = order.ready(FAMILIES)?;
    let Some(file) = save else {
        return carry_out(&ready, &Intention::Plan, common, allocated);
    };
    Plan::may_write(file)?;
    let mut made = None;
    let exit = perform(&ready, (common, &Intention::Plan), allocated, |audience| {
        let (ended, plan) = saved::make(&ready, FAMILIES, audience)?;
        made = ended.error.is_none().then_some(plan);
        Ok(ended)
    })?;
    match made {
        Some(plan) => keep(&plan, file, &ready, common)?,
        None if common.output == Output::Text => print("nothing was saved\n"),
        None => {}
    }
    Ok(exit)
}

fn keep(plan: &Plan, file: &Path, ready: &Ready, common: &Common) -> Result<()> {
    let hash = plan.write(file)?;
    if common.output == Output::Json {
        Json::new().plan(file, &hash);
        return Ok(());
    }
    let beyond = match plan.horizon {
        Some(_) => {
            "behind the horizon, a run that is held to this plan changes only what can be taken back\n"
        }
        None => "",
    };
    let project = elsewhere(&ready.folder).map(|folder| format!(" --project {folder}")).unwrap_or_default();
    let file = file.display();
    print(&format!("{beyond}saved as {file} · {hash}\nplaybook exec --plan {file}{project}\n"));
    Ok(())
}

/// What a saved plan asks for, made ready, once nothing has moved since it was made.
fn held(order: Order, file: &Path, allocated: fn() -> usize) -> Result<Ready> {
    let (plan, hash) = Plan::read(file)?;
    if let Some(wanted) = order.environment.as_ref().filter(|wanted| **wanted != plan.environment) {
        return Err(Error::usage(format!("the plan is for `{}`, and not for `{wanted}`", plan.environment))
            .fix("leave out --env (and PLAYBOOK_ENV), or make a plan for that environment"));
    }
    let project = Project::open(order.project.as_deref(), FAMILIES)?;
    let order = Order {
        playbook: project.folder.join(&plan.playbook),
        project: Some(project.folder),
        environment: Some(plan.environment.clone()),
        ..order
    };
    let mut ready = order.read(FAMILIES)?;
    ready.parameters = plan.parameters.clone();
    let audience = Audience { allocated: Some(allocated), ..Audience::default() };
    saved::hold(&plan, &ready, FAMILIES, &audience)?;
    ready.plan = Some(Arc::new(Watch::new(Arc::new(plan), hash)));
    Ok(ready)
}

/// Carries out what is ready, before the eyes of who wanted it.
pub(super) fn carry_out(
    ready: &Ready,
    intention: &Intention,
    common: &Common,
    allocated: fn() -> usize,
) -> Result<Exit> {
    perform(ready, (common, intention), allocated, |audience| {
        exec::exec(ready, FAMILIES, audience, intention)
    })
}

fn perform(
    ready: &Ready,
    (common, intention): (&Common, &Intention),
    allocated: fn() -> usize,
    run: impl FnOnce(&Audience) -> Result<Ended>,
) -> Result<Exit> {
    let taken_back = intention.takes_back().map(str::to_owned);
    let summary = Arc::new(Summary::naming(elsewhere(&ready.folder)).taking_back(taken_back));
    let color = is_colored(common, terminal::is_there());
    let terminal =
        Arc::new(Terminal::expecting(color, is_live(common) && !common.quiet, usual(ready, common)));
    let json = (common.output == Output::Json).then(|| Arc::new(Json::of_run()));
    let mut listeners: Vec<Arc<dyn Listener>> = Vec::new();
    match &json {
        Some(json) => listeners.push(json.clone()),
        None if common.quiet => listeners.push(summary.clone()),
        None => listeners.extend([terminal.clone() as Arc<dyn Listener>, summary.clone()]),
    }
    listeners.extend(log::begin(common)?);
    let common = &Common { no_input: common.no_input || common.unattended, ..common.clone() };
    #[cfg(feature = "telemetry")]
    let traces = traces(ready, intention)?;
    #[cfg(feature = "telemetry")]
    listeners.extend(traces.clone().map(|traces| traces as Arc<dyn Listener>));
    let is_asked = !common.no_input && common.output == Output::Text;
    let audience = Audience {
        listeners,
        ask: person::ask(&terminal).filter(|_| !common.no_input),
        at_gate: at_gate::ask(&terminal, &ready.environment).filter(|_| is_asked),
        choose: person::choose(&terminal).filter(|_| is_asked && !intention.is_plan()),
        consent: common.unattended.then(unattended),
        mocks: common.answers.as_deref().map(Mocks::read).transpose()?.map(Arc::new),
        allocated: Some(allocated),
    };
    let ended = run(&audience);
    #[cfg(feature = "telemetry")]
    if let Some(traces) = traces {
        traces.close();
    }
    let ended = ended?;
    if let Some(json) = json {
        json.close(&ended);
    }
    terminal.close();
    print(&if common.quiet { summary.brief(style(common)) } else { summary.draw(style(common)) });
    if let Some(error) = ended.error.as_ref().filter(|_| summary.is_cut_off()) {
        complain(error, common);
    }
    Ok(ended.exit())
}

/// What runs of the past tell of this one; a journal that cannot be read shows itself later.
fn usual(ready: &Ready, common: &Common) -> Usual {
    let is_text = common.output == Output::Text;
    let found = is_text.then(|| Journal::find(&ready.folder).ok().flatten()).flatten();
    let Some(journal) = found else { return Usual::default() };
    let (playbook, environment) = (&ready.name, &ready.environment.name);
    Usual {
        run: journal.usual(playbook, environment).unwrap_or_default(),
        steps: journal.usual_steps(playbook, environment).unwrap_or_default(),
    }
}

/// What is lost for good is not lost while nobody looks on.
fn unattended() -> Consent {
    Arc::new(|wanted: &Wanted<'_>| match wanted.effect {
        Effect::Destroy => Err(Error::denied(format!("`{}` is not done while nobody looks on", wanted.call))
            .why(format!("it destroys: {}", wanted.plan))
            .fix("run it yourself with `playbook exec`")),
        _ => Ok(()),
    })
}

/// The traces of a run, where somebody collects them; a plan has none.
#[cfg(feature = "telemetry")]
fn traces(ready: &Ready, intention: &Intention) -> Result<Option<Arc<super::telemetry::Traces>>> {
    if intention.is_plan() {
        return Ok(None);
    }
    super::telemetry::begin(&Project::open(Some(&ready.folder), FAMILIES)?.telemetry)
}

/// The project's folder as the reader names it, when the reader does not stand in it.
fn elsewhere(project: &Path) -> Option<String> {
    let here = environment::current_folder().ok()?;
    // A timer begins at the root, and nobody who reads what it said stands there.
    let is_root = here.parent().is_none();
    let name = project.strip_prefix(&here).ok().filter(|_| !is_root).unwrap_or(project);
    (!here.starts_with(project)).then(|| name.display().to_string())
}
