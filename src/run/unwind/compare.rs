//! Before something is taken back days later: whether it is still as the run left it, or somebody changed it since.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::others::{self, Other};
use super::{Item, Unwinding, Way};
use crate::base::call::{Call, Inverse};
use crate::base::error::{Error, Kind, NOT_BEGUN, Result};
use crate::base::event::Position;
use crate::base::outcome::Outcome;
use crate::base::redact::MASK;
use crate::base::suggest;
use crate::effect::recall::HAND;
use crate::script::here;
use crate::script::session::Session;

/// How each thing is compared with what is there now.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// The run that is taken back.
    pub run: String,
    /// The calls that it made, whole.
    pub calls: HashMap<Position, Call>,
    /// The resources or calls that are taken back whatever became of them since.
    pub force: Vec<String>,
    /// The entries whose taking back was begun, by the run itself or by an earlier turn of the rollback: what is there now
    /// may be its doing.
    pub begun: HashSet<u64>,
    /// The resources that rollback blocks put back as a whole.
    pub restored: Vec<String>,
}

impl Comparison {
    /// Refuses a name in `--force` that the run has nothing of.
    pub fn check(&self, items: &[Item]) -> Result<()> {
        let left = items.iter().filter_map(|item| match &item.way {
            Way::Inverse { call, .. } => Some(call),
            _ => None,
        });
        let calls: Vec<&Call> = self.calls.values().chain(left).collect();
        let resources: BTreeSet<String> = calls.iter().map(|call| call.resource.to_string()).collect();
        let is_known = |forced: &&String| {
            *forced == "all"
                || self.restored.contains(*forced)
                || resources.contains(*forced)
                || calls.iter().any(|call| call.name() == **forced)
        };
        match self.force.iter().find(|forced| !is_known(forced)) {
            Some(wrong) => Err(Error::usage(format!("the run has nothing of `{wrong}`"))
                .fix(suggest::advice(wrong, resources.iter().map(String::as_str).chain(["all"])))),
            None => Ok(()),
        }
    }

    /// Whether the resource, or the call of that name, is taken back whatever became of it.
    pub(super) fn forces(&self, name: &str) -> bool {
        self.force.iter().any(|forced| forced == name || forced == "all")
    }

    fn is_forced(&self, call: &Call) -> bool {
        self.forces(&call.resource.to_string()) || self.forces(&call.name())
    }

    /// What is to be told of the effect of `item` where it is no longer as the run left it; empty where it has no parts. What
    /// nobody can tell counts as it was left.
    fn changed(&self, session: &Session, item: &Item) -> Result<Option<String>> {
        let Way::Inverse { inverse: Inverse::Call(_), outcome: Some(Outcome::Done), call, gave, .. } =
            &item.way
        else {
            return Ok(None);
        };
        let is_asked = !item.again && !self.is_forced(call) && !self.begun.contains(&item.seq);
        if !is_asked {
            return Ok(None);
        }
        match self.is_as_left(session, item, (call, gave)) {
            Ok(looked) => Ok((looked == Some(false)).then(String::new)),
            // It names what of it was changed.
            Err(error) if error.kind == Kind::Changed => Ok(Some(error.why.clone().unwrap_or_default())),
            Err(error) => Err(error),
        }
    }

    /// Whether what came back before is again as the run had left it: something was put back as a whole since.
    pub(super) fn is_gone_again(&self, session: &Session, item: &Item) -> Result<bool> {
        let Way::Inverse { call, gave, .. } = &item.way else { return Ok(false) };
        match self.is_as_left(session, item, (call, gave)) {
            Ok(looked) => Ok(looked == Some(true)),
            Err(error) if error.kind == Kind::Changed => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether it is as the run left it; `None` where nobody can tell.
    fn is_as_left(
        &self,
        session: &Session,
        item: &Item,
        (call, gave): (&Call, &Value),
    ) -> Result<Option<bool>> {
        // No script makes a call by hand again; its record is whole unless a secret was taken out.
        let by_hand = || {
            let is_whole = item.position.starts_with(HAND)
                && !Value::Object(call.arguments.clone()).to_string().contains(MASK);
            is_whole.then_some(call)
        };
        let whole = self.calls.get(&item.position).or_else(by_hand);
        let Some(whole) = whole else { return Ok(None) };
        session.runtime.block_on(session.pipeline.is_as_left(
            (whole, gave),
            (&self.run, &item.position),
            here::stop(),
        ))
    }
}

impl Unwinding<'_> {
    /// Refuses to take back what somebody changed since.
    pub(super) fn compare(&self, item: &Item) -> Result<()> {
        let Some(comparison) = &self.comparison else { return Ok(()) };
        let Some(parts) = comparison.changed(self.session, item)? else { return Ok(()) };
        let Way::Inverse { call, .. } = &item.way else { return Ok(()) };
        let error = Error::new(Kind::Changed, format!("somebody changed it since `{call}`"));
        let error = if parts.is_empty() { error } else { error.why(parts) };
        Err(error.fix(format!("look at it; `--force {}` takes it back all the same", call.resource)))
    }
}

/// A change of the run, with what it touched.
struct Newer<'a> {
    call: &'a Call,
    touches: Option<String>,
}

