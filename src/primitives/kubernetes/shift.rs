//! `shift` and `weights`: traffic between two workloads behind one Service, by how many replicas each has.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::change::{self, Change};
use super::cluster::{Cluster, Found, Way};
use super::object::{field, number};
use super::rollout::{self, Patience};
use super::target::Target;
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text::parse_duration;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Shifts traffic between two workloads that one Service selects both: `percent` of all replicas go to `canary`, the
/// rest to `stable`. The one that grows is scaled first and must be ready before the other one shrinks, so that there
/// are never fewer than before. What is more than nothing is at least one replica, so a small total gives coarse steps.
/// Taken back by the numbers that they had. Gives `stable`, `canary` (replicas) and `percent` (what they come to).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Shift {
    /// The workload that serves now, as "deployment/web"
    stable: Target,
    /// The workload that is tried, as "deployment/web-canary"
    canary: Target,
    /// How much of the traffic the tried one gets, from 0 to 100
    percent: f64,
    /// How many replicas they have together; as many as they have now when left out
    total: Option<u32>,
    /// How long the growing one may take to be ready
    #[serde(default = "five_minutes")]
    within: Period,
}

const fn five_minutes() -> Period {
    Period::of("5m")
}

/// Reads how many replicas two workloads have, and what share of the traffic that is: `stable`, `canary` (replicas that
/// are ready) and `percent` (of the ready ones, the tried one's).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Weights {
    /// The workload that serves now, as "deployment/web"
    stable: Target,
    /// The workload that is tried, as "deployment/web-canary"
    canary: Target,
}

/// The two changes, the growing one first, and how many replicas each is to have.
struct Plan {
    changes: [Change; 2],
    stable: u32,
    canary: u32,
    first: Target,
}

impl Shift {
    async fn plan_of(&self, cluster: &Cluster) -> Result<Plan> {
        if !(0.0..=100.0).contains(&self.percent) {
            return Err(Error::usage(format!("`percent` is {}", self.percent)).fix("give 0 to 100"));
        }
        let (stable, canary) = (cluster.get(&self.stable).await?, cluster.get(&self.canary).await?);
        let have = |found: &Found| u32::try_from(number(&found.object, "/spec/replicas")).unwrap_or(0);
        let total = self.total.unwrap_or_else(|| have(&stable) + have(&canary));
        let (to_stable, to_canary) = split(total, self.percent).ok_or_else(|| {
            Error::usage(format!(
                "{total} replicas cannot be split {}:{}",
                100.0 - self.percent,
                self.percent
            ))
            .fix("give each at least one: raise `total`")
        })?;
        let change = |found: &Found, replicas: u32| {
            Change::patch(found.kind.clone(), &found.name, Way::Merge, field(&["spec", "replicas"], replicas))
        };
        let (of_stable, of_canary) = (change(&stable, to_stable), change(&canary, to_canary));
        let (changes, first) = match to_canary >= have(&canary) {
            true => ([of_canary, of_stable], &self.canary),
            false => ([of_stable, of_canary], &self.stable),
        };
        Ok(Plan { changes, stable: to_stable, canary: to_canary, first: first.clone() })
    }
}

/// How many of `total` replicas each gets; `None` when one would have no replica for its share.
fn split(total: u32, percent: f64) -> Option<(u32, u32)> {
    let exact = f64::from(total) * percent / 100.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the total, which fits"
    )]
    let rounded = exact.round() as u32;
    let canary = match percent {
        0.0 => 0,
        100.0 => total,
        _ if total < 2 => return None,
        _ => rounded.clamp(1, total - 1),
    };
    (total > 0).then(|| (total - canary, canary))
}

fn percent(stable: i64, canary: i64) -> Value {
    match stable + canary {
        0 => Value::Null,
        #[expect(clippy::cast_precision_loss, reason = "numbers of replicas are small")]
        all => json!((canary as f64 * 1000.0 / all as f64).round() / 10.0),
    }
}

impl Primitive for Shift {
    const NAME: &'static str = "shift";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"kubernetes("prod").shift("deployment/web", "deployment/web-canary", 10.0)"#;
    // It bounds itself by `within`.
    const TIMEOUT: Duration = Duration::from_secs(24 * 3600);
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("shift {} % of {} to {}", self.percent, self.stable, self.canary)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let cluster = Cluster::of(cx).await?;
        let plan = self.plan_of(&cluster).await?;
        change::inverse(cx, &cluster, &plan.changes).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let cluster = Cluster::of(cx).await?;
        let plan = self.plan_of(&cluster).await?;
        change::probe(&cluster, &plan.changes).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let within = parse_duration(&self.within)?;
        let Plan { changes: [grows, shrinks], stable, canary, first } =
            self.plan_of(&cluster).await.map_err(Error::unchanged)?;
        change::carry_out(&cluster, &grows).await?;
        rollout::wait(
            &cx,
            &cluster,
            &first,
            &Patience { within, failing: within.min(Duration::from_secs(60)) },
        )
        .await?;
        change::carry_out(&cluster, &shrinks).await?;
        Ok(json!({ "stable": stable, "canary": canary, "percent": percent(stable.into(), canary.into()) }))
    }
}

impl Primitive for Weights {
    const NAME: &'static str = "weights";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"kubernetes("prod").weights("deployment/web", "deployment/web-canary").percent"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("read how the traffic is shared between {} and {}", self.stable, self.canary)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let stable = number(&cluster.get(&self.stable).await?.object, "/status/readyReplicas");
        let canary = number(&cluster.get(&self.canary).await?.object, "/status/readyReplicas");
        Ok(json!({ "stable": stable, "canary": canary, "percent": percent(stable, canary) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_split_so_that_a_share_has_at_least_one() {
        for (total, percent, wanted) in [
            (10, 0.0, Some((10, 0))),
            (10, 10.0, Some((9, 1))),
            (10, 25.0, Some((7, 3))),
            (4, 1.0, Some((3, 1))),
            (4, 99.0, Some((1, 3))),
            (4, 100.0, Some((0, 4))),
            (1, 50.0, None),
            (0, 0.0, None),
        ] {
            assert_eq!(split(total, percent), wanted, "{total} {percent}");
        }
        assert_eq!((percent(9, 1), percent(0, 0)), (json!(10.0), Value::Null));
    }
}
