//! Answers of the server as values of ours; an answer of another shape is an error that shows it.

use redis::Value;

use super::errors;
use crate::base::error::{Error, Result};

/// A whole number.
pub(super) fn number(named: &str, what: &str, answer: &Value) -> Result<i64> {
    match answer {
        Value::Int(number) => Ok(*number),
        other => Err(errors::strange(named, what, other)),
    }
}

/// A number of things.
pub(super) fn count(named: &str, what: &str, answer: &Value) -> Result<u64> {
    u64::try_from(number(named, what, answer)?).map_err(|_| errors::strange(named, what, answer))
}

/// Bytes; `None` for nil.
pub(super) fn bytes(named: &str, what: &str, answer: Value) -> Result<Option<Vec<u8>>> {
    match answer {
        Value::BulkString(bytes) => Ok(Some(bytes)),
        Value::SimpleString(text) => Ok(Some(text.into_bytes())),
        Value::Okay => Ok(Some(b"OK".to_vec())),
        Value::Nil => Ok(None),
        other => Err(errors::strange(named, what, &other)),
    }
}

/// Text, which an answer about the server itself is.
pub(super) fn text(named: &str, what: &str, answer: Value) -> Result<String> {
    let bytes = bytes(named, what, answer)?.unwrap_or_default();
    String::from_utf8(bytes).map_err(|why| {
        Error::remote(format!("`{named}` answered {what} with what is no text")).why(why.to_string())
    })
}
