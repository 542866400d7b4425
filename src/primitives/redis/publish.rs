//! `publish`: a message to whoever listens now.

use redis::cmd;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers;
use super::session::Session;
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Sends a message to those who listen on a channel now. It cannot be taken back. Gives `#{ receivers }`: how many heard
/// it, in a cluster only those connected to the node that was spoken to, although all nodes pass it on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Publish {
    /// The channel
    channel: String,
    /// The message
    message: String,
}

impl Primitive for Publish {
    const NAME: &'static str = "publish";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"redis("cache").publish("deployments", "api 2.1.0")"#;
    const NO_PROBE: Option<&'static str> = Some("the server keeps no message that it has handed on");

    fn plan(&self, resource: &ResourceId) -> String {
        format!("publish `{}` on `{}` of {resource}", text::headline(&self.message, 60), self.channel)
    }

    async fn inverse(&self, _: &Cx) -> Result<Inverse> {
        Ok(Inverse::none("a message that was heard cannot be called back"))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let session = Session::open(&cx).await?;
        let command = cmd("PUBLISH").arg(&self.channel).arg(&self.message).take();
        let answer = session.change(&self.channel, command).await?;
        Ok(json!({ "receivers": answers::count(&session.named, "PUBLISH", &answer)? }))
    }
}
