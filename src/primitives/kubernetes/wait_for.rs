//! `wait_for`: until an object has a condition, a field a value, or the object is gone.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::cluster::Cluster;
use super::object::{self, condition};
use super::silence::Wait;
use super::target::Target;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text::{headline, parse_duration};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// The pause between two looks.
const EVERY: Duration = Duration::from_millis(300);

/// Waits until an object is as it should be: it has a condition, or a field has a value, or it is gone. An object that
/// is not there yet is waited for. It fails when `within` is over, telling what was seen last. Gives the object; `()`
/// when it was to be gone.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitFor {
    /// The object, as "deployment/web"
    target: Target,
    /// The condition, as "Available" or "Ready=False"
    condition: Option<String>,
    /// The field, as "status.phase" or "status.loadBalancer.ingress.0.ip"
    field: Option<String>,
    /// What the field must be; any value but nothing when left out
    value: Option<Value>,
    /// Whether the object must be gone
    #[serde(default)]
    gone: bool,
    /// How long it may take
    #[serde(default = "five_minutes")]
    within: Period,
}

const fn five_minutes() -> Period {
    Period::of("5m")
}

impl Primitive for WaitFor {
    const NAME: &'static str = "wait_for";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"kubernetes("prod").wait_for("pod/web-1", #{ condition: "Ready", within: "2m" })"#;
    // It bounds itself by `within`.
    const TIMEOUT: Duration = Duration::from_secs(24 * 3600);
    const WAITS: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("wait until {} {}, at most {}", self.target, self.wanted(), self.within)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let ways = [self.condition.is_some(), self.field.is_some(), self.gone];
        if ways.iter().filter(|way| **way).count() != 1 {
            return Err(Error::usage("what to wait for is not said, or said twice")
                .fix("give one of `condition: \"Ready\"`, `field: \"status.phase\"` and `gone: true`"));
        }
        let within = parse_duration(&self.within)?;
        let cluster = Cluster::of(&cx).await?;
        let mut wait = Wait::begin(&cx, &cluster, self.target.to_string(), within);
        let kind = wait.ask(cluster.kind(&self.target.word)).await?;
        let mut known = None;
        loop {
            let seen = match wait.ask(cluster.find(&kind, &self.target.name)).await {
                Ok(None) if self.gone => return Ok(Value::Null),
                Ok(None) => "there is no such object".to_owned(),
                Ok(Some(object)) => match self.look(&object) {
                    Ok(()) => return Ok(object::shown(object, kind.is_secret())),
                    Err(fault) => fault,
                },
                Err(error) if wait.may_look_again(&error) => {
                    cx.pause(EVERY.min(wait.left())).await?;
                    continue;
                }
                Err(error) => return Err(self.with_last(error, known)),
            };
            if wait.is_over() {
                let what =
                    format!("{} of `{}` was not so within {}", self.target, cluster.named, self.within);
                let why = format!("wanted that it {}; seen last: {seen}{}", self.wanted(), wait.doubt());
                return Err(Error::remote(what).why(why));
            }
            known = Some(seen);
            cx.pause(EVERY.min(wait.left())).await?;
        }
    }
}

impl WaitFor {
    /// The error of a look that failed, with what was seen before it.
    fn with_last(&self, error: Error, known: Option<String>) -> Error {
        let (Some(seen), Some(why)) = (known, error.why.clone()) else { return error };
        error.why(format!("{why}; wanted that it {}; seen last: {seen}", self.wanted()))
    }

    /// What is wanted, in words.
    fn wanted(&self) -> String {
        match (&self.condition, &self.field, &self.value) {
            (Some(condition), ..) => format!("has the condition {condition}"),
            (_, Some(field), Some(value)) => format!("has {field} = {}", headline(&value.to_string(), 60)),
            (_, Some(field), None) => format!("has {field}"),
            _ => "is gone".to_owned(),
        }
    }

    /// Whether the object is as wanted, or how it is.
    fn look(&self, object: &Value) -> Result<(), String> {
        if let Some(wanted) = &self.condition {
            let (kind, state) = wanted.split_once('=').unwrap_or((wanted, "True"));
            return match condition(object, kind) {
                Some((seen, ..)) if seen.eq_ignore_ascii_case(state) => Ok(()),
                Some((seen, reason, message)) => Err(format!("{kind} is {seen} ({reason}: {message})")),
                None => Err(format!("it has no condition {kind}")),
            };
        }
        let Some(field) = &self.field else { return Err("it is there".to_owned()) };
        let seen = object.pointer(&format!("/{}", field.replace('.', "/"))).unwrap_or(&Value::Null);
        match &self.value {
            Some(wanted) if is_like(seen, wanted) => Ok(()),
            None if !seen.is_null() => Ok(()),
            _ => Err(format!("{field} is {}", headline(&seen.to_string(), 120))),
        }
    }
}

/// Whether two values are the same, be a number written as a whole one or not.
fn is_like(seen: &Value, wanted: &Value) -> bool {
    seen == wanted || seen.as_f64().is_some_and(|seen| wanted.as_f64() == Some(seen))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wait(arguments: Value) -> WaitFor {
        let mut all = json!({ "target": "pod/a" });
        all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn a_condition_or_a_field_is_looked_for_and_what_is_there_instead_is_told() {
        let object = json!({ "status": { "phase": "Pending", "n": 3, "list": [{ "ip": "10.0.0.1" }],
            "conditions": [{ "type": "Ready", "status": "False", "reason": "Down", "message": "not yet" }] } });
        assert_eq!(
            wait(json!({ "condition": "Ready" })).look(&object),
            Err("Ready is False (Down: not yet)".into())
        );
        assert!(wait(json!({ "condition": "Ready=false" })).look(&object).is_ok());
        assert!(wait(json!({ "field": "status.list.0.ip" })).look(&object).is_ok());
        assert!(wait(json!({ "field": "status.n", "value": 3.0 })).look(&object).is_ok());
        assert_eq!(
            wait(json!({ "field": "status.phase", "value": "Running" })).look(&object),
            Err("status.phase is \"Pending\"".into())
        );
        assert!(wait(json!({ "field": "status.none" })).look(&object).is_err());
    }
}
