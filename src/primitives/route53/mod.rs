//! A zone of Route 53: its records, and the health checks that steer them.

mod change;
mod health;
mod zone;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use self::zone::open;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::primitive::{Primitive, entry};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "route53",
    about: "A zone of Route 53: its records are read and changed, each change until every name server has it, and health \
            checks are read.",
    settings: Settings::of::<Table>(),
    entries: &[
        entry::<Record>(),
        entry::<change::SetRecord>(),
        entry::<change::DeleteRecord>(),
        entry::<health::Health>(),
    ],
    store: None,
    sql: None,
    hosts: None,
};

/// A hosted zone of Route 53.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The account that it belongs to, as "aws.main"
    account: ResourceId,
    /// The zone's id, `Z0123456789ABC`
    zone: String,
}

/// Reads a record: `exists`, `values`, `ttl`, and `alias`, the name that an alias stands for. Of a record with several
/// sets (weighted, by region) the first is told.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Record {
    /// Its name: whole, `www.example.com`
    name: String,
    /// Its kind: `A`, `AAAA`, `CNAME`, `TXT`, `MX` …
    kind: String,
}

impl Primitive for Record {
    const NAME: &'static str = "record";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "points to green", route53("zone").record("api.example.com", "CNAME").values == ["green.example.com"];"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read the {} record of {} in {resource}", self.kind, self.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let sets = open(&cx).await?.sets(&cx, &self.name, &self.kind).await?;
        let first = sets.into_iter().next();
        let exists = first.is_some();
        let set = first.unwrap_or_default();
        Ok(json!({ "exists": exists, "values": set.values, "ttl": set.ttl, "alias": set.alias }))
    }
}
