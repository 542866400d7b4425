//! What each primitive of the register owes its user, whatever its system: it does not begin without the grant, a plan
//! changes nothing, a silent other side is given up in time, an absent one and one that refuses are told with what to do,
//! `doctor` says so too, and no secret is told.

mod crashed;
mod denied;
mod doctor;
mod example;
mod far;
mod forbidden;
mod planned;
mod refused;
#[cfg(feature = "telemetry")]
mod secret;
mod silent;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use playbook::base::effect::Effect;
use playbook::effect::family::Family;
use playbook::effect::primitive::Entry;
use playbook::primitives::FAMILIES;
use serde_json::Value;

use crate::rig::seen::Seen;

/// One primitive of the register.
#[derive(Clone, Copy)]
pub struct One {
    /// Its family.
    pub family: &'static Family,
    /// It itself.
    pub entry: &'static Entry,
}

impl One {
    /// "redis.set".
    pub fn name(self) -> String {
        format!("{}.{}", self.family.name, self.entry.name)
    }

    /// Whether the list has it, by its own name or by that of its family alone.
    pub fn is_among(self, list: &[(&str, &str)]) -> bool {
        list.iter().any(|(name, why)| {
            assert!(why.split(' ').count() > 3, "{name} is left out without a reason");
            *name == self.name() || *name == self.family.name
        })
    }
}

/// Puts every primitive that `wanted` names to the test, some at the same time, and fails with all that went wrong.
#[track_caller]
pub fn each(wanted: impl Fn(One) -> bool, test: impl Fn(One) -> Result<(), String> + Sync) {
    let all: Vec<One> = FAMILIES
        .iter()
        .flat_map(|family| family.entries.iter().map(|entry| One { family, entry }))
        .filter(|one| wanted(*one))
        .collect();
    assert!(!all.is_empty(), "nothing was put to the test");
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = test(*one) {
                        wrong.lock().unwrap().push(format!("=== {}: {why}", one.name()));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

/// A name in a list of exceptions that the register does not have is a mistake of the list.
#[track_caller]
pub fn known(lists: &[&[(&str, &str)]]) {
    for (name, _) in lists.iter().flat_map(|list| list.iter()) {
        let (family, verb) = name.split_once('.').unwrap_or((name, ""));
        let there = FAMILIES.iter().find(|one| one.name == family);
        // A build may lack a family.
        let wrong = there.is_some_and(|there| !verb.is_empty() && there.entry(verb).is_none());
        assert!(!wrong, "there is no {name}");
    }
}

/// What the run ended with, as `--output json` tells it: of an error before it, and of the run itself.
pub fn error_of(seen: &Seen) -> Option<Value> {
    let lines = seen.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|mut line| line.get_mut("error").map(Value::take)).rfind(Value::is_object)
}

/// The effect below, where there is one: with it as access, the environment grants too little.
pub const fn below(effect: Effect) -> Option<Effect> {
    match effect {
        Effect::Read => None,
        Effect::Write => Some(Effect::Read),
        Effect::Destroy => Some(Effect::Write),
    }
}

#[test]
fn every_example_is_understood() {
    each(|_| true, |one| example::Example::of(one).map(drop));
}