impl Newer<'_> {
    /// Whether it surely did not touch what the other did: another resource, another thing of it, or the same verb on another
    /// thing.
    fn is_elsewhere(&self, other: &Newer<'_>) -> bool {
        let thing = |call: &Call| call.arguments.values().next().cloned();
        let (one, another) = (self.call, other.call);
        one.resource != another.resource
            || match (&self.touches, &other.touches) {
                (Some(one), Some(another)) => !overlap(one, another),
                _ => one.verb == another.verb && thing(one) != thing(another),
            }
    }
}

/// Whether two names may be of the same thing.
pub fn overlap(one: &str, other: &str) -> bool {
    let holds = |one: &str, other: &str| (one.is_empty() || one.ends_with('/')) && other.starts_with(one);
    one == other || holds(one, other) || holds(other, one)
}

/// Refuses before anything is done: names all that somebody changed since, as far as it can be told yet. What lies
/// under a newer change of the run is compared once that is taken back. `others` tells what other runs changed since.
pub fn changed_since(
    session: &Session,
    comparison: &Comparison,
    items: &[Item],
    others: impl FnOnce() -> Vec<Other>,
) -> Result<()> {
    let mut newer: Vec<Newer<'_>> = Vec::new();
    let mut changed: Vec<(&Item, String)> = Vec::new();
    for item in items.iter().rev() {
        let Way::Inverse { call, .. } = &item.way else { continue };
        let this = Newer { call, touches: session.pipeline.touches(call) };
        if newer.iter().all(|newer| newer.is_elsewhere(&this))
            && let Some(parts) = comparison.changed(session, item)?
        {
            changed.push((item, parts));
        }
        newer.push(this);
    }
    if changed.is_empty() {
        return Ok(());
    }
    let others = others();
    let name = |item: &Item| match &item.way {
        Way::Inverse { call, .. } => call.resource.to_string(),
        Way::Block => item.position.clone(),
    };
    let each = |(item, parts): &(&Item, String)| {
        let parts = if parts.is_empty() { String::new() } else { format!(": {parts}") };
        let by = others::since(item, &others, &session.pipeline);
        let by = by.map(|by| format!(", by the run {} of {}", by.run, by.playbook)).unwrap_or_default();
        format!("{}: after the run's “{}”{by}{parts}", name(item), item.what)
    };
    let force: BTreeSet<String> = changed.iter().map(|(item, _)| format!("--force {}", name(item))).collect();
    let force: Vec<String> = force.into_iter().collect();
    let known: BTreeSet<&str> = changed
        .iter()
        .filter_map(|(item, _)| Some(others::since(item, &others, &session.pipeline)?.run.as_str()))
        .collect();
    let what = match changed.as_slice() {
        [_] => "somebody changed since what the rollback would restore".to_owned(),
        many => format!("somebody changed since {} things that the rollback would restore", many.len()),
    };
    Err(Error::new(Kind::Changed, what)
        .why(changed.iter().map(each).collect::<Vec<_>>().join("\n"))
        .fix(match known.last() {
            Some(run) => format!(
                "take that run back first, `playbook rollback {run}`, and then this one; `{}` takes them back all the same",
                force.join(" ")
            ),
            None => format!("look at them; `{}` takes them back all the same", force.join(" ")),
        })
        .detail(NOT_BEGUN, true))
}

/// The first secret without a value that taking one of these back asks for, before anything is taken back.
pub fn lacking(session: &Session, items: &[Item]) -> Option<Error> {
    let calls = items.iter().rev().filter_map(|item| match &item.way {
        Way::Inverse { inverse: Inverse::Call(call), .. } => Some(call),
        _ => None,
    });
    let mut lacking = calls.filter_map(|call| session.pipeline.lacks(call)).next()?;
    let why = "what takes the run back asks for it, and half way is no moment to find that out";
    lacking.kind = Kind::Usage;
    Some(lacking.why(why).detail(NOT_BEGUN, true))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_folder_holds_what_lies_below_it_and_nothing_else() {
        assert!(super::overlap("a", "a") && super::overlap("a/", "a/b") && super::overlap("a/b", ""));
        assert!(!super::overlap("a", "ab") && !super::overlap("a/", "b") && !super::overlap("a/b", "a/c"));
    }
}
