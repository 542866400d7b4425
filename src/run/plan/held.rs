//! Holds a run to its plan while it goes on: a change that is not in it is not made.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::claims::Made;
use super::{Change, Plan, Watch};
use crate::base::effect::Effect;
use crate::base::error::{Error, Kind, Result};
use crate::effect::consent::{Consent, Wanted};
use crate::effect::journal::Script;

/// The name under which a run keeps its plan beside its scripts.
const KEPT_AS: &str = "plan.json";

impl Watch {
    /// The plan as the journal keeps it: its hash is that of the plan.
    #[must_use]
    pub fn kept(&self) -> Script {
        Script { name: KEPT_AS.to_owned(), text: self.plan.text().unwrap_or_default() }
    }

    /// Says of each change whether it is in the plan, and then asks whoever else must say yes.
    #[must_use]
    pub fn consent(self: Arc<Self>, then: Option<Consent>) -> Consent {
        Arc::new(move |wanted| {
            self.judge(wanted)?;
            then.as_ref().map_or(Ok(()), |then| then(wanted))
        })
    }

    /// Refuses a change that is not in the plan. Behind the horizon, which who made the plan has seen, a change may be made
    /// that can be taken back.
    fn judge(&self, wanted: &Wanted<'_>) -> Result<()> {
        let (plan, mut seen) = (&self.plan, self.seen());
        let Wanted { position, call, digest, effect, .. } = *wanted;
        if !wanted.must || seen.claims.take(plan, &Made { position, call, digest, effect }) {
            let edited = seen.claims.taken(plan, position).filter(|change| !change.has(wanted.content));
            return edited.map_or(Ok(()), |change| Err(edited_since(plan, wanted, change)));
        }
        let is_behind = || plan.changes.keys().all(|planned| is_before(planned, position, &seen.branched));
        let beyond = plan.horizon.as_ref().filter(|_| is_behind());
        let planned = plan.changes.get(position).filter(|change| change.call == call);
        let error = match (beyond, planned) {
            (Some(_), _) if effect != Effect::Destroy => return Ok(()),
            (Some(horizon), _) => {
                refused(wanted, "destroys, and lies behind the horizon of the plan that the run is held to")
                    .why(format!("it would {}; the plan ends before it: {horizon}", wanted.plan))
                    .fix(format!("let the plan reach it: read what is decided on at the beginning, and make a new plan, `{}`; without --plan the playbook decides alone", plan.again()))
            }
            (None, Some(change)) => refused(wanted, "is other than in the plan that the run is held to")
                .why(match change.what == wanted.plan {
                    true => format!("it would {}, as the plan says, but with other arguments", wanted.plan),
                    false => format!("it would {}; the plan says: {}", wanted.plan, change.what),
                })
                .fix(plan.look()),
            (None, None) => refused(wanted, "is not in the plan that the run is held to")
                .why(format!("it would {}: the run went another way than the plan, by what it read, or by an error that it caught", wanted.plan))
                .fix(plan.look()),
        };
        Err(error.unchanged())
    }
}

impl Plan {
    fn again(&self) -> String {
        format!("playbook plan {} --save FILE", self.playbook)
    }

    fn look(&self) -> String {
        format!(
            "look at what it went by, and make a new plan: `{}`; where that says the same again, run it without --plan",
            self.again()
        )
    }
}

fn edited_since(plan: &Plan, wanted: &Wanted<'_>, change: &Change) -> Error {
    refused(wanted, "takes something else from its files than the plan that the run is held to")
        .why(format!("they were edited since it was planned: {}", change.what))
        .fix(plan.look())
        .unchanged()
}

fn refused(wanted: &Wanted<'_>, why: &str) -> Error {
    Error::new(Kind::Changed, format!("`{}` was not begun: it {why}", wanted.call))
}

/// Whether what was planned at a place comes before another place, or lies in another branch of the same `parallel`.
fn is_before(planned: &str, position: &str, branched: &BTreeSet<String>) -> bool {
    let beside = |at: &String| {
        let branch = |place: &str| {
            Some(place.strip_prefix(at.as_str())?.strip_prefix('/')?.split('/').next()?.to_owned())
        };
        branch(planned).zip(branch(position)).is_some_and(|(one, other)| one != other)
    };
    order(planned, position) == Ordering::Less || branched.iter().any(beside)
}

