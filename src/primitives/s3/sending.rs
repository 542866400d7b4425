//! A file on its way into the bucket: hashed first, so that its checksum goes with it, and visible only as a whole.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncSeekExt as _;

use super::bucket::{Attributes, Bucket, SHA256};
use super::failure::unless_refused;
use super::object::receipt;
use super::parts::Parts;
use super::{key, leftovers, undo};
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::dump::{hexadecimal, next, until_stopped};

/// How often progress is told, in bytes.
pub(super) const TELL_EVERY: u64 = 4 * 1024 * 1024;

/// A file to send.
pub(super) struct Sending<'a> {
    /// The key that it will have.
    pub(super) key: &'a str,
    /// What goes with it, apart from its checksum.
    pub(super) with: Attributes,
    /// Whether what it replaces is kept.
    pub(super) keep: bool,
}

/// Sends a file; on a stop or a failure nothing of it is left, and the error says that nothing was changed.
pub(super) async fn send(
    bucket: &Arc<Bucket>,
    cx: &Cx,
    (mut file, bytes): (tokio::fs::File, u64),
    mut sending: Sending<'_>,
) -> Result<Value> {
    key::check(sending.key)?;
    leftovers::tidy(bucket, cx).await.map_err(Error::unchanged)?;
    let sha256 = until_stopped(cx, hash(&mut file)).await.map_err(Error::unchanged)?;
    sending.with.metadata.insert(SHA256.to_owned(), sha256.clone());
    if bytes <= bucket.bounds.part as u64 {
        in_one(bucket, cx, file, &sending).await?;
    } else {
        in_parts(bucket, cx, (file, bytes), &sending).await?;
    }
    let head = bucket.look(sending.key, None).await?;
    let version = head.as_ref().and_then(|head| head.version.as_deref());
    Ok(receipt(sending.key, bytes, Some(&sha256), version))
}

/// The SHA-256 of a file, which stands at its begin afterwards.
async fn hash(file: &mut tokio::fs::File) -> Result<String> {
    let mut digest = Sha256::new();
    while let Some(chunk) = next(file, "the file cannot be read").await? {
        digest.update(&chunk);
    }
    file.rewind().await.map_err(|why| Error::io("the file cannot be read again", &why))?;
    Ok(hexadecimal(digest.finalize().as_slice()))
}

/// The SHA-256 of a file.
pub(super) async fn sha256_of(mut file: tokio::fs::File) -> Result<String> {
    hash(&mut file).await
}

async fn in_one(bucket: &Bucket, cx: &Cx, mut file: tokio::fs::File, sending: &Sending<'_>) -> Result<()> {
    let read = async {
        let mut content = BytesMut::new();
        while let Some(chunk) = next(&mut file, "the file cannot be read").await? {
            content.extend_from_slice(&chunk);
        }
        let content = content.freeze();
        unchanged_file(sending, &hexadecimal(Sha256::digest(&content).as_slice()))?;
        if sending.keep {
            undo::keep(bucket, cx, sending.key).await?;
        }
        Ok(content)
    };
    let content: Bytes = until_stopped(cx, read).await.map_err(Error::unchanged)?;
    let written = bucket.write(&bucket.patient, sending.key, content, sending.with.clone()).await;
    written.map(drop).map_err(unless_refused)
}

async fn in_parts(
    bucket: &Arc<Bucket>,
    cx: &Cx,
    (file, bytes): (tokio::fs::File, u64),
    sending: &Sending<'_>,
) -> Result<()> {
    // The upload has the object's own key, where nobody would look for what a killed run left: the marker tells of it.
    let stage = key::stage(cx.run());
    let marked = leftovers::mark(bucket, &stage, sending.key, None).await;
    marked.map_err(Error::unchanged)?;
    let parts = Parts::begin(bucket, sending.key, Some(&sending.with), bytes).await;
    let completed = match parts {
        Ok(parts) => complete(bucket, cx, (file, bytes), sending, (parts, &stage)).await,
        Err(error) => Err(error.unchanged()),
    };
    let _ = bucket.erase(&leftovers::marker(&stage)).await;
    completed
}

async fn complete(
    bucket: &Arc<Bucket>,
    cx: &Cx,
    file: (tokio::fs::File, u64),
    sending: &Sending<'_>,
    (mut parts, stage): (Parts, &str),
) -> Result<()> {
    let gathered = until_stopped(cx, async {
        leftovers::mark(bucket, stage, sending.key, Some(parts.upload())).await?;
        fill(cx, file, sending, &mut parts).await?;
        if sending.keep {
            undo::keep(bucket, cx, sending.key).await?;
        }
        Ok(())
    });
    let error = match gathered.await {
        Ok(()) => match parts.complete().await {
            Ok(_) => return Ok(()),
            Err(error) => unless_refused(error),
        },
        Err(error) => error.unchanged(),
    };
    let _ = parts.give_up().await;
    Err(error)
}

/// Sends all parts of a file, and sees that it is still the file that was hashed.
async fn fill(
    cx: &Cx,
    (mut file, bytes): (tokio::fs::File, u64),
    sending: &Sending<'_>,
    parts: &mut Parts,
) -> Result<()> {
    let (mut digest, mut told, most) = (Sha256::new(), 0, parts.size);
    let mut part = parts.room.buffer(most);
    while let Some(mut chunk) = next(&mut file, "the file cannot be read").await? {
        digest.update(&chunk);
        while !chunk.is_empty() {
            let piece = chunk.split_to(chunk.len().min(most - part.len()));
            part.extend_from_slice(&piece);
            if part.len() == most {
                parts.send(std::mem::take(&mut part).freeze()).await?;
                part = parts.room.buffer(most);
            }
        }
        if parts.bytes - told >= TELL_EVERY {
            told = parts.bytes;
            cx.progress(sending.key, told, Some(bytes));
        }
    }
    if !part.is_empty() {
        parts.send(part.freeze()).await?;
    }
    unchanged_file(sending, &hexadecimal(digest.finalize().as_slice()))?;
    parts.gather().await
}

fn unchanged_file(sending: &Sending<'_>, sha256: &str) -> Result<()> {
    if sending.with.metadata.get(SHA256).is_some_and(|before| before == sha256) {
        return Ok(());
    }
    Err(Error::remote(format!("the file that becomes `{}` changed while it was sent", sending.key))
        .fix("let whoever writes it end first, and run it again"))
}
