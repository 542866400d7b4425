//! `increment`: a whole number grows or shrinks in one step, beside whoever else changes it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::answers;
use super::session::{Session, on};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Adds to the whole number that a key holds, a missing key counting as 0, and gives the sum: how the version of a cache
/// is raised. Taken back by subtracting as much, which keeps what others added; a key that was not there holds 0 then.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Increment {
    /// The key
    key: String,
    /// How much to add; below 0 to subtract
    #[serde(default = "one")]
    by: i64,
}

const fn one() -> i64 {
    1
}

impl Primitive for Increment {
    const NAME: &'static str = "increment";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"redis("cache").increment("cache_version")"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("add {} to `{}` of {resource}", self.by, self.key)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let back = self.by.checked_neg().ok_or_else(|| {
            Error::usage(format!("{} is too small a number to be taken back", self.by))
                .fix("add a larger one")
        })?;
        let call = Call::new(cx.resource().clone(), Self::NAME);
        Ok(Inverse::Call(call.with("key", self.key.as_str()).with("by", back)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let session = Session::open(&cx).await?;
        let answer = session.change(&self.key, on("INCRBY", &self.key).arg(self.by).take()).await?;
        Ok(answers::number(&session.named, "INCRBY", &answer)?.into())
    }
}
