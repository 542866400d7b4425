//! `undo`: an earlier revision of a workload, as its controller has kept it.

use kube::api::ListParams;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::change::{self, Change};
use super::cluster::{Cluster, Found, Way};
use super::kind::Kind;
use super::object::{self, list, name, number, text};
use super::revert::receipt;
use super::target::Target;
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// The label by which a replica set knows its pods; it is not part of what people wrote.
const HASH: &str = "pod-template-hash";

/// Gives a Deployment, a StatefulSet or a DaemonSet the pod template of an earlier revision, by default of the one before
/// the current; `rollout_status` waits for the rollout. Taken back by the template that it had. Gives `target`,
/// `revision` (the one that it went back to), `from`, `changed` and `generation`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Undo {
    /// The workload, as "deployment/web"
    target: Target,
    /// The revision to go back to; the one before the current when left out
    revision: Option<u64>,
}

/// The field of a witness that holds the name of the kept revision that was meant.
const KEPT: &str = "kept";

/// One revision that was kept.
struct Kept {
    /// The name of the object that keeps it: it stays when the revision gets another number, by being gone back to.
    name: String,
    number: u64,
    /// The strategic merge patch that makes it current.
    patch: Value,
}

impl Undo {
    /// The change, the revision that it leads to, and the number of the current one; `named` where it is known which
    /// revision is meant.
    async fn change(&self, cluster: &Cluster, named: Option<&str>) -> Result<(Change, Kept, u64)> {
        let Found { kind, name, object } = cluster.get(&self.target).await?;
        let of = format!("{} of `{}`", self.target, cluster.named);
        if object["spec"]["paused"] == true {
            return Err(Error::remote(format!("{of} is paused"))
                .fix("let it go on with `resume` first")
                .unchanged());
        }
        let mut kept = match kind.plural.as_str() {
            "deployments" => replica_sets(cluster, &object).await?,
            "statefulsets" | "daemonsets" => controller_revisions(cluster, &object).await?,
            _ => {
                return Err(Error::usage(format!("a {} has no revisions", kind.spoken()))
                    .fix("name a deployment, a statefulset or a daemonset"));
            }
        };
        kept.sort_by_key(|one| one.number);
        let newest = kept.last().map_or(0, |one| one.number);
        let current = object::revision(&object).parse().unwrap_or(newest);
        let place = match (named, self.revision) {
            (Some(named), _) => kept.iter().position(|one| one.name == named),
            (_, Some(revision)) => kept.iter().position(|one| one.number == revision),
            _ => kept.iter().rposition(|one| one.number < current),
        };
        let Some(place) = place else {
            let numbers: Vec<String> = kept.iter().map(|one| one.number.to_string()).collect();
            let which = self
                .revision
                .map_or_else(|| "earlier revision".to_owned(), |number| format!("revision {number}"));
            return Err(Error::remote(format!("{of} has no {which}"))
                .why(format!("it is at revision {current}, and the cluster keeps {}", numbers.join(", ")))
                .fix("apply the manifest of the state that is wanted")
                .unchanged());
        };
        let wanted = kept.swap_remove(place);
        Ok((Change::patch(kind, &name, Way::Strategic, wanted.patch.clone()), wanted, current))
    }
}

fn is_own(object: &Value, of: &Value) -> bool {
    let uid = text(of, "/metadata/uid");
    list(object, "/metadata/ownerReferences").iter().any(|owner| owner["uid"] == uid)
}

async fn replica_sets(cluster: &Cluster, deployment: &Value) -> Result<Vec<Kept>> {
    let labels = object::selector(&deployment["spec"]["selector"]);
    let (sets, _) = cluster.list(&Kind::replica_set(), &ListParams::default().labels(&labels)).await?;
    let kept = sets.iter().filter(|set| is_own(set, deployment)).filter_map(|set| {
        let mut template = set["spec"]["template"].clone();
        template["metadata"]["labels"].as_object_mut()?.remove(HASH);
        template["$patch"] = "replace".into();
        let patch = json!({ "spec": { "template": template } });
        Some(Kept { name: name(set).to_owned(), number: object::revision(set).parse().ok()?, patch })
    });
    Ok(kept.collect())
}

async fn controller_revisions(cluster: &Cluster, workload: &Value) -> Result<Vec<Kept>> {
    let labels = object::selector(&workload["spec"]["selector"]);
    let (all, _) = cluster.list(&Kind::controller_revision(), &ListParams::default().labels(&labels)).await?;
    let kept = all.iter().filter(|one| is_own(one, workload)).filter_map(|one| {
        let number = u64::try_from(number(one, "/revision")).ok()?;
        Some(Kept { name: name(one).to_owned(), number, patch: one["data"].clone() })
    });
    Ok(kept.collect())
}

impl Primitive for Undo {
    const NAME: &'static str = "undo";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"kubernetes("prod").undo("deployment/web")"#;
    const ATOMIC: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        match self.revision {
            Some(revision) => format!("go back to revision {revision} of {}", self.target),
            None => format!("go back to the revision of {} before the current", self.target),
        }
    }

    fn touches(&self) -> Option<String> {
        Some(self.target.touched())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let cluster = Cluster::of(cx).await?;
        let (change, ..) = self.change(&cluster, None).await?;
        change::inverse(cx, &cluster, &[change]).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        // After each success it means another revision.
        let Some(told) = cx.witnessed() else { return Ok(cx.is_settling().then_some(false)) };
        let cluster = Cluster::of(cx).await?;
        let (change, ..) = self.change(&cluster, told[KEPT].as_str()).await?;
        change::probe(&cluster, &[change]).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let (change, wanted, from) = self.change(&cluster, None).await?;
        cx.witness(json!({ KEPT: wanted.name }))?;
        let done = change::carry_out(&cluster, &change).await?;
        Ok(receipt(done, json!({ "revision": wanted.number, "from": from })))
    }
}
