//! One reference from one table to another, and the rows for which it leads nowhere.

use serde_json::{Value, json};

use super::database;
use crate::base::error::Result;
use crate::effect::cx::Cx;

/// How many orphans are shown of each reference.
const SHOWN: usize = 5;

/// One reference from one table to another.
pub(super) struct Reference {
    pub(super) name: String,
    /// Both quoted.
    pub(super) child: String,
    pub(super) parent: String,
    pub(super) columns: Vec<String>,
    pub(super) keys: Vec<String>,
}

impl Reference {
    /// How many rows refer to nothing, and some of them.
    pub(super) async fn orphans(&self, cx: &Cx) -> Result<(i64, Value)> {
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
