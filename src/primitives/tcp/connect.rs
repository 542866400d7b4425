//! `connect` and `is_open`: one look at a port.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::port::Port;
use super::wanted;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text::{parse_duration, show_duration};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Connects, and gives `#{ address, ms, banner }`: how long the host took to accept, and what it said. It waits for a
/// greeting only where `expect` asks for one; a service that speaks second is sent `send` first.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Connect {
    /// Text that the greeting must contain
    expect: Option<String>,
    /// Text that is sent first
    send: Option<String>,
    /// The time that accepting must stay under: "50ms"
    under: Option<Period>,
}

impl Primitive for Connect {
    const NAME: &'static str = "connect";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"metric "connect (ms)", tcp("smtp").connect(#{ expect: "220" }).ms < 100;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("connect to {resource}{}", wanted(self.expect.as_deref()))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let under = self.under.as_deref().map(parse_duration).transpose()?;
        let port = Port::of(&cx)?;
        let (value, took) = port.connect(&cx, self.expect.as_deref(), self.send.as_deref()).await?;
        match under {
            Some(under) if took > under => Err(Error::remote(format!(
                "`{}` took {} to accept a connection, wanted under {}",
                cx.resource(),
                show_duration(took),
                show_duration(under)
            ))
            .detail("ms", value["ms"].clone())),
            _ => Ok(value),
        }
    }
}

/// Whether something accepts connections there. Gives `false` where nothing listens or nobody answers in time; a host
/// whose name is not known is an error.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IsOpen {}

impl Primitive for IsOpen {
    const NAME: &'static str = "is_open";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "the old port is closed", !tcp("legacy").is_open();"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("see whether {resource} is open")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        match Port::of(&cx)?.connect(&cx, None, None).await {
            Ok(_) => Ok(Value::Bool(true)),
            Err(error) if error.details.get("reason").is_some_and(|reason| reason != "name") => {
                Ok(Value::Bool(false))
            }
            Err(error) => Err(error),
        }
    }
}
