//! `integrity`: what a migration that went wrong leaves behind.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::database;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// What `integrity` looks for: a name, and the query that lists it.
const FAULTS: [(&str, &str); 5] = [
    (
        "invalid_indexes",
        "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid ORDER BY 1",
    ),
    (
        "unvalidated",
        "SELECT conrelid::regclass || '.' || conname AS name FROM pg_constraint WHERE NOT convalidated AND conrelid <> 0 ORDER BY 1",
    ),
    (
        "disabled_triggers",
        "SELECT tgrelid::regclass || '.' || tgname AS name FROM pg_trigger WHERE tgenabled = 'D' ORDER BY 1",
    ),
    (
        "full_sequences",
        "SELECT format('%I.%I', schemaname, sequencename) AS name FROM pg_sequences \
         WHERE last_value IS NOT NULL AND increment_by > 0 AND NOT cycle AND last_value > 0.8 * max_value ORDER BY 1",
    ),
    (
        "bad_checksums",
        "SELECT datname::text AS name FROM pg_stat_database WHERE datname = current_database() AND checksum_failures > 0",
    ),
];

/// Looks for what a migration that went wrong leaves: `#{ fine, invalid_indexes, unvalidated, disabled_triggers, full_sequences,
/// bad_checksums }`, each but the first a list of names. `full_sequences` have used more than four fifths of their numbers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Integrity {}

impl Primitive for Integrity {
    const NAME: &'static str = "integrity";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "the schema is whole", postgres("main").integrity().fine;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("look for invalid indexes, constraints and triggers of {resource}")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (mut all, mut fine) = (Map::new(), true);
        for (name, sql) in FAULTS {
            let found: Vec<Value> = database::read(&cx, sql, &[])
                .await?
                .into_iter()
                .filter_map(|mut row| row.remove("name"))
                .collect();
            fine &= found.is_empty();
            all.insert(name.to_owned(), found.into());
        }
        all.insert("fine".to_owned(), fine.into());
        Ok(Value::Object(all))
    }
}
