//! Annotations as Grafana tells them, and how one is found again.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::base::error::{Error, Result};
use crate::effect::endpoint::Api;

/// The annotations that have this tag.
pub(super) async fn tagged(api: &Arc<Api>, tag: &str) -> Result<Vec<Value>> {
    let query = Map::from_iter([
        ("tags".to_owned(), json!(tag)),
        ("type".to_owned(), json!("annotation")),
        ("limit".to_owned(), json!(100)),
    ]);
    let found = api.get("/api/annotations", &query).await?;
    let has = |one: &Value| one["tags"].as_array().is_some_and(|tags| tags.contains(&json!(tag)));
    Ok(found.as_array().cloned().unwrap_or_default().into_iter().filter(has).collect())
}

/// The annotation of that number.
pub(super) async fn numbered(api: &Arc<Api>, id: i64) -> Result<Value> {
    api.get(&format!("/api/annotations/{id}"), &Map::new()).await
}

/// Whether an error says that there is no such annotation.
pub(super) fn is_gone(error: &Error) -> bool {
    error.details.get("status").and_then(Value::as_u64) == Some(404)
}
