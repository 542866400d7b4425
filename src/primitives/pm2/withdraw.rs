//! `withdraw`: what a change brought up is stopped or forgotten again, where nothing ran before.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::LONG;
use super::restore::{self, Before, Pids};
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Stops applications that were stopped, and forgets those that pm2 did not know; this is how `start`, `reload` and
/// `restart` are taken back where nothing ran before the run. A run that is taken back does this in its turn, so that nothing runs
/// while what came before is taken back. Gives the processes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Withdraw {
    /// For each host, what each application was: "online", "stopped" or "absent"
    before: Before,
}

impl Primitive for Withdraw {
    const NAME: &'static str = "withdraw";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"pm2("app").withdraw(#{ before: #{ "web1": #{ "api": "absent" } } })"#;
    const NO_PROBE: Option<&'static str> = Some("to put something back twice is to put it back");
    const TIMEOUT: std::time::Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        restore::words(&self.before)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        restore::inverse_of(cx, &self.before).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        restore::all_back(&cx, &self.before, &Pids::new()).await
    }
}
