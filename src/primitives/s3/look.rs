//! Whether the bucket can be reached, listed, and keeps versions.

use super::client;
use super::failure::status;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::health::Health;

/// Lists at most one key. Whether keys may be written only a write could tell.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let bucket = client::bucket(&cx).await?;
    let listing = bucket.client.list_objects_v2().bucket(&bucket.name).prefix(&bucket.folder).max_keys(1);
    let seen = listing.send().await.map_err(|why| bucket.failed("list its keys", &why));
    let mut health = match seen {
        Ok(_) => Health::reached().fact(format!("bucket {}", bucket.name)),
        Err(error) if status(&error) == Some(404) => return Err(bucket.no_bucket()),
        Err(error) => return Health::or_refused(error),
    };
    let versioning = bucket.client.get_bucket_versioning().bucket(&bucket.name).send().await;
    let keeps = versioning.ok().and_then(|answer| answer.status().map(|status| status.as_str() == "Enabled"));
    health = health.fact(if keeps == Some(true) { "keeps versions" } else { "keeps no versions" });
    Ok(if cx.granted() == Effect::Read { health.permitted() } else { health })
}
