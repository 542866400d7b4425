//! The beginning of a dump, which is read back even where the store vouches for all of it.

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;

use super::coding::Passed;
use super::next;
use crate::base::error::Result;
use crate::effect::store::Content;

/// How much is read back at least, in bytes: the tables of contents of all but the strangest databases are shorter.
const BEGINNING: u64 = 4 * 1024 * 1024;

/// The beginning of what was sent, hashed as it passes.
#[derive(Debug, Default)]
pub(super) struct Beginning {
    bytes: u64,
    digest: Sha256,
}

impl Beginning {
    /// Takes in what comes next.
    pub(super) fn take(&mut self, chunk: &[u8]) {
        let room = usize::try_from(BEGINNING - self.bytes).unwrap_or(usize::MAX);
        let taken = &chunk[..chunk.len().min(room)];
        self.digest.update(taken);
        self.bytes += taken.len() as u64;
    }

    /// What passed, as far as it is the beginning.
    pub(super) fn finish(self) -> Passed {
        let sha256 = super::hexadecimal(self.digest.finalize().as_slice());
        Passed { bytes: self.bytes, sha256, uncompressed: 0 }
    }

    /// The beginning of what a store gives back.
    pub(super) async fn of(content: Content) -> Result<Passed> {
        let (mut content, mut beginning) = (content.take(BEGINNING), Self::default());
        while let Some(chunk) = next(&mut content, "what was stored cannot be read back").await? {
            beginning.take(&chunk);
        }
        Ok(beginning.finish())
    }
}
