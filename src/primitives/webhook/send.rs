//! `send`: one event.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::signature::sign;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::secret::{Secret, Setting};
use crate::base::text::hexadecimal;
use crate::effect::api::{self, Access, Api, Ask};
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::effect::primitive::Primitive;

/// A receiver of events. Each request has the headers `webhook-id`, `webhook-timestamp` and, with a `secret`,
/// `webhook-signature`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// The address that takes them
    url: Setting,
    /// The key of the signatures: any text, or "whsec_" and Base64
    secret: Option<Secret>,
    /// Further headers of each request
    #[serde(default)]
    headers: BTreeMap<String, Setting>,
    /// The file of a further authority's certificate, PEM, beside those the machine trusts
    ca: Option<String>,
}

/// What is wrong with the table, as far as no secret is needed.
pub(super) fn check(value: &Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    match table.url {
        Setting::Plain(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
            Err("`url` is no address; begin it with `https://`".into())
        }
        _ => Ok(()),
    }
}

/// Another event that takes this one back.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Undo {
    /// What it is called
    event: String,
    /// What goes with it
    #[serde(default)]
    data: Value,
}

/// Sends an event: JSON with `type`, `timestamp`, `data`, `environment` and `run`. Its id is the same for the same event of
/// the same run, so that a receiver knows one that comes twice. `undo` says which event takes it back. Gives `sent`, `id`,
/// `status` and what the receiver answered as `answer`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Send {
    /// What it is called: "deploy.finished"
    event: String,
    /// What goes with it
    #[serde(default)]
    data: Value,
    /// Its id, where one event is to be sent several times in a run
    id: Option<String>,
    /// The event that takes it back: `#{ event, data }`
    undo: Option<Undo>,
    /// Whether the run fails when it cannot be delivered
    #[serde(default)]
    must: bool,
}

impl Primitive for Send {
    const NAME: &'static str = "send";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"webhook("catalog").send("deploy.finished", #{ data: #{ version: "v2" } })"#;
    const NO_PROBE: Option<&'static str> =
        Some("a receiver is not asked what it has taken; it knows an event that comes twice by its id");
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("tell {} of the event {}", resource.name, self.event)
    }

    fn must(&self) -> bool {
        self.must
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let Some(undo) = &self.undo else { return Ok(Inverse::Nothing) };
        let call = Call::new(cx.resource().clone(), Self::NAME).with("event", undo.event.as_str());
        Ok(Inverse::Call(call.with("data", undo.data.clone()).with("must", true)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (api, key) = open(&cx).await?;
        let now: Timestamp = cx.now().parse().map_err(|_| Error::bug("the clock tells no time"))?;
        let id = self.id(&cx);
        let body = json!({
            "type": self.event, "timestamp": cx.now(), "data": self.data, "environment": cx.environment(), "run": cx.run(),
        })
        .to_string();
        let mut ask = Ask::new(crate::sys::http::Method::POST, &[])
            .header("webhook-id", &id)
            .header("webhook-timestamp", now.as_second().to_string());
        if let Some(key) = key {
            ask = ask.header("webhook-signature", sign(key.expose(), &id, now.as_second(), &body));
        }
        let sent = api.ask(&cx, &ask.body("application/json", body), "deliver the event").await;
        let reply = sent.map_err(api::refused_whole)?;
        Ok(json!({ "sent": true, "id": id, "status": reply.status, "answer": reply.json }))
    }
}

impl Send {
    fn id(&self, cx: &Cx) -> String {
        self.id.clone().unwrap_or_else(|| {
            let whole = format!("{}\0{}\0{}\0{}", cx.run(), cx.resource(), self.event, self.data);
            format!("msg_{}", &hexadecimal(&Sha256::digest(whole.as_bytes()))[..24])
        })
    }
}

async fn open(cx: &Cx) -> Result<(Api, Option<crate::base::secret::Revealed>)> {
    let table: Table = cx.settings()?;
    let address = cx.text(&table.url).await?;
    api::hide(cx, &table.url, address.expose());
    let mut headers = Vec::new();
    for (name, value) in &table.headers {
        headers.push((name.clone(), cx.text(value).await?));
    }
    let key = match &table.secret {
        Some(secret) => Some(cx.reveal(secret).await?),
        None => None,
    };
    Ok((Api::open(cx, address.expose(), Access { headers, ca: table.ca, ..Access::default() })?, key))
}

/// Sees that something answers there; no event is sent.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let (api, key) = open(&cx).await?;
    let reply = api.send(&cx, &Ask::get(&[])).await?;
    let health =
        Health::reached().date(reply.header("date")).version(reply.header("server").unwrap_or_default());
    Ok(health.fact(if key.is_some() { "signed" } else { "not signed: set `secret`" }))
}
