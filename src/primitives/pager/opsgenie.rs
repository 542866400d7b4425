//! Opsgenie's alerts: each known by its alias, every change accepted with 202 and made a moment later.

use serde_json::{Map, Value, json};

use super::settings::{Act, Pager};
use crate::base::error::Result;
use crate::effect::api::{Ask, Reply, refused_whole};
use crate::effect::cx::Cx;
use crate::effect::notice::{Notice, Severity, cut};

/// Where it is, unless the settings say otherwise.
pub(super) const ADDRESS: &str = "https://api.opsgenie.com";
/// The longest message and the longest description, in characters.
const LENGTHS: (usize, usize) = (130, 15_000);
/// The longest detail, in characters.
const DETAIL: usize = 8_000;

/// Makes, acknowledges or closes an alert.
pub(super) async fn act(pager: &Pager, cx: &Cx, act: Act, alias: &str, notice: &Notice) -> Result<Value> {
    let (ask, what) = match act {
        Act::Trigger => (Ask::post(&["v2", "alerts"], &alert(pager, alias, notice)), "make the alert"),
        Act::Acknowledge => (change(pager, alias, "acknowledge", notice), "acknowledge the alert"),
        Act::Resolve => (change(pager, alias, "close", notice), "close the alert"),
    };
    let reply = pager.api.ask(cx, &ask, what).await.map_err(refused_whole)?;
    Ok(
        json!({ "sent": true, "key": alias, "status": reply.at("/result"), "request": reply.at("/requestId") }),
    )
}

/// The status of the alert of that alias, as `open` or `closed`; `None` when there is none.
pub(super) async fn status(pager: &Pager, cx: &Cx, alias: &str) -> Result<Option<String>> {
    let ask = Ask::get(&["v2", "alerts", alias]).query("identifierType", "alias");
    let reply: Reply = pager.api.send(cx, &ask).await?;
    match reply.status {
        404 => Ok(None),
        _ if reply.is_fine() => Ok(Some(reply.at("/data/status").to_owned())),
        _ => Err(pager.api.refused(&reply, "look for the alert")),
    }
}

fn alert(pager: &Pager, alias: &str, notice: &Notice) -> Value {
    let mut details: Map<String, Value> = notice
        .fields
        .iter()
        .chain(&notice.links)
        .map(|(name, text)| (name.clone(), cut(text, DETAIL).into()))
        .collect();
    details.insert("from".to_owned(), notice.origin.as_str().into());
    json!({
        "message": cut(&notice.line(), LENGTHS.0),
        "alias": alias,
        "description": cut(&notice.plain(), LENGTHS.1),
        "details": details,
        "source": pager.table.source,
        "priority": match notice.severity {
            Severity::Critical => "P1",
            Severity::Error => "P2",
            Severity::Warning => "P3",
            Severity::Info | Severity::Success => "P5",
        },
    })
}

fn change(pager: &Pager, alias: &str, verb: &str, notice: &Notice) -> Ask {
    let body = json!({ "source": pager.table.source, "note": cut(&notice.text, LENGTHS.1) });
    Ask::post(&["v2", "alerts", alias, verb], &body).query("identifierType", "alias")
}
