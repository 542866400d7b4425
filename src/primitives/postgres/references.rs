//! `count`, `orphans`, `integrity`: whether the data is what it was, and still fits together.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::database;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::effect::sql::{Row, quote};

/// A whole table may have to be read.
const LONG: Duration = Duration::from_secs(600);

/// How many orphans are shown of each reference.
const SHOWN: usize = 5;

const KEYS: &str = "SELECT o.conname::text AS name, o.confrelid::regclass::text AS parent, o.conrelid::regclass::text AS child, \
     (SELECT jsonb_agg(a.attname ORDER BY k.n) FROM unnest(o.conkey) WITH ORDINALITY k(number, n) \
     JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.number) AS columns, \
     (SELECT jsonb_agg(a.attname ORDER BY k.n) FROM unnest(o.confkey) WITH ORDINALITY k(number, n) \
     JOIN pg_attribute a ON a.attrelid = o.confrelid AND a.attnum = k.number) AS keys \
     FROM pg_constraint o WHERE o.contype = 'f' AND o.conrelid = $1::text::regclass ORDER BY 1";

/// Counts the rows of a table. `estimated` gives what the server's statistics say, at once and roughly; `-1` for a table that
/// they do not know yet.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Count {
    /// The table, with its schema where it is not on the search path
    table: String,
    /// Whether an estimate will do
    #[serde(default)]
    estimated: bool,
}

impl Primitive for Count {
    const NAME: &'static str = "count";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"metric "orders", postgres("main").count("orders") >= 1000;"#;
    const TIMEOUT: Duration = LONG;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("count the rows of the table {} of {resource}", self.table)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let table = quote(&self.table);
        let rows = if self.estimated {
            let sql = "SELECT reltuples::bigint AS n FROM pg_class WHERE oid = $1::text::regclass";
            database::read(&cx, sql, &[json!(table)]).await?
        } else {
            database::read(&cx, &format!("SELECT count(*) AS n FROM {table}"), &[]).await?
        };
        Ok(rows.into_iter().next().and_then(|mut row| row.remove("n")).unwrap_or_default())
    }
}

/// Looks for rows of a table that refer to rows which are not there, and gives `#{ total, each: [#{ name, parent, columns,
/// orphans, examples }] }`. By default it goes by the foreign keys that the table declares, those that are not validated too;
/// with `parent`, by `columns` of the table and `keys` of the parent, for references that are not declared.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Orphans {
    /// The table that refers to another
    child: String,
    /// The table that it refers to
    #[serde(default)]
    parent: Option<String>,
    /// The columns that refer, with `parent`
    #[serde(default)]
    columns: Vec<String>,
    /// The columns that they refer to
    #[serde(default = "id")]
    keys: Vec<String>,
}

fn id() -> Vec<String> {
    vec!["id".to_owned()]
}

/// One reference from one table to another.
struct Reference {
    name: String,
    /// Both quoted.
    child: String,
    parent: String,
    columns: Vec<String>,
    keys: Vec<String>,
}

impl Primitive for Orphans {
    const NAME: &'static str = "orphans";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "no orphaned lines", postgres("main").orphans("order_lines").total == 0;"#;
    const TIMEOUT: Duration = LONG;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("look for rows of {} of {resource} that refer to nothing", self.child)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let references = self.references(&cx).await?;
        let (mut total, mut each) = (0, Vec::new());
        for reference in references {
            let (count, found) = reference.orphans(&cx).await?;
            total += count;
            each.push(found);
        }
        Ok(json!({ "total": total, "each": each }))
    }
}

impl Orphans {
    async fn references(&self, cx: &Cx) -> Result<Vec<Reference>> {
        let child = quote(&self.child);
        if let Some(parent) = &self.parent {
            if self.columns.is_empty() || self.columns.len() != self.keys.len() {
                return Err(Error::usage(format!(
                    "{} columns of {} cannot refer to {} of {parent}",
                    self.columns.len(),
                    self.child,
                    self.keys.len()
                ))
                .fix("give as many `columns` as `keys`: `#{ parent: \"users\", columns: [\"user_id\"], keys: [\"id\"] }`"));
            }
            let name = format!("{} → {parent}", self.columns.join(", "));
            let (columns, keys) = (self.columns.clone(), self.keys.clone());
            return Ok(vec![Reference { name, child, parent: quote(parent), columns, keys }]);
        }
        let rows = database::read(cx, KEYS, &[json!(child)]).await?;
        if rows.is_empty() {
            return Err(Error::usage(format!(
                "the table {} of `{}` declares no foreign key",
                self.child,
                cx.resource()
            ))
            .fix("say what it refers to: `#{ parent: \"users\", columns: [\"user_id\"] }`"));
        }
        let list = |row: &Row, name: &str| -> Vec<String> {
            let items = row.get(name).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let text =
            |row: &Row, name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        // A regclass comes quoted where it must be.
        let reference = |row: &Row| Reference {
            name: text(row, "name"),
            child: text(row, "child"),
            parent: text(row, "parent"),
            columns: list(row, "columns"),
            keys: list(row, "keys"),
        };
        Ok(rows.iter().map(reference).collect())
    }
}

impl Reference {
    async fn orphans(&self, cx: &Cx) -> Result<(i64, Value)> {
        let whole = |name: &String| format!("\"{}\"", name.replace('"', "\"\""));
        let given: Vec<String> =
            self.columns.iter().map(|one| format!("c.{} IS NOT NULL", whole(one))).collect();
        let pairs = self.columns.iter().zip(&self.keys);
        let same: Vec<String> =
            pairs.map(|(one, key)| format!("p.{} = c.{}", whole(key), whole(one))).collect();
        let shown: Vec<String> = self.columns.iter().map(|one| format!("c.{}", whole(one))).collect();
        let from = format!(
            "FROM {} c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} p WHERE {})",
            self.child,
            given.join(" AND "),
            self.parent,
            same.join(" AND ")
        );
        let rows = database::read(cx, &format!("SELECT count(*) AS n {from}"), &[]).await?;
        let count = rows.first().and_then(|row| row.get("n")?.as_i64()).unwrap_or(0);
        let examples = if count == 0 {
            Vec::new()
        } else {
            database::read(cx, &format!("SELECT DISTINCT {} {from} LIMIT {SHOWN}", shown.join(", ")), &[])
                .await?
        };
        let found = json!({
            "name": self.name, "parent": self.parent, "columns": self.columns, "orphans": count, "examples": examples,
        });
        Ok((count, found))
    }
}

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
