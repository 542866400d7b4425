//! `send`: one mail.

use std::time::Duration;

use lettre::AsyncTransport as _;
use lettre::message::{Message, MultiPart};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::settings::{Post, address};
use super::{failure, message};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text::{headline, hexadecimal};
use crate::effect::cx::Cx;
use crate::effect::notice::{Notice, Severity};
use crate::effect::primitive::Primitive;

/// The longest subject, in characters.
const SUBJECT: usize = 200;

/// Sends a mail, as plain text and as HTML, to all its recipients or to none. Gives `sent`, `id` (its `Message-ID`), `to`
/// and what the server `said`. A mail stays when a run is taken back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Send {
    /// Its subject
    subject: String,
    /// What it says
    text: String,
    /// Who is written to; those of the settings when left out
    #[serde(default)]
    to: Vec<String>,
    /// Who gets a copy
    #[serde(default)]
    cc: Vec<String>,
    /// Figures and names that are shown as a table
    #[serde(default)]
    fields: Map<String, Value>,
    /// How serious it is, which gives its colour
    #[serde(default)]
    severity: Severity,
    /// Words and the addresses that they lead to
    #[serde(default)]
    links: Map<String, Value>,
    /// Whether the run fails when the server does not take it
    #[serde(default)]
    must: bool,
}

impl Primitive for Send {
    const NAME: &'static str = "send";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"mail("team").send("Deployed v2", "All checks passed.", #{ to: ["team@example.com"] })"#;
    const NO_PROBE: Option<&'static str> =
        Some("a mail server is not asked what it has taken; the same mail has the same `Message-ID`");
    const TIMEOUT: Duration = Duration::from_secs(60);

    fn plan(&self, resource: &ResourceId) -> String {
        let to = if self.to.is_empty() { resource.name.clone() } else { self.to.join(", ") };
        format!("mail to {to}: {}", headline(&self.subject, 100))
    }

    fn must(&self) -> bool {
        self.must
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let post = Post::of(&cx).await?;
        let notice = Notice::new(&cx, &self.text, post.table.run_url.as_deref())
            .headed(None, self.severity)
            .with(&self.fields, &self.links)?;
        let (from, to) = (post.from()?, post.to(&cx, &self.to)?);
        let id = self.id(&cx, from.email.domain());
        let subject = headline(&self.subject, SUBJECT);
        let mut mail = Message::builder().message_id(Some(id.clone())).from(from).subject(subject);
        mail = to.iter().cloned().fold(mail, |mail, to| mail.to(to));
        for copy in &self.cc {
            mail = mail.cc(address(copy)?);
        }
        let (plain, html) = message::forms(&notice);
        let mail = mail.user_agent(concat!("playbook/", env!("CARGO_PKG_VERSION")).to_owned());
        let mail = mail.multipart(MultiPart::alternative_plain_html(plain, html)).map_err(|why| {
            Error::usage(format!("no mail can be made for `{}`", cx.resource())).why(why.to_string())
        })?;
        let sent = post.transport.send(mail).await;
        let said = sent.map_err(|why| failure::told(&cx, &post.place, "send the mail", &why))?;
        let to: Vec<String> = to.iter().map(|to| to.email.to_string()).collect();
        let said: Vec<&str> = said.message().collect();
        Ok(json!({ "sent": true, "id": id, "to": to, "said": said.join(" ") }))
    }
}

impl Send {
    /// The same for the same mail of the same run, so that one that came twice is known to be one.
    fn id(&self, cx: &Cx, domain: &str) -> String {
        let whole = format!("{}\0{}\0{}", self.subject, self.text, self.to.join(","));
        let digest = hexadecimal(&Sha256::digest(whole.as_bytes()));
        format!("<playbook.{}.{}@{domain}>", cx.run(), &digest[..16])
    }
}
