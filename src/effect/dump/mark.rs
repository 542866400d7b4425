//! The mark before a dump: whose it is and of when. It is read without the rest, and every tool that takes the
//! compression off skips it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::io::AsyncReadExt as _;

use super::coding::Compression;
use crate::base::error::{Error, Result};
use crate::effect::store::Store;

/// One of the sixteen frames that Zstandard leaves to others; a decoder skips them.
const SKIPPABLE: [u8; 4] = [0x57, 0x2a, 0x4d, 0x18];
/// The header of a gzip member that has a comment, of no time and no system.
const COMMENTED: [u8; 10] = [0x1f, 0x8b, 8, 0x10, 0, 0, 0, 0, 0, 0xff];
/// The rest of a gzip member that holds nothing.
const EMPTY: [u8; 10] = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// What the text begins with.
const OURS: &str = "playbook dump ";
/// A longer mark would be a burden, in bytes.
const LARGEST: usize = 64 * 1024;

/// What a dump says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The database, so that no other one is taken for it.
    pub of: String,
    /// When the dump was begun, RFC 3339.
    pub at: String,
    /// The rows of each table, where that was known before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Map<String, Value>>,
}

impl Mark {
    /// The bytes that come before a dump of this compression; none before one that is not compressed.
    pub(super) fn bytes(&self, compression: Compression) -> Vec<u8> {
        let text = |mark: &Self| format!("{OURS}{}", serde_json::to_string(mark).unwrap_or_default());
        let mut whole = text(self);
        if whole.len() > LARGEST / 2 {
            whole = text(&Self { rows: None, ..self.clone() });
        }
        let length = u32::try_from(whole.len()).unwrap_or(u32::MAX).to_le_bytes();
        match compression {
            Compression::Zstd => [&SKIPPABLE[..], &length, whole.as_bytes()].concat(),
            Compression::Gzip => [&COMMENTED[..], whole.as_bytes(), &[0], &EMPTY].concat(),
            Compression::None => Vec::new(),
        }
    }

    /// The mark in the first bytes of an object, if there is one.
    #[must_use]
    pub fn find(first: &[u8]) -> Option<Self> {
        let text = if let Some(rest) = first.strip_prefix(&SKIPPABLE) {
            let (length, rest) = rest.split_first_chunk::<4>()?;
            rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?
        } else {
            first.strip_prefix(&COMMENTED)?.split(|byte| *byte == 0).next()?
        };
        serde_json::from_slice(text.strip_prefix(OURS.as_bytes())?).ok()
    }

    /// The mark of an object of a store, if it has one.
    pub async fn read(store: &dyn Store, key: &str) -> Result<Option<Self>> {
        let mut first = Vec::new();
        let read = store.open(key).await?.take(LARGEST as u64).read_to_end(&mut first).await;
        read.map_err(|why| Error::io(format!("the beginning of `{key}` cannot be read"), &why))?;
        Ok(Self::find(&first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(rows: Option<usize>) -> Mark {
        let rows = rows.map(|count| (0..count).map(|n| (format!("table_{n}"), n.into())).collect());
        Mark { of: "postgres 7/\u{e4}\"\n\0".into(), at: "2026-01-02T03:04:05Z".into(), rows }
    }

    #[test]
    fn a_mark_is_found_in_the_first_bytes_alone() {
        for compression in [Compression::Zstd, Compression::Gzip] {
            let bytes = mark(Some(3)).bytes(compression);
            assert_eq!(Mark::find(&bytes), Some(mark(Some(3))));
            assert_eq!(Mark::find(&[&bytes, &b"\0rest"[..]].concat()), Some(mark(Some(3))));
            assert_eq!(Mark::find(&bytes[..bytes.len() - 30]), None);
            let many = mark(Some(10_000)).bytes(compression);
            assert!(many.len() < LARGEST && Mark::find(&many) == Some(mark(None)));
        }
        assert!(mark(None).bytes(Compression::None).is_empty());
        for other in [&b""[..], b"PGDMP", &[0x57, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, b'h', b'i'], &COMMENTED] {
            assert_eq!(Mark::find(other), None);
        }
    }
}
