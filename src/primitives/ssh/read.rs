//! `read` and `destroy`: commands that change nothing, and such as lose something for ever.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::LONG;
use super::carry::{Given, How, carry_out, zero};
use super::settings::Table;
use super::words::{Words, on};
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::effect::cx::Cx;
use crate::effect::environment::Resource;
use crate::effect::primitive::Primitive;

/// Runs a command that the list `read` allows on every host of the group; a plan does too. Gives what `exec` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Read {
    /// The command: arguments one by one, or a text for the shell
    command: Words,
    /// Only on these hosts, by name
    hosts: Option<Vec<String>>,
    /// On how many at once; default that of the settings
    limit: Option<usize>,
    /// How many hosts may fail; after one more, no further host is begun
    #[serde(default)]
    max_failures: usize,
    /// How long it may take on each host, as "5m"; default that of the settings
    within: Option<Period>,
    /// The exit codes that mean success
    #[serde(default = "zero")]
    ok: Vec<i32>,
}

impl Primitive for Read {
    const NAME: &'static str = "read";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"ssh("web").read(["cat", "/etc/os-release"]).hosts"#;
    const TIMEOUT: std::time::Duration = LONG;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read {} on {}", self.command.spoken(), on(resource, self.hosts.as_deref()))
    }

    fn forbidden(&self, resource: &Resource, environment: &str) -> Option<Error> {
        Table::forbids(resource, environment, Effect::Read, [&self.command])
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let how = How {
            limit: self.limit,
            max_failures: self.max_failures,
            within: self.within,
            ok: self.ok,
            ..How::on(self.hosts)
        };
        carry_out(cx, Effect::Read, self.command, Given::default(), how).await
    }
}

/// Runs a command that the list `destroy` allows on every host of the group. Nothing takes it back. Gives what `exec`
/// gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Destroy {
    /// The command: arguments one by one, or a text for the shell
    command: Words,
    /// Only on these hosts, by name
    hosts: Option<Vec<String>>,
    /// On how many at once; default that of the settings
    limit: Option<usize>,
    /// How many make a batch, of which the next waits for the one before; default all
    serial: Option<usize>,
    /// How many hosts may fail; after one more, no further host is begun
    #[serde(default)]
    max_failures: usize,
    /// How long it may take on each host, as "5m"; default that of the settings
    within: Option<Period>,
}

impl Primitive for Destroy {
    const NAME: &'static str = "destroy";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str =
        r#"ssh("web").destroy(["rm", "-r", "releases/v1"], #{ on_doubt: "retry" })"#;
    const NO_PROBE: Option<&'static str> =
        Some("what a command does is not known, nor whether it has done it");
    const TIMEOUT: std::time::Duration = LONG;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("destroy with {} on {}", self.command.spoken(), on(resource, self.hosts.as_deref()))
    }

    fn forbidden(&self, resource: &Resource, environment: &str) -> Option<Error> {
        Table::forbids(resource, environment, Effect::Destroy, [&self.command])
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let table: Table = cx.settings()?;
        table.allowed().permit(cx, Effect::Destroy, &self.command.arguments())?;
        Ok(Inverse::none("what was destroyed cannot be had again"))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let how = How {
            limit: self.limit,
            serial: self.serial,
            max_failures: self.max_failures,
            within: self.within,
            ..How::on(self.hosts)
        };
        carry_out(cx, Effect::Destroy, self.command, Given::default(), how).await
    }
}
