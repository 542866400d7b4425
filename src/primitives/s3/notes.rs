//! What a run notes in the bucket itself, for itself and for those after it: small objects of JSON in the store's own folder.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bucket::{Attributes, Bucket};
use crate::base::error::{Error, Result};

/// A note larger than this is something else, in bytes: one of a sync has a line for each object.
const LARGEST: u64 = 1024 * 1024 * 1024;

impl Bucket {
    /// Writes a note, in place of what the key held.
    pub(super) async fn note(&self, key: &str, what: &impl Serialize) -> Result<()> {
        let text = serde_json::to_vec(what).map_err(|why| Error::bug("a note").why(why.to_string()))?;
        self.write(&self.patient, key, Bytes::from(text), Attributes::default()).await.map(drop)
    }

    /// Reads a note; `None` when there is none.
    pub(super) async fn noted<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let Some(head) = self.look(key, None).await? else { return Ok(None) };
        let foreign = |why: String| {
            Error::remote(format!("`{key}` in `{}` is no note of a run", self.resource)).why(why)
        };
        if head.bytes > LARGEST {
            return Err(foreign(format!("it has {} bytes", head.bytes)));
        }
        let text = self.text(key, None, head.bytes).await?;
        serde_json::from_slice(&text).map(Some).map_err(|why| foreign(why.to_string()))
    }
}
