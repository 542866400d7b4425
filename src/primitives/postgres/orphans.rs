//! `orphans`: rows that refer to others that are not there.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::database;
use super::reference::Reference;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::effect::sql::{Row, quote};

/// A whole table may have to be read.
const LONG: Duration = Duration::from_secs(600);

const KEYS: &str = "SELECT o.conname::text AS name, o.confrelid::regclass::text AS parent, o.conrelid::regclass::text AS child, \
     (SELECT jsonb_agg(a.attname ORDER BY k.n) FROM unnest(o.conkey) WITH ORDINALITY k(number, n) \
     JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.number) AS columns, \
     (SELECT jsonb_agg(a.attname ORDER BY k.n) FROM unnest(o.confkey) WITH ORDINALITY k(number, n) \
     JOIN pg_attribute a ON a.attrelid = o.confrelid AND a.attnum = k.number) AS keys \
     FROM pg_constraint o WHERE o.contype = 'f' AND o.conrelid = $1::text::regclass ORDER BY 1";

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
