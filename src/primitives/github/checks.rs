//! `checks` and `wait_for_checks`: what CI says of a commit, by check runs and by the older statuses together.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::repository::Repository;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::sys::http::Method;

/// How long is waited between two looks.
const PAUSE: Duration = Duration::from_secs(10);
/// How many are asked for at once, and the most in all.
const PAGE: (usize, usize) = (100, 1000);

/// Reads what CI says of a commit: `state` ("success", "pending", "failure", or "none" where nothing was checked), `commit`, and
/// `checks`, each with `name`, `state` and `url`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Checks {
    /// The commit, branch or tag
    commit: String,
    /// The checks that count, by name; all of them when left out
    #[serde(default)]
    only: Vec<String>,
}

impl Primitive for Checks {
    const NAME: &'static str = "checks";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "CI has passed", github("app").checks("v2.0.0").state == "success";"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read the checks of {} in {}", self.commit, resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        read(&cx, &Repository::of(&cx).await?, &self.commit, &self.only).await
    }
}

/// Waits until every check of a commit has ended. Gives what `checks` gives; one that failed is an error that names it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitForChecks {
    /// The commit, branch or tag
    commit: String,
    /// The checks that must be there and pass, by name; all that there are when left out
    #[serde(default)]
    only: Vec<String>,
}

impl Primitive for WaitForChecks {
    const NAME: &'static str = "wait_for_checks";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"github("app").wait_for_checks("v2.0.0", #{ only: ["test"], timeout: "30m" })"#;
    const TIMEOUT: Duration = Duration::from_secs(1800);
    const WAITS: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("wait for the checks of {} in {}", self.commit, resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let repository = Repository::of(&cx).await?;
        loop {
            let told = read(&cx, &repository, &self.commit, &self.only).await?;
            match told["state"].as_str() {
                Some("success") => return Ok(told),
                Some("failure") => return Err(failed(&cx, &self.commit, &told)),
                _ => cx.pause(PAUSE).await?,
            }
        }
    }
}

fn failed(cx: &Cx, commit: &str, told: &Value) -> Error {
    let all = told["checks"].as_array().into_iter().flatten();
    let bad: Vec<String> = all
        .filter(|one| one["state"] == "failure")
        .map(|one| {
            format!(
                "{}: {}",
                one["name"].as_str().unwrap_or_default(),
                one["url"].as_str().unwrap_or_default()
            )
        })
        .collect();
    Error::remote(format!("checks of {commit} in `{}` have failed", cx.resource())).why(bad.join("\n"))
}

async fn read(cx: &Cx, repository: &Repository, commit: &str, only: &[String]) -> Result<Value> {
    let mut all = Vec::new();
    // Two kinds of the same thing, of which most repositories use one and some use both.
    for (kind, list) in [("check-runs", "check_runs"), ("status", "statuses")] {
        for page in 1..=PAGE.1 / PAGE.0 {
            let ask = repository
                .request(Method::GET, &["commits", commit, kind])
                .query("per_page", PAGE.0.to_string())
                .query("page", page.to_string());
            let reply = repository.ask(cx, &ask, &format!("read the checks of {commit}")).await?;
            let some = reply.json.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
            all.extend(some.iter().map(one));
            if some.len() < PAGE.0 {
                break;
            }
        }
    }
    let wanted = |check: &Value| only.is_empty() || only.iter().any(|name| check["name"] == name.as_str());
    all.retain(wanted);
    let missing = only.iter().any(|name| !all.iter().any(|check| check["name"] == name.as_str()));
    let any = |state: &str| all.iter().any(|check| check["state"] == state);
    let state = match () {
        () if any("failure") => "failure",
        () if any("pending") || missing => "pending",
        () if all.is_empty() => "none",
        () => "success",
    };
    Ok(json!({ "state": state, "commit": commit, "checks": all }))
}

/// A check run or a status as one thing.
fn one(check: &Value) -> Value {
    let text = |name: &str| check.get(name).and_then(Value::as_str).unwrap_or_default();
    // A status has its verdict as `state`, a check run has `status` and then `conclusion`.
    let verdict =
        [text("state"), text("conclusion")].into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    let state = match verdict {
        "success" | "neutral" | "skipped" => "success",
        "" | "pending" => "pending",
        _ => "failure",
    };
    let name = if text("name").is_empty() { text("context") } else { text("name") };
    let url = if text("html_url").is_empty() { text("target_url") } else { text("html_url") };
    json!({ "name": name, "state": state, "url": url })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_checks_are_read_alike() {
        let state = |check: Value| one(&check)["state"].clone();
        assert_eq!(state(json!({ "name": "a", "status": "completed", "conclusion": "success" })), "success");
        assert_eq!(state(json!({ "name": "a", "status": "in_progress", "conclusion": null })), "pending");
        assert_eq!(
            state(json!({ "name": "a", "status": "completed", "conclusion": "timed_out" })),
            "failure"
        );
        assert_eq!(
            one(&json!({ "context": "ci", "state": "error", "target_url": "u" })),
            json!({ "name": "ci", "state": "failure", "url": "u" })
        );
    }
}
