//! Whether a server vouches for what it took in: it tells a checksum of each part, which is compared with what was sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use bytes::Bytes;
use md5::{Digest as _, Md5};

use crate::base::error::Result;
use crate::effect::dump::hexadecimal;
use crate::sys::blocking;

/// Whether all parts that were sent so far are vouched for; clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Vouching(Arc<AtomicBool>);

/// What a server told of a part that it took in.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// The CRC-32 of the bytes, in base64.
    pub(super) crc32: Option<String>,
    /// What names the content, quoted: of many servers, and of objects that are not encrypted with a customer's key, its MD5.
    pub(super) etag: String,
}

impl Vouching {
    /// Nothing was sent yet.
    pub(super) fn begin() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    /// Whether each part was vouched for.
    pub(super) fn is_whole(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes in what the server told of a part. One that it does not vouch for is enough: all will be read back.
    pub(super) async fn take(&self, part: Bytes, told: Told) -> Result<()> {
        if self.is_whole() && !blocking::run(move || Ok(told.is_of(&part))).await? {
            self.0.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Told {
    fn is_of(&self, part: &[u8]) -> bool {
        match &self.crc32 {
            Some(told) => {
                let mut crc32 = flate2::Crc::new();
                crc32.update(part);
                *told == base64::engine::general_purpose::STANDARD.encode(crc32.sum().to_be_bytes())
            }
            None => self.etag.trim_matches('"') == hexadecimal(Md5::digest(part).as_slice()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_is_vouched_for_by_its_own_checksum_alone() {
        let part = Bytes::from_static(b"123456789");
        let (crc32, etag) = ("y/Q5Jg==", "\"25f9e794323b453885f5181f1b624d0b\"");
        let told =
            |crc32: Option<&str>, etag: &str| Told { crc32: crc32.map(str::to_owned), etag: etag.to_owned() };
        for (told, is_whole) in [
            (told(Some(crc32), ""), true),
            (told(None, etag), true),
            (told(Some("AAAAAA=="), etag), false),
            (told(None, "\"25f9e794323b453885f5181f1b624d0b-1\""), false),
            (told(None, ""), false),
        ] {
            let vouching = Vouching::begin();
            vouching.take(part.clone(), told.clone()).await.unwrap();
            assert_eq!(vouching.is_whole(), is_whole, "{told:?}");
        }
    }
}
