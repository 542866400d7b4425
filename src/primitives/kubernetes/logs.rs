//! `logs`: what the containers of pods wrote.

use kube::api::LogParams;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::cluster::Cluster;
use super::object::name;
use super::pods;
use super::target::Target;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text::parse_duration;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// So many pods are asked at most.
const PODS: usize = 20;
/// So much is given of the logs at most, from the end of each; in bytes.
const BYTES: usize = 256 * 1024;

/// Reads what a pod, or the pods of a workload or a job, wrote: as one text, each line with its pod's name before it
/// where there are several. It begins where the last 256 KiB begin.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Logs {
    /// The pod, or what makes pods, as "deployment/web"
    target: Target,
    /// The container; it may be left out where there is only one
    container: Option<String>,
    /// How many lines from the end of each pod's
    #[serde(default = "two_hundred")]
    last: u32,
    /// Only what is not older, as "5m"
    since: Option<Period>,
    /// Whether to read what the container wrote before it was restarted last
    #[serde(default)]
    previous: bool,
}

const fn two_hundred() -> u32 {
    200
}

impl Primitive for Logs {
    const NAME: &'static str = "logs";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"kubernetes("prod").logs("deployment/web", #{ last: 50 })"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("read the last {} lines of {}", self.last, self.target)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let cluster = Cluster::of(&cx).await?;
        let since = self.since.as_deref().map(parse_duration).transpose()?;
        let pods = pods::of(&cluster, &self.target).await?;
        if pods.len() > PODS {
            return Err(Error::usage(format!("{} has {} pods", self.target, pods.len()))
                .fix(format!("name one pod; at most {PODS} are read at once")));
        }
        let wanted = LogParams {
            container: self.container.clone(),
            tail_lines: Some(i64::from(self.last)),
            since_seconds: since.map(|since| i64::try_from(since.as_secs().max(1)).unwrap_or(i64::MAX)),
            previous: self.previous,
            ..LogParams::default()
        };
        let mut all = String::new();
        for pod in &pods {
            let log = pods::log(&cluster, name(pod), &wanted).await?;
            match pods.len() {
                1 => all.push_str(&log),
                _ => log.lines().for_each(|line| all.push_str(&format!("{} {line}\n", name(pod)))),
            }
        }
        let clean = cx.redactor().text(end(&all));
        Ok(clean.trim_end_matches('\n').into())
    }
}

/// The last part of a log, from the beginning of a line.
fn end(log: &str) -> &str {
    if log.len() <= BYTES {
        return log;
    }
    let part = &log[log.ceil_char_boundary(log.len() - BYTES)..];
    part.find('\n').map_or(part, |line| &part[line + 1..])
}
