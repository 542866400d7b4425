//! How it is known that a store holds what was sent to it, before anybody can see it there.

use std::pin::Pin;
use std::task::{Context, Poll};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, ReadBuf};

use super::beginning::Beginning;
use super::coding::Passed;
use super::stored::Stored;
use crate::base::access::ResourceId;
use crate::base::error::{Error, Result};
use crate::effect::store::Upload;
use crate::sys::pipe::{self, Inlet, Outlet};

/// How a dump is verified in its store before it is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// The store tells a checksum of every part that it took in, which is compared with what was sent; the beginning,
    /// with the table of contents, is read back. A store that tells none is read back whole.
    #[default]
    Checksums,
    /// All of it is read back, from the first byte to the last, and compared: twice the traffic.
    Whole,
}

/// What is looked into while a dump is stored.
pub(super) enum Seen {
    /// What the store gives back, without its compression.
    Stored(Stored),
    /// What is on its way there, where the store vouches for it.
    Sent(Inlet),
}

impl Seen {
    /// Of what goes into an upload, how much of it is to be read back; with where what is sent has to go too.
    pub(super) async fn begin(verify: Verify, upload: &mut dyn Upload) -> Result<(Option<Outlet>, Self)> {
        if verify == Verify::Whole || !upload.ask_for_checksums() {
            return Ok((None, Self::Stored(Stored::of(upload.read_back().await?))));
        }
        let (beside, sent) = pipe::pipe();
        Ok((Some(beside), Self::Sent(sent)))
    }

    /// Reads what is left of it; tells what the store gave back.
    pub(super) async fn finish(self) -> Result<Option<Passed>> {
        match self {
            Self::Stored(stored) => stored.finish().await.map(Some),
            Self::Sent(_) => Ok(None),
        }
    }
}

impl AsyncRead for Seen {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Stored(stored) => Pin::new(stored).poll_read(cx, buffer),
            Self::Sent(sent) => Pin::new(sent).poll_read(cx, buffer),
        }
    }
}

/// Makes sure that what the store holds is what was `sent`: `back` is what it gave back of it, where all was read; else it
/// vouches for all of it and gives the beginning back, or is read whole now. Tells how that was known.
pub(super) async fn check(
    store: &ResourceId,
    upload: &mut dyn Upload,
    (sent, beginning): (&Passed, Beginning),
    back: Option<Passed>,
) -> Result<Verify> {
    let (sent, back, how) = match back {
        Some(back) => (sent.clone(), back, Verify::Whole),
        None if upload.vouches() => {
            let back = Beginning::of(upload.read_back().await?).await?;
            (beginning.finish(), back, Verify::Checksums)
        }
        None => {
            let back = Stored::of(upload.read_back().await?).finish().await?;
            (sent.clone(), back, Verify::Whole)
        }
    };
    if sent == back {
        return Ok(how);
    }
    Err(Error::remote(format!("`{store}` gave back something else than was sent"))
        .why(format!("sent {sent}; got {back}"))
        .fix("check that store's disk or network; nothing was published"))
}
