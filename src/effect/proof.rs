//! Proves the answers at the gates of a run from its record alone: what was signed by which key, and what it was bound to.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::journal::{Entry, Facts};
use super::seal::{self, Bound, Checked};
use crate::base::error::Result;
use crate::base::event::Event;
use crate::base::gate::{Answer, Asked};

/// What is proven of one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The answer.
    #[serde(flatten)]
    pub answer: Answer,
    /// The fingerprint of the key that signed it.
    pub fingerprint: Option<String>,
    /// What is wrong with it.
    pub fault: Option<String>,
    /// What could not be told here.
    pub unknown: Option<String>,
}

/// Each answer of a run with what is proven of it.
pub async fn of(facts: &Facts, entries: &[Entry]) -> Result<Vec<Proof>> {
    let mut gates: BTreeMap<&str, &Asked> = BTreeMap::new();
    let mut scripts: BTreeSet<&str> = [facts.script.as_str()].into();
    let mut proofs = Vec::new();
    for entry in entries {
        match &entry.event {
            Event::RunResumed { script, .. } => drop(scripts.insert(script)),
            Event::GateOpened { position, asked, .. } => drop(gates.insert(position, asked)),
            Event::GateAnswered { position, answer } => {
                let bound = gates
                    .get(position.as_str())
                    .is_some_and(|asked| is_bound(facts, &scripts, asked, answer));
                proofs.push(proof(answer, bound).await?);
            }
            _ => {}
        }
    }
    Ok(proofs)
}

/// Whether an answer is to what its gate asked, and that to what the run was.
fn is_bound(facts: &Facts, scripts: &BTreeSet<&str>, asked: &Asked, answer: &Answer) -> bool {
    let hash = |script: &str| {
        let bound = Bound {
            environment: &facts.environment,
            playbook: &facts.playbook,
            script,
            plan: facts.plan.as_deref(),
            parameters: &facts.parameters,
        };
        bound.hash(asked, &answer.gate)
    };
    answer.binding == asked.binding
        && answer.name == asked.name
        && asked.people.contains(&answer.person)
        && scripts.iter().any(|script| hash(script) == asked.binding)
}

async fn proof(answer: &Answer, bound: bool) -> Result<Proof> {
    let checked = seal::check(answer).await?;
    let (fault, unknown) = match checked {
        _ if !bound => (Some("it is not bound to what this run is".to_owned()), None),
        Checked::Good | Checked::Unsigned => (None, None),
        Checked::Wrong(why) => (Some(format!("its signature is not good: {why}")), None),
        Checked::Unknown(why) => (None, Some(why)),
    };
    let fingerprint = answer.key.as_deref().filter(|_| answer.signature.is_some()).map(seal::fingerprint);
    Ok(Proof { answer: answer.clone(), fingerprint, fault, unknown })
}
