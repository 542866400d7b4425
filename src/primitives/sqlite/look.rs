//! Whether the database file is there, is a database, and may be written where the environment grants it.

use serde_json::Value;

use super::session::{self, Purpose};
use super::{Table, rows};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::sys::files;

const SQL: &str =
    "SELECT sqlite_version() AS version, (SELECT count(*) FROM sqlite_schema WHERE type = 'table') AS tables";

/// Reads the schema, and asks the system whether the file may be written.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let table: Table = cx.settings()?;
    let (path, writes) = (cx.trusted_path(&table.path), cx.granted() > Effect::Read);
    if !files::exists(&path) && table.create && writes {
        return Ok(Health::reached().fact("no file yet: the first write makes it"));
    }
    let read = session::with(&cx, |database| {
        let session = database.open(Purpose::Read)?;
        rows::query(&session, SQL, &Value::Null, 1)?.into_rows()
    });
    let row = read.await?.pop().unwrap_or_default();
    let tables = row.get("tables").and_then(Value::as_u64);
    let health = Health::reached()
        .version(format!("SQLite {}", row.get("version").and_then(Value::as_str).unwrap_or_default()))
        .fact(text::count(
            tables.and_then(|tables| usize::try_from(tables).ok()).unwrap_or_default(),
            "table",
        ));
    // The folder too: the journal of a transaction lies beside the file.
    let folder = path.parent().is_none_or(files::is_writable);
    if !writes || (files::is_writable(&path) && folder) {
        return Ok(health.permitted());
    }
    let error = Error::remote(format!("{} may not be written by this user", path.display()));
    Ok(health.refused(error.fix("change the owner or mode of the file and of its folder")))
}
