//! Whether a transaction was committed of which a dead process only told the number: PostgreSQL knows it of every one
//! that is not very old.

use std::time::Duration;

use serde_json::{Value, json};

use super::database;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::witness;

/// The number of the present transaction; it has one from then on, whatever it has done.
pub(super) const WHICH: &str = "SELECT txid_current()";
const STATUS: &str = "SELECT txid_status($1) AS status";
/// The field of a witness that holds the number.
const TRANSACTION: &str = "transaction";
/// How long until it is asked again of a transaction that the server has not ended yet.
const PAUSE: Duration = Duration::from_millis(100);
/// How often it is asked.
const LOOKS: usize = 100;

/// What a change says of itself before it is committed.
pub(super) fn witness(which: i64, value: Value) -> Value {
    json!({ TRANSACTION: which, witness::VALUE: value })
}

/// Whether the change was made whose end is not known. It is told before it is committed, so one that was never told was
/// not.
pub(super) async fn probe(cx: &Cx) -> Result<Option<bool>> {
    if !cx.is_settling() {
        return Ok(None);
    }
    let Some(told) = cx.witnessed() else { return Ok(Some(false)) };
    let Some(which) = told.get(TRANSACTION) else { return Ok(None) };
    for _ in 0..LOOKS {
        let rows = database::read(cx, STATUS, std::slice::from_ref(which)).await?;
        match rows.first().and_then(|row| row.get("status")).and_then(Value::as_str) {
            Some("committed") => return Ok(Some(true)),
            Some("aborted") => return Ok(Some(false)),
            // The process is gone, and the server has not noticed yet.
            Some(_) => cx.pause(PAUSE).await?,
            None => return Ok(None),
        }
    }
    Ok(None)
}
