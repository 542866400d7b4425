//! What the rollback blocks of a run of the past would lose: a block that puts back a whole earlier state takes away what people
//! wrote since. It is found by planning the blocks, and somebody has to want it.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::runtime::Handle;

use super::Intention;
use super::begin::Run;
use super::reading::Compiled;
use crate::base::call::Call;
use crate::base::decision::{Choice, Question};
use crate::base::error::{Error, Kind, NOT_BEGUN, Result};
use crate::base::event::{Event, Listener};
use crate::effect::family::{self, Families};
use crate::effect::journal::State;
use crate::effect::recall::UNDO;
use crate::run::order::{Audience, Ready};
use crate::run::past::Reversal;
use crate::run::unwind;
use crate::script::bounds;
use crate::sys::environment;

/// A resource that a block would put back as a whole.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    call: Call,
    /// What the call would do, in words.
    plan: String,
    /// Of when the state is that it goes back to, where the run tells.
    state_of: Option<Timestamp>,
}

impl Loss {
    pub(super) fn resource(&self) -> String {
        self.call.resource.to_string()
    }

    fn told(&self) -> String {
        let (resource, plan) = (&self.call.resource, &self.plan);
        match self.state_of {
            Some(at) => format!("{resource} goes back to its state of {}: {plan}", at.strftime("%F %TZ")),
            None => format!("{resource} goes back to an earlier state: {plan}"),
        }
    }
}

/// Keeps what would put a whole state in the place of another.
struct Found {
    families: Families,
    losses: Mutex<Vec<Loss>>,
}

impl Listener for Found {
    fn hear(&self, event: &Event) {
        let Event::EffectBegan { position, call, plan, .. } = event else { return };
        let overwrites = || family::entry_of(self.families, call).is_some_and(|entry| entry.overwrites);
        if position.starts_with(UNDO) && overwrites() {
            let loss = Loss { call: call.clone(), plan: plan.clone(), state_of: None };
            self.losses.lock().unwrap_or_else(PoisonError::into_inner).push(loss);
        }
    }
}

/// What would be lost, found without changing anything. A block that cannot be planned to its end tells as much as it can.
pub(super) fn losses(
    ready: &Ready,
    families: Families,
    (audience, handle): (&Audience, &Handle),
    reversal: &Reversal,
    compiled: &Compiled,
) -> Result<Vec<Loss>> {
    let mut all = families.iter().flat_map(|family| family.entries);
    let is_named = |verb: &str| ready.recorded.values().any(|text| text.contains(verb));
    // Who went on with a rollback was asked when it began; of a run that was cut off no one had begun to use the result.
    let is_asked = reversal.by.is_none() && reversal.of.state == State::Ended;
    if !is_asked || !all.any(|entry| entry.overwrites && is_named(entry.name)) {
        return Ok(Vec::new());
    }
    let found = Arc::new(Found { families, losses: Mutex::default() });
    let audience = Audience {
        listeners: vec![Arc::clone(&found) as Arc<dyn Listener>],
        mocks: audience.mocks.clone(),
        allocated: audience.allocated,
        ..Audience::default()
    };
    // Whether anything else was changed since is not the question here.
    let reversal = Reversal { force: vec!["all".to_owned()], ..reversal.clone() };
    let intention = Intention::PlanRollBack(Box::new(reversal.clone()));
    let run = Run::begin(ready, families, &audience, (&intention, handle), compiled)?;
    let record = run.record.clone();
    let builder = std::thread::Builder::new().stack_size(bounds::stack_size(&ready.environment.limits));
    let thread = builder.spawn(move || run.carry_out());
    // What hinders it here hinders the rollback itself, and is told there.
    if let Ok(thread) = thread {
        let _ = thread.join();
    }
    let mut losses = std::mem::take(&mut *found.losses.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(record) = record {
        for loss in &mut losses {
            loss.state_of = unwind::state_of(&record, &reversal.of.id, &loss.call)?;
        }
    }
    Ok(losses)
}

impl Run {
    /// Refuses to lose what was written since, unless that was said, or the person at the terminal says so now.
    pub(super) fn lose(&self, reversal: &Reversal) -> Result<()> {
        let (left, names) = self.unforced(reversal);
        let Some(first) = left.first() else { return Ok(()) };
        let run = &reversal.of.id;
        let told: Vec<String> = left.iter().map(|loss| loss.told()).collect();
        let refused = Error::new(
            Kind::Changed,
            format!("the rollback would lose what was written to {} since", first.resource()),
        )
        .why(told.join("\n"))
        .detail(NOT_BEGUN, true);
        if let Some(choose) = &self.choose {
            let choices = vec![Choice::Rollback, Choice::Leave];
            let answer = choose(&Question { error: refused.clone(), what: String::new(), choices });
            if answer.choice == Choice::Rollback {
                return self.session.record(&Event::Decided {
                    position: String::new(),
                    what: "what was written since".to_owned(),
                    choice: Choice::Rollback,
                    by: environment::person(),
                    value: serde_json::Value::Null,
                    note: Some(told.join("; ")),
                });
            }
        }
        Err(refused.fix(format!(
            "nothing was done; `playbook rollback {run} --plan` tells all that it would do; `{}` does it all the same",
            names
        )))
    }

    /// While planning: tells what the rollback itself would ask about first.
    pub(super) fn foresee_loss(&self, reversal: &Reversal) {
        let (left, names) = self.unforced(reversal);
        let how = match left.is_empty() {
            true => "as `--force` says".to_owned(),
            false => format!("and wants a yes at a terminal, or `{names}`"),
        };
        for loss in &self.lost {
            let text = format!("{}; that loses what was written since, {how}", loss.told());
            self.session.pipeline.host.tell(&Event::Logged { position: String::new(), text });
        }
    }

    /// What would be lost without anybody having said so, and the options that say so.
    fn unforced(&self, reversal: &Reversal) -> (Vec<&Loss>, String) {
        let is_forced = |loss: &&Loss| {
            let names = [loss.resource(), loss.call.name(), "all".to_owned()];
            reversal.force.iter().any(|name| names.contains(name))
        };
        let left: Vec<&Loss> = self.lost.iter().filter(|loss| !is_forced(loss)).collect();
        let mut names: Vec<String> = left.iter().map(|loss| format!("--force {}", loss.resource())).collect();
        names.dedup();
        (left, names.join(" "))
    }
}