/// Which of two places in the tree of a run comes first.
fn order(one: &str, other: &str) -> Ordering {
    let parts = |position: &str| -> Vec<u64> {
        position.split('/').map(|part| part.parse().unwrap_or(u64::MAX)).collect()
    };
    parts(one).cmp(&parts(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::call::Inverse;

    const PLAN: &str = r#"{ "playbook": "deploy.rhai", "environment": "local", "person": "", "made": "", "parameters": {},
        "scripts": {}, "resources": {}, "reads": {}, "changes": {
            "1": { "call": "flags.main.disable", "digest": "a", "what": "disable", "effect": "write" },
            "2/0": { "call": "files.out.put", "digest": "", "what": "put", "effect": "write" },
            "2/1": { "call": "files.out.delete", "digest": "b", "what": "delete", "effect": "destroy" } } }"#;

    fn watch(horizon: Option<&str>) -> Watch {
        let plan: Plan = serde_json::from_str(PLAN).unwrap();
        Watch::new(Arc::new(Plan { horizon: horizon.map(str::to_owned), ..plan }), String::new())
    }

    fn made(watch: &Watch, position: &str, call: &str, digest: &str) -> bool {
        judged(watch, position, call, (digest, true)).is_ok()
    }

    fn judged(watch: &Watch, position: &str, call: &str, (digest, must): (&str, bool)) -> Result<()> {
        let effect = if call.ends_with("delete") { Effect::Destroy } else { Effect::Write };
        watch.judge(&Wanted {
            position,
            call,
            digest,
            effect,
            must,
            content: None,
            plan: "do it",
            inverse: &Inverse::Nothing,
        })
    }

    #[test]
    fn what_is_planned_is_made_once() {
        let held = watch(None);
        assert!(made(&held, "1", "flags.main.disable", "a"));
        assert!(made(&held, "1", "flags.main.disable", "a"), "begun again after a crash");
        assert!(!made(&held, "4/7", "flags.main.disable", "a"), "it was made already");
        assert!(!made(&held, "2/1", "files.out.delete", "c") && !made(&held, "3", "files.out.restore", "a"));
        assert!(made(&held, "2/6", "files.out.delete", "b"), "something that was only read has moved it");
        assert!(!made(&held, "7/0", "files.out.put", "x"), "what is not known is known by its step");
        assert!(made(&held, "2/4", "files.out.put", "x") && !made(&held, "2/5", "files.out.put", "y"));
    }

    #[test]
    fn another_try_may_make_again_what_the_first_one_made() {
        let held = watch(None);
        assert!(made(&held, "2/0", "files.out.put", "x") && !made(&held, "2/3", "files.out.put", "y"));
        held.seen().claims.retry("2");
        assert!(made(&held, "2/3", "files.out.put", "y") && !made(&held, "2/4", "flags.main.disable", "a2"));
        assert!(made(&held, "2/5", "files.out.delete", "b") && made(&held, "2/6", "files.out.delete", "b"));
        assert!(!made(&held, "2/7", "files.out.delete", "c") && !made(&held, "3", "files.out.put", "z"));
    }

    #[test]
    fn a_notice_that_may_fail_is_made_all_the_same() {
        assert!(judged(&watch(None), "7", "chat.team.post", ("n", false)).is_ok());
        assert!(judged(&watch(None), "7", "chat.team.post", ("n", true)).is_err());
    }

    #[test]
    fn only_what_lies_behind_the_horizon_and_can_be_taken_back_is_let_through() {
        let held = watch(Some("line 7: it"));
        assert!(made(&held, "3", "flags.main.enable", "n") && made(&held, "2/10", "flags.main.enable", "n"));
        assert!(!made(&held, "1/4", "flags.main.enable", "n"), "before the horizon all is known");
        assert!(!made(&held, "3", "files.out.delete", "n"));
        // A branch of `parallel` may have its own.
        held.seen().branched.insert("1".to_owned());
        assert!(!made(&held, "1/4/0", "flags.main.enable", "n"));
        held.seen().branched.insert("2".to_owned());
        assert!(!made(&held, "1/4/1", "flags.main.enable", "n"));
    }

    #[test]
    fn a_branch_does_not_wait_for_the_others() {
        let branched = BTreeSet::from(["2".to_owned()]);
        assert!(is_before("2/1/3", "2/0/1", &branched) && is_before("2/0/0", "2/0/1", &branched));
        assert!(!is_before("2/0/2", "2/0/1", &branched) && !is_before("3", "2/0/1", &branched));
        assert!(!is_before("2/1/3", "2/0/1", &BTreeSet::new()));
    }

    #[test]
    fn places_are_in_the_order_in_which_they_are_come_to() {
        assert_eq!(order("2/9", "2/10"), Ordering::Less);
        assert_eq!(order("2", "2/0"), Ordering::Less);
        assert_eq!(order("3", "2/10/1"), Ordering::Greater);
    }
}
