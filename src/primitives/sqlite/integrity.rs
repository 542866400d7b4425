//! `integrity`: whether the file is sound, and whether every foreign key leads somewhere.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::session::Session;
use super::{rows, session};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// So many faults of each sort are told; one alone is reason enough to stop.
const MOST: usize = 100;

/// Looks whether the file is sound and every foreign key leads somewhere: `#{ fine, faults, orphans }`. `faults` are SQLite's
/// own words on pages, indexes and constraints; `orphans` are maps of `table`, `rowid` and `parent`. Of each at most 100.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Integrity {}

impl Primitive for Integrity {
    const NAME: &'static str = "integrity";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "the database is sound", sqlite("main").integrity().fine;"#;
    const TIMEOUT: Duration = Duration::from_secs(600);

    fn plan(&self, resource: &ResourceId) -> String {
        format!("look whether {resource} is sound")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        session::with(&cx, |database| rows::reading(database, look)).await
    }
}

fn look(session: &Session<'_>) -> Result<Value> {
    const CHECK: &str = "PRAGMA integrity_check(100)";
    // Both in one transaction, so that they speak of the same state.
    let found = session.transaction(|| {
        let faults = rows::run(session, CHECK, &Value::Null, MOST)?.rows;
        let orphans = rows::run(session, "PRAGMA foreign_key_check", &Value::Null, MOST)?.rows;
        Ok((faults, orphans))
    });
    let (faults, orphans) = found.map_err(|why| session.told(CHECK, why))?;
    let faults: Vec<Value> = faults.into_iter().flatten().filter(|words| words != "ok").collect();
    let orphans: Vec<Value> = orphans
        .into_iter()
        .map(|row| {
            let mut row = row.into_iter();
            let mut next = || row.next().unwrap_or_default();
            json!({ "table": next(), "rowid": next(), "parent": next() })
        })
        .collect();
    Ok(json!({ "fine": faults.is_empty() && orphans.is_empty(), "faults": faults, "orphans": orphans }))
}
