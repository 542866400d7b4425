//! Whether an object of a store that a call was about to publish, when its process died, was published.

use sha2::{Digest as _, Sha256};

use super::cx::Cx;
use super::dump::{hexadecimal, next};
use super::witness::VALUE;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;

/// Whether the object of that key is the one whose receipt, with its `sha256`, the call kept just before it published it.
pub async fn arrived(cx: &Cx, store: &ResourceId, key: &str) -> Result<Option<bool>> {
    let Some(told) = cx.witnessed() else { return Ok(cx.is_settling().then_some(false)) };
    let store = cx.store(store, Effect::Write).await?;
    let wanted = &told[VALUE];
    let is_alike = store.head(key).await?.is_some_and(|there| wanted["bytes"] == there.bytes);
    if !is_alike {
        return Ok(Some(false));
    }
    let (mut content, mut digest) = (store.open(key).await?, Sha256::new());
    while let Some(chunk) = next(&mut content, &format!("cannot read `{key}`")).await? {
        digest.update(&chunk);
    }
    Ok(Some(wanted["sha256"] == hexadecimal(digest.finalize().as_slice())))
}
