//! Holds a run to its plan while it goes on: a change that is not in it is not made.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{Plan, Watch};
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
            self.plan.judge(wanted)?;
            then.as_ref().map_or(Ok(()), |then| then(wanted))
        })
    }
}

impl Plan {
    /// Refuses a change that is not in the plan. Beyond the horizon, which who made the plan has seen, a change may be made
    /// that can be taken back.
    fn judge(&self, wanted: &Wanted<'_>) -> Result<()> {
        let planned = self.changes.get(wanted.position);
        let is_it = planned.is_some_and(|change| change.is_it(wanted.call, wanted.digest));
        if !wanted.must || is_it || self.is_again(wanted) {
            return Ok(());
        }
        let beyond = self.horizon.as_ref().filter(|_| self.is_behind_all(wanted.position));
        let error = match (beyond, planned) {
            (Some(_), _) if wanted.effect != Effect::Destroy => return Ok(()),
            (Some(horizon), _) => {
                refused(wanted, "destroys, and lies behind the horizon of the plan that the run is held to")
                    .why(format!("it would {}; the plan ends before it: {horizon}", wanted.plan))
                    .fix(format!("let the plan reach it: read what is decided on at the beginning, and make a new plan, `{}`; without --plan the playbook decides alone", self.again()))
            }
            (None, Some(change)) => refused(wanted, "is other than in the plan that the run is held to")
                .why(match change.what == wanted.plan {
                    true => format!("it would {}, as the plan says, but with other arguments", wanted.plan),
                    false => format!("it would {}; the plan says: {}", wanted.plan, change.what),
                })
                .fix(self.look()),
            (None, None) => refused(wanted, "is not in the plan that the run is held to")
                .why(format!("it would {}: what the playbook decides by is not as it was", wanted.plan))
                .fix(self.look()),
        };
        Err(error.unchanged())
    }

    /// Whether it is planned at another place: another try, or another turn of a loop.
    fn is_again(&self, wanted: &Wanted<'_>) -> bool {
        let is_it = |digest: &str| match wanted.effect {
            Effect::Destroy => digest == wanted.digest,
            _ => digest.is_empty() || digest == wanted.digest,
        };
        self.changes.values().any(|change| change.call == wanted.call && is_it(&change.digest))
    }

    fn is_behind_all(&self, position: &str) -> bool {
        self.changes.keys().all(|planned| order(planned, position) == Ordering::Less)
    }

    fn again(&self) -> String {
        format!("playbook plan {} --save FILE", self.playbook)
    }

    fn look(&self) -> String {
        format!(
            "look at it, and make a new plan: `{}`; without --plan the playbook decides alone",
            self.again()
        )
    }
}

fn refused(wanted: &Wanted<'_>, why: &str) -> Error {
    Error::new(Kind::Changed, format!("`{}` was not begun: it {why}", wanted.call))
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

    fn judged(horizon: Option<&str>, position: &str, call: &str, digest: &str, must: bool) -> Result<()> {
        let plan: Plan = serde_json::from_str(PLAN).unwrap();
        let plan = Plan { horizon: horizon.map(str::to_owned), ..plan };
        let effect = if call.ends_with("delete") { Effect::Destroy } else { Effect::Write };
        let inverse = &Inverse::Nothing;
        plan.judge(&Wanted { position, call, digest, effect, must, plan: "do it", inverse })
    }

    #[test]
    fn what_is_planned_is_made_there_and_again() {
        let made = |position, call, digest| judged(None, position, call, digest, true).is_ok();
        assert!(made("1", "flags.main.disable", "a") && made("4/7", "flags.main.disable", "a"));
        assert!(
            made("2/0", "files.out.put", "x") && made("2/3", "files.out.put", "y"),
            "only its arguments were not known"
        );
        assert!(made("2/1", "files.out.delete", "b") && made("2/9", "files.out.delete", "b"));
        assert!(!made("1", "flags.main.disable", "c") && !made("1", "flags.main.enable", "a"));
        assert!(!made("2/1", "files.out.delete", "c") && !made("3", "files.out.restore", "a"));
    }

    #[test]
    fn a_notice_that_may_fail_is_made_all_the_same() {
        assert!(judged(None, "7", "chat.team.post", "n", false).is_ok());
        assert!(judged(None, "7", "chat.team.post", "n", true).is_err());
    }

    #[test]
    fn only_what_lies_behind_the_horizon_and_can_be_taken_back_is_let_through() {
        let made = |position, call| judged(Some("line 7: it"), position, call, "n", true).is_ok();
        assert!(made("3", "flags.main.enable") && made("2/10", "flags.main.enable"));
        assert!(!made("1/4", "flags.main.enable"), "before the horizon all is known");
        assert!(!made("3", "files.out.delete"));
    }

    #[test]
    fn places_are_in_the_order_in_which_they_are_come_to() {
        assert_eq!(order("2/9", "2/10"), Ordering::Less);
        assert_eq!(order("2", "2/0"), Ordering::Less);
        assert_eq!(order("3", "2/10/1"), Ordering::Greater);
    }
}
