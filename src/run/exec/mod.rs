//! Carries out a playbook, plans it, goes on with it or takes it back, from its compilation to its exit code.

mod back;
mod begin;
mod carried;
mod deadline;
mod lost;
mod operator;
pub mod prompt;
mod queue;
mod reading;
mod reverse;
mod signals;
mod terms;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the number of cases is read from the environment")]
mod tests;
mod windows;

use std::sync::Arc;
use std::time::Duration;

use begin::Run;
use queue::Queue;
pub use reading::{check, scripts};
use signals::{Attended, Signals};

use super::order::{Audience, Ready};
use super::past::{Resumption, Reversal};
use crate::base::error::{Error, Kind, Result};
use crate::base::event::Listener;
use crate::base::exit::Exit;
use crate::base::outcome::Outcome;
use crate::effect::family::Families;
use crate::effect::journal;
use crate::script::bounds;
use crate::sys::runtime;

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// The run's id; a plan has none.
    pub run: Option<String>,
    /// How.
    pub outcome: Outcome,
    /// Why it failed.
    pub error: Option<Error>,
    /// It ended before it had gone on at all, and stands as it stood.
    pub left: bool,
}

impl Ended {
    /// The exit code of the command.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match &self.error {
            Some(error) if self.left => error.exit(),
            error => journal::exit(self.outcome, error.as_ref()),
        }
    }
}

/// What is done with a playbook.
#[derive(Clone, Debug)]
pub enum Intention {
    /// Its effects happen.
    Apply,
    /// They are only told.
    Plan,
    /// A run of it goes on.
    Resume(Box<Resumption>),
    /// A run of it is taken back.
    RollBack(Box<Reversal>),
    /// It is only told what taking a run back would do.
    PlanRollBack(Box<Reversal>),
}

impl Intention {
    /// Whether nothing is changed.
    #[must_use]
    pub const fn is_plan(&self) -> bool {
        matches!(self, Self::Plan | Self::PlanRollBack(_))
    }

    /// Whether the run is held to its saved plan, where it has one.
    const fn is_held(&self) -> bool {
        matches!(self, Self::Apply | Self::Resume(_))
    }

    /// The run that is taken back, or told how it would be.
    #[must_use]
    pub fn takes_back(&self) -> Option<&str> {
        match self {
            Self::RollBack(reversal) | Self::PlanRollBack(reversal) => Some(&reversal.of.id),
            _ => None,
        }
    }
}

/// Refuses to begin, or to go on with, a run that lacks a secret: half way is no moment to find that out.
fn admit(lacking: Option<Error>) -> Result<()> {
    let Some(mut lacking) = lacking else { return Ok(()) };
    lacking.kind = Kind::Usage;
    Err(lacking)
}

/// Carries out or plans what is ready, and returns when it has ended, been taken back where it failed, and journalled.
pub fn exec(ready: &Ready, families: Families, audience: &Audience, intention: &Intention) -> Result<Ended> {
    let runtime = runtime::start()?;
    let mut audience = audience.clone();
    if let Some(plan) = ready.plan.clone().filter(|_| intention.is_held()) {
        audience.consent = Some(plan.clone().consent(audience.consent.take()));
        audience.listeners.push(plan as Arc<dyn Listener>);
    }
    if !intention.is_plan() {
        audience.listeners.push(Arc::new(journal::Aside::new(&ready.folder)));
    }
    let audience = &audience;
    let checked = reading::look(ready, families, audience, runtime.handle());
    let is_new = matches!(intention, Intention::Apply);
    // A test asks none of the systems; what a rollback needs is asked once it is known.
    let is_asked = intention.takes_back().is_none() && audience.mocks.is_none();
    let mut lacking = is_asked.then(|| reading::lacking(&checked, ready, families)).flatten();
    let compiled = checked.into_program()?;
    if !intention.is_plan() {
        admit(lacking.take())?;
    }
    if is_new {
        windows::permit(ready)?;
    }
    let lost = match intention {
        Intention::RollBack(reversal) | Intention::PlanRollBack(reversal) => {
            lost::losses(ready, families, (audience, runtime.handle()), reversal, &compiled)?
        }
        _ => Vec::new(),
    };
    let mut signals = runtime.block_on(async { Signals::listen() })?;
    let mut queue = Queue::new(ready, audience);
    let mut run = loop {
        match Run::begin(ready, families, audience, (intention, runtime.handle()), &compiled) {
            Err(held) if queue.may_wait(&held) => runtime.block_on(signals.pause(queue::PAUSE))?,
            begun => break begun?,
        }
    };
    run.lost = lost;
    if let Some(lacking) = lacking {
        windows::foretell(&run.session, &lacking)?;
    }
    let (id, stops) = (run.id.clone(), (run.stop.clone(), run.unwinding.clone()));
    let (done, ended) = tokio::sync::oneshot::channel();
    let builder = std::thread::Builder::new()
        .name("script".to_owned())
        .stack_size(bounds::stack_size(&ready.environment.limits));
    let thread = builder.spawn(move || {
        let _ = done.send(run.carry_out());
    });
    thread.map_err(|why| {
        Error::io("the script's thread cannot be started", &why)
            .fix("lower `memory` in [env.NAME.limits]: its stack is eight times that")
    })?;
    let asked = || journal::asked_to_end(&ready.folder, id.as_deref()?);
    let attended = runtime.block_on(signals.attend(ended, stops, &asked));
    // A thread that did not end in time holds no one up: the process ends with its main thread.
    runtime.shutdown_timeout(Duration::from_millis(200));
    let left = |error| left(id.clone(), error);
    Ok(match attended {
        Attended::Ended(ended) => ended,
        Attended::Abandoned => left(Error::cancelled("interrupted twice: the run was left as it stood")),
        Attended::Lost => left(Error::bug("the script's thread ended without a word")),
    })
}

/// A run that was left as it stood, and how it is gone on with.
fn left(id: Option<String>, error: Error) -> Ended {
    let way = id.as_ref().map_or_else(
        || "`playbook show last` tells how far it came".to_owned(),
        |id| {
            format!("go on with `playbook resume {id}`, or take it back with `playbook rollback {id}`; it keeps its lock until then")
        },
    );
    Ended { run: id, outcome: Outcome::Cancelled, error: Some(error.fix(way)), left: false }
}
