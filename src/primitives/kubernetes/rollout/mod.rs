//! `rollout_status`: waits until a workload has rolled out, or says which pods keep it from it, and why.

mod judge;
mod witness;

use std::time::{Duration, Instant};

use tokio::time::timeout;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use self::judge::State;
use self::witness::Witness;
use super::cluster::{Cluster, Found};
use super::object;
use super::silence::Wait;
use super::target::Target;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text::{parse_duration, show_duration};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// The pauses between two looks: short at first, for what is soon done.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// Waits until a Deployment, a StatefulSet or a DaemonSet has rolled out: its last change was seen, and all its pods
/// are new and available. It judges that by itself from generation, counts and conditions. It fails when the
/// controller's progress deadline passes, when new pods keep failing for as long as `patience`, or when `within` is
/// over, and names each failing pod with its reason, the end of a crashed container's log, and the latest warnings.
/// Gives `target`, `revision`, `images`, `replicas`, `ready` and `took_ms`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RolloutStatus {
    /// The workload, as "deployment/web"
    target: Target,
    /// How long it may take in all
    #[serde(default = "ten_minutes")]
    within: Period,
    /// How long new pods may keep failing (a crash loop, an image that cannot be had) before that is the end
    #[serde(default = "a_minute")]
    patience: Period,
}

/// How long the pods' last words and warnings may take at the end of a rollout.
const LAST: Duration = Duration::from_secs(5);

/// How long a rollout, or a job, may take when nothing is said.
pub(super) const fn ten_minutes() -> Period {
    Period::of("10m")
}

/// How long pods may keep failing when nothing is said.
pub(super) const fn a_minute() -> Period {
    Period::of("1m")
}

/// How long a rollout may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// In all.
    pub(super) within: Duration,
    /// While new pods are failing.
    pub(super) failing: Duration,
}

impl Primitive for RolloutStatus {
    const NAME: &'static str = "rollout_status";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"kubernetes("prod").rollout_status("deployment/web", #{ within: "5m" })"#;
    // It bounds itself by `within`.
    const TIMEOUT: Duration = Duration::from_secs(24 * 3600);
    const WAITS: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("wait until {} has rolled out, at most {}", self.target, self.within)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let patience =
            Patience { within: parse_duration(&self.within)?, failing: parse_duration(&self.patience)? };
        let cluster = Cluster::of(&cx).await?;
        wait(&cx, &cluster, &self.target, &patience).await
    }
}

/// Whether a workload has rolled out as far as it should.
pub(super) fn is_settled(object: &Value) -> bool {
    judge::judge(object) == State::Done
}

/// Waits until a workload has rolled out.
pub(super) async fn wait(cx: &Cx, cluster: &Cluster, target: &Target, patience: &Patience) -> Result<Value> {
    let wait = Wait::begin(cx, cluster, format!("the rollout of {target}"), patience.within);
    let mut watch = Watch { cx, cluster, wait, failing_since: None, told: String::new() };
    let mut found = watch.wait.ask(cluster.get(target)).await?;
    let mut pause = PAUSES.0;
    loop {
        if let Some(receipt) = watch.look(&found, patience).await? {
            return Ok(receipt);
        }
        cx.pause(pause.min(watch.wait.left())).await?;
        pause = (pause * 5 / 4).min(PAUSES.1);
        found.object = match watch.wait.ask(cluster.read(&found.kind, &found.name)).await {
            Ok(object) => object,
            // An API server that is restarted in between comes back; whoever waits, waits for it too.
            Err(error) if watch.wait.may_look_again(&error) => continue,
            Err(error) => return Err(error),
        };
    }
}

struct Watch<'a> {
    cx: &'a Cx,
    cluster: &'a Cluster,
    wait: Wait<'a>,
    failing_since: Option<Instant>,
    told: String,
}

impl Watch<'_> {
    /// Looks once: a receipt at the end, nothing while it goes on, an error when it will not.
    async fn look(&mut self, found: &Found, patience: &Patience) -> Result<Option<Value>> {
        let state = judge::judge(&found.object);
        let what = format!("{}/{} of `{}`", found.kind.spoken(), found.name, self.cluster.named);
        let going = match state {
            State::Done => return Ok(Some(self.receipt(found))),
            State::Halted(why) => {
                return Err(Error::remote(format!("{what} does not roll out: {why}")).fix(halted(&why)));
            }
            State::Stuck(why) => {
                let witness = self.hear(found).await;
                // The condition may still speak of the pods before the last change.
                if witness.is_about(&why) {
                    let what = format!("{what} did not roll out: its progress deadline passed");
                    return Err(self.gave_up(what, &why, &witness).await);
                }
                why
            }
            State::Going(why) => why,
        };
        let witness = self.hear(found).await;
        self.tell(&format!("{}/{}: {going}{}", found.kind.spoken(), found.name, witness.headline()));
        self.failing_since = match witness.is_failing() {
            true => self.failing_since.or_else(|| Some(self.cx.instant())),
            false => None,
        };
        if self.failing_since.is_some_and(|since| since.elapsed() >= patience.failing) {
            let what = format!(
                "{what} did not roll out: new pods kept failing for {}",
                show_duration(patience.failing)
            );
            return Err(self.gave_up(what, &going, &witness).await);
        }
        if self.wait.is_over() {
            let what = format!("{what} did not roll out within {}", show_duration(patience.within));
            return Err(self.gave_up(what, &going, &witness).await);
        }
        Ok(None)
    }

    /// What is wrong with the new pods, as far as that can be heard before the wait ends.
    async fn hear(&mut self, found: &Found) -> Witness {
        let heard = self.wait.ask(Witness::hear(self.cluster, found)).await;
        heard.unwrap_or_else(|_| Witness::of_none(found))
    }

    fn receipt(&self, found: &Found) -> Value {
        let object = &found.object;
        let count = |names: [&str; 2]| {
            let find = |name: &str| object["status"][name].as_i64();
            find(names[0]).or_else(|| find(names[1])).unwrap_or(0)
        };
        json!({
            "target": format!("{}/{}", found.kind.spoken(), found.name),
            "revision": object::revision(object),
            "images": judge::images(object),
            "replicas": count(["replicas", "desiredNumberScheduled"]),
            "ready": count(["readyReplicas", "numberReady"]),
            "took_ms": u64::try_from(self.wait.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// Tells how far it is, when that is news.
    fn tell(&mut self, line: &str) {
        if self.told != line {
            self.cx.line(false, line);
            line.clone_into(&mut self.told);
        }
    }

    async fn gave_up(&self, what: String, why: &str, witness: &Witness) -> Error {
        let told = timeout(LAST, witness.told(self.cluster)).await.unwrap_or_default();
        let why = if told.is_empty() { why.to_owned() } else { format!("{why}\n{told}") };
        let error = Error::remote(what).why(why + &self.wait.doubt()).detail("pods", witness.reasons());
        error.fix("correct what the pods complain of, and apply again")
    }
}

fn halted(why: &str) -> &'static str {
    match why {
        why if why.contains("paused") => "let it go on with `resume`",
        why if why.contains("OnDelete") => "delete its pods one by one, or use RollingUpdate",
        _ => "name a deployment, a statefulset or a daemonset",
    }
}
