//! What an incident is to a script, how it is found again, and the states it goes through.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::page::{Page, find, text};
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::sys::http::Method;

/// What every key of ours begins with.
const KEY: &str = "playbook-";

/// How far an incident is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    /// Somebody looks for the cause
    #[default]
    Investigating,
    /// The cause is known
    Identified,
    /// It is mended and being watched
    Monitoring,
    /// It is over
    Resolved,
}

/// The state of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// It works
    Operational,
    /// It is worked on
    UnderMaintenance,
    /// It is slow
    DegradedPerformance,
    /// A part of it does not work
    PartialOutage,
    /// It does not work
    MajorOutage,
}

/// How bad an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Impact {
    /// Nobody notices
    None,
    /// Few notice
    Minor,
    /// Many notice
    Major,
    /// Nothing works
    Critical,
}

/// The id of an incident, or the key that a run of ours gave it; nothing for one that could not be created.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Incident(Option<String>);

impl Incident {
    /// What it is called in a plan.
    pub(super) fn shown(&self) -> &str {
        self.id().unwrap_or("that was never created")
    }

    fn id(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The incident as the page tells it; `None` when it was never created, or is not open under a key of ours.
    pub(super) async fn find(&self, cx: &Cx, page: &Page) -> Result<Option<Value>> {
        let Some(id) = self.id() else { return Ok(None) };
        if id.starts_with(KEY) {
            return open(cx, page, id).await;
        }
        let reply = page.api.send(cx, &page.request(Method::GET, &["incidents", id])).await?;
        match reply.status {
            _ if reply.is_fine() => Ok(Some(reply.json)),
            404 => Err(Error::missing(format!("`{}` has no incident `{id}`", page.api.name))
                .why(reply.words())
                .fix("give the `id` that `create` gives, or one that `incidents()` lists")),
            _ => Err(page.api.refused(&reply, "read the incident")),
        }
    }
}

/// The open incident that was created under a key.
pub(super) async fn open(cx: &Cx, page: &Page, key: &str) -> Result<Option<Value>> {
    let reply = page.read(cx, &["incidents", "unresolved"], "read its open incidents").await?;
    let all = reply.json.as_array().cloned().unwrap_or_default();
    let is_ours = |one: &Value| one.pointer("/metadata/playbook/key").and_then(Value::as_str) == Some(key);
    Ok(all.into_iter().find(is_ours))
}

/// The key of an incident: the same for the same run and name.
pub(super) fn key(cx: &Cx, name: &str) -> String {
    let digest = <sha2::Sha256 as sha2::Digest>::digest(name.as_bytes());
    let digest = crate::base::text::hexadecimal(&digest);
    format!("{KEY}{}-{}-{}", cx.environment(), cx.run(), &digest[..8])
}

/// Components by their ids with the states they are to have; and the states that they have now, by their names.
pub(super) async fn states(
    cx: &Cx,
    page: &Page,
    wanted: &Map<String, Value>,
) -> Result<(Map<String, Value>, Map<String, Value>)> {
    let (mut to, mut from) = (Map::new(), Map::new());
    if wanted.is_empty() {
        return Ok((to, from));
    }
    let all = page.components(cx).await?;
    for (name, status) in wanted {
        let status: Status = serde_json::from_value(status.clone()).map_err(|why| {
            Error::usage(format!("{status} is no state of the component `{name}`")).why(why.to_string())
        })?;
        let found = find(&page.api.name, &all, name)?;
        to.insert(text(found, "id").to_owned(), json!(status));
        from.insert(name.clone(), text(found, "status").into());
    }
    Ok((to, from))
}

/// What a script sees of an incident.
pub(super) fn receipt(incident: &Value, changed: bool) -> Value {
    json!({
        "sent": true, "id": incident.get("id"), "status": incident.get("status"), "impact": incident.get("impact"),
        "url": incident.get("shortlink"), "changed": changed,
    })
}
