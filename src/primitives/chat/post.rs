//! `post` and `update`: a message, and another one in its place.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::settings::{Chat, Kind};
use super::slack;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text::headline;
use crate::effect::api::{Ask, refused_whole};
use crate::effect::cx::Cx;
use crate::effect::notice::{Notice, Severity};
use crate::effect::primitive::Primitive;

/// A message that was posted before: its receipt, or its id.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Message {
    Id(String),
    Receipt(Map<String, Value>),
}

impl Message {
    fn id(&self) -> Option<&str> {
        match self {
            Self::Id(id) => Some(id),
            Self::Receipt(receipt) => receipt.get("id").and_then(Value::as_str),
        }
    }

    fn channel(&self) -> Option<&str> {
        match self {
            Self::Id(_) => None,
            Self::Receipt(receipt) => receipt.get("channel").and_then(Value::as_str),
        }
    }
}

/// Posts a message. Gives `sent`, `id` and `channel`: what `reply_to` and `update` take. An incoming webhook tells no id.
/// `<` and `&` in a text are shown as they are; people are called by `mention`. A text too long for the chat is cut. A
/// message stays when a run is taken back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Post {
    /// What it says
    text: String,
    /// Its headline
    title: Option<String>,
    /// Figures and names that are shown side by side
    #[serde(default)]
    fields: Map<String, Value>,
    /// How serious it is, which gives its colour
    #[serde(default)]
    severity: Severity,
    /// Words and the addresses that they lead to
    #[serde(default)]
    links: Map<String, Value>,
    /// The receipt or the id of the message that this one answers
    reply_to: Option<Message>,
    /// Who is called: ids of people and groups, "channel" or "here"
    #[serde(default)]
    mention: Vec<String>,
    /// Whether the run fails when it cannot be posted
    #[serde(default)]
    must: bool,
}

impl Primitive for Post {
    const NAME: &'static str = "post";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"chat("team").post("Deployed v2", #{ severity: "success", fields: #{ version: "v2" } })"#;
    const NO_PROBE: Option<&'static str> =
        Some("a message carries no mark by which a chat could be asked for it");

    fn plan(&self, resource: &ResourceId) -> String {
        format!("post to {}: {}", resource.name, headline(self.title.as_deref().unwrap_or(&self.text), 100))
    }

    fn must(&self) -> bool {
        self.must
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let chat = Chat::of(&cx).await?;
        let notice = Notice::new(&cx, &self.text, chat.table.run_url.as_deref())
            .headed(self.title.as_deref(), self.severity)
            .with(&self.fields, &self.links)?;
        chat.post(&cx, &notice, &self.mention, self.reply_to.as_ref()).await
    }
}

/// Puts another text in the place of a message that this run or an earlier one has posted; Slack's Web API only. Where
/// that one could not be posted, this one is posted instead. Gives what `post` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    /// The receipt of the message, or its id
    message: Message,
    /// What it says now
    text: String,
    /// Its headline
    title: Option<String>,
    /// Figures and names that are shown side by side
    #[serde(default)]
    fields: Map<String, Value>,
    /// How serious it is, which gives its colour
    #[serde(default)]
    severity: Severity,
    /// Words and the addresses that they lead to
    #[serde(default)]
    links: Map<String, Value>,
    /// Whether the run fails when it cannot be changed
    #[serde(default)]
    must: bool,
}

impl Primitive for Update {
    const NAME: &'static str = "update";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"let post = chat("team").post("Deploying v2 …"); chat("team").update(post, "Deployed v2")"#;
    const NO_PROBE: Option<&'static str> = Some("the same text twice in the same place is there once");
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("change a message of {}: {}", resource.name, headline(&self.text, 100))
    }

    fn must(&self) -> bool {
        self.must
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let chat = Chat::of(&cx).await?;
        let notice = Notice::new(&cx, &self.text, chat.table.run_url.as_deref())
            .headed(self.title.as_deref(), self.severity)
            .with(&self.fields, &self.links)?;
        if !chat.is_web_api() {
            return Err(Error::usage(format!("`{}` cannot change what was posted", cx.resource()))
                .why("an incoming webhook only takes new messages")
                .fix(format!("set `token` and `channel` in {}, or call `post`", cx.table())));
        }
        let Some(id) = self.message.id() else { return chat.post(&cx, &notice, &[], None).await };
        let channel = chat.channel(self.message.channel());
        let mut body = slack::message(&notice, &[]);
        body["channel"] = channel.as_str().into();
        body["ts"] = id.into();
        chat.call(&cx, "chat.update", &body, "change the message").await
    }
}

impl Chat {
    fn channel(&self, known: Option<&str>) -> String {
        known.or(self.table.channel.as_deref()).unwrap_or_default().to_owned()
    }

    async fn post(
        &self,
        cx: &Cx,
        notice: &Notice,
        mention: &[String],
        thread: Option<&Message>,
    ) -> Result<Value> {
        if self.is_web_api() {
            let mut body = slack::message(notice, mention);
            body["channel"] = self.channel(thread.and_then(Message::channel)).into();
            if let Some(id) = thread.and_then(Message::id) {
                body["thread_ts"] = id.into();
            }
            return self.call(cx, "chat.postMessage", &body, "post the message").await;
        }
        if thread.is_some_and(|thread| thread.id().is_some()) && self.table.kind == Kind::Slack {
            return Err(Error::usage(format!("`{}` knows no threads", cx.resource()))
                .why("an incoming webhook tells no id of a message")
                .fix(format!("set `token` and `channel` in {}, or leave `reply_to` out", cx.table())));
        }
        let body = match self.table.kind {
            Kind::Slack => slack::message(notice, mention),
            Kind::Webhook => {
                let mut body = notice.json(cx);
                body["mention"] = json!(mention);
                body["reply_to"] = json!(thread.and_then(Message::id));
                body
            }
        };
        let sent = self.api.ask(cx, &Ask::post(&[], &body), "post the message").await;
        let reply = sent.map_err(|error| self.told(refused_whole(error)))?;
        let id = reply.json.get("id").cloned().unwrap_or_default();
        Ok(json!({ "sent": true, "id": id, "channel": self.table.channel }))
    }

    async fn call(&self, cx: &Cx, method: &str, body: &Value, what: &str) -> Result<Value> {
        let reply = self.api.ask(cx, &Ask::post(&[method], body), what).await.map_err(refused_whole)?;
        slack::judge(&self.api, &reply, body["channel"].as_str().unwrap_or_default(), what)?;
        Ok(json!({ "sent": true, "id": reply.at("/ts"), "channel": reply.at("/channel") }))
    }
}
