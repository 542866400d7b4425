//! PagerDuty's Events API v2: one address takes all events, and answers 202 when it has queued one.

use serde_json::{Map, Value, json};

use super::settings::{Act, Pager};
use crate::base::error::Result;
use crate::effect::api::{Ask, refused_whole};
use crate::effect::cx::Cx;
use crate::effect::notice::{Notice, Severity, cut};

/// Where it is, unless the settings say otherwise.
pub(super) const ADDRESS: &str = "https://events.pagerduty.com";
/// The longest summary, in characters.
const SUMMARY: usize = 1024;
/// The longest details of an event, in characters.
const DETAIL: usize = 20_000;

/// Sends an event.
pub(super) async fn act(pager: &Pager, cx: &Cx, act: Act, incident: &str, notice: &Notice) -> Result<Value> {
    let mut event = json!({
        "routing_key": pager.key.expose(),
        "event_action": match act {
            Act::Trigger => "trigger",
            Act::Acknowledge => "acknowledge",
            Act::Resolve => "resolve",
        },
        "dedup_key": incident,
    });
    if act == Act::Trigger {
        event["payload"] = json!({
            "summary": cut(&notice.line(), SUMMARY),
            "source": pager.table.source,
            "severity": severity(notice.severity),
            "custom_details": details(notice),
        });
        event["client"] = "playbook".into();
        let links = notice.links.iter().map(|(text, href)| json!({ "href": href, "text": text }));
        event["links"] = Value::Array(links.collect());
    }
    let what = match act {
        Act::Trigger => "trigger the incident",
        Act::Acknowledge => "acknowledge the incident",
        Act::Resolve => "resolve the incident",
    };
    let sent = pager.api.ask(cx, &Ask::post(&["v2", "enqueue"], &event), what).await;
    let reply = sent.map_err(refused_whole)?;
    let key = reply.json.get("dedup_key").and_then(Value::as_str).unwrap_or(incident);
    Ok(json!({ "sent": true, "key": key, "status": reply.at("/status") }))
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info | Severity::Success => "info",
    }
}

fn details(notice: &Notice) -> Value {
    let mut details: Map<String, Value> =
        notice.fields.iter().map(|(name, value)| (name.clone(), cut(value, DETAIL).into())).collect();
    details.insert("from".to_owned(), notice.origin.as_str().into());
    if notice.text.chars().count() > SUMMARY {
        details.insert("text".to_owned(), cut(&notice.text, DETAIL).into());
    }
    Value::Object(details)
}
