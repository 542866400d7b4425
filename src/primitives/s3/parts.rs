//! A multipart upload while it runs: several parts on their way, each checked by the server, and nothing left when it is given up.

use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::CompletedPart;
use bytes::Bytes;
use tokio::task::{JoinError, JoinSet};

use super::bucket::{Attributes, Bucket};
use super::patience;
use super::reading::Span;
use super::room::Room;
use super::vouching::{Told, Vouching};
use crate::base::error::{Error, Result};

/// The most parts that an upload may have.
const MOST: u64 = 10_000;
/// What the size of larger parts is a multiple of, in bytes.
const STEP: u64 = 1024 * 1024;

/// A multipart upload that is open. Dropping it gives it up, as well as that can be done without waiting.
#[derive(Debug)]
pub(super) struct Parts {
    bucket: Arc<Bucket>,
    key: String,
    upload: String,
    /// How large each part but the last is, in bytes.
    pub(super) size: usize,
    /// How many bytes were given to it.
    pub(super) bytes: u64,
    last: i32,
    /// Where their buffers come from.
    pub(super) room: Room,
    sending: JoinSet<Result<CompletedPart>>,
    sent: Vec<CompletedPart>,
    is_over: bool,
    /// What is taken in of the checksums that the server tells.
    vouching: Option<Vouching>,
}

impl Parts {
    /// Begins one that becomes `key` and takes at least `bytes`.
    pub(super) async fn begin(
        bucket: &Arc<Bucket>,
        key: &str,
        with: Option<&Attributes>,
        bytes: u64,
    ) -> Result<Self> {
        let size = bucket.bounds.part.max(usize::try_from(least(bytes)).unwrap_or(usize::MAX));
        Self::begin_in(bucket, (key, with), size, Room::of(size)).await
    }

    /// The same with parts of at least `size` bytes, which share the `room` of other uploads.
    pub(super) async fn begin_in(
        bucket: &Arc<Bucket>,
        (key, with): (&str, Option<&Attributes>),
        size: usize,
        room: Room,
    ) -> Result<Self> {
        let size = bucket.bounds.part.max(size);
        let upload = bucket.open_multipart(key, with).await?;
        Ok(Self {
            bucket: Arc::clone(bucket),
            key: key.to_owned(),
            upload,
            size,
            bytes: 0,
            last: 0,
            room,
            sending: JoinSet::new(),
            sent: Vec::new(),
            is_over: false,
            vouching: None,
        })
    }

    /// Takes in, from now on, what checksums the server tells.
    pub(super) fn vouch(&mut self, vouching: Option<Vouching>) {
        self.vouching = vouching;
    }

    /// The id that the server gave it.
    pub(super) fn upload(&self) -> &str {
        &self.upload
    }

    /// Sends a part on its way; waits while there are too many.
    pub(super) async fn send(&mut self, part: Bytes) -> Result<()> {
        while let Some(sent) = self.sending.try_join_next() {
            self.arrived(sent)?;
        }
        let slot = self.room.slot(&part).await;
        self.last += 1;
        self.bytes += part.len() as u64;
        let (bucket, key, upload) = (Arc::clone(&self.bucket), self.key.clone(), self.upload.clone());
        let (number, vouching) = (self.last, self.vouching.clone());
        self.sending.spawn(async move {
            let sent = async {
                let sent = bucket.send_part((&key, &upload), number, part.clone()).await?;
                if let Some(vouching) = vouching {
                    let etag = sent.e_tag().unwrap_or_default().to_owned();
                    vouching
                        .take(part, Told { crc32: sent.checksum_crc32().map(str::to_owned), etag })
                        .await?;
                }
                Ok(sent)
            };
            let sent = sent.await;
            drop(slot);
            sent
        });
        Ok(())
    }

    fn arrived(&mut self, sent: Result<Result<CompletedPart>, JoinError>) -> Result<()> {
        let lost = |broken: JoinError| Error::bug("a part was lost on its way").why(broken.to_string());
        self.sent.push(sent.map_err(lost)??);
        Ok(())
    }

    /// Waits for all parts; nothing is visible yet.
    pub(super) async fn gather(&mut self) -> Result<()> {
        while let Some(sent) = self.sending.join_next().await {
            self.arrived(sent)?;
        }
        self.sent.sort_by_key(CompletedPart::part_number);
        Ok(())
    }

    /// Makes the object of them, replacing what is there.
    pub(super) async fn complete(&mut self) -> Result<Span> {
        self.gather().await?;
        let place = (self.key.as_str(), self.upload.as_str());
        let etag = self.bucket.complete_multipart(place, self.sent.clone(), self.bytes, false).await?;
        self.is_over = true;
        Ok(Span { key: self.key.clone(), version: None, etag, bytes: self.bytes })
    }

    /// Gives it up, and returns when nothing of it is left.
    pub(super) async fn give_up(mut self) -> Result<()> {
        self.is_over = true;
        // A part that arrives after the end of its upload would stay.
        self.sending.shutdown().await;
        self.bucket.abort_multipart(&self.key, &self.upload).await
    }
}

/// How large each part must be at least, so that there are not too many of them; in bytes.
fn least(bytes: u64) -> u64 {
    bytes.div_ceil(MOST).div_ceil(STEP) * STEP
}

impl Drop for Parts {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (bucket, mut sending) = (Arc::clone(&self.bucket), std::mem::take(&mut self.sending));
        let (key, upload) = (std::mem::take(&mut self.key), std::mem::take(&mut self.upload));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                sending.shutdown().await;
                bucket.abort_multipart(&key, &upload).await
            });
        }
    }
}

impl Bucket {
    async fn send_part(
        &self,
        (key, upload): (&str, &str),
        number: i32,
        part: Bytes,
    ) -> Result<CompletedPart> {
        let request = self.patient.upload_part().bucket(&self.name).key(self.whole(key)).upload_id(upload);
        let patience = patience::uploading(self, part.len() as u64);
        let request = request.part_number(number).body(ByteStream::from(part));
        let sent = request.customize().config_override(patience.unwrap_or_default()).send().await;
        let sent = sent.map_err(|why| self.failed(&format!("send part {number} of `{key}`"), &why))?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .set_checksum_crc32(sent.checksum_crc32)
            .build())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn parts_grow_with_what_they_carry() {
        const TIB: u64 = 1 << 40;
        assert_eq!((super::least(0), super::least(1)), (0, super::STEP));
        for bytes in [TIB / 10, TIB, 5 * TIB] {
            let part = super::least(bytes);
            assert!(bytes.div_ceil(part) <= super::MOST && part <= 5 << 30, "{bytes}");
        }
    }
}
