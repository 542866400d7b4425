//! A dump as a store gives it back, with its compression taken off, hashed as it passes.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::task::AbortOnDropHandle;

use super::coding::{self, Passed};
use crate::base::error::{Error, Result};
use crate::effect::primitive::Work;
use crate::effect::store::{Content, Store};
use crate::sys::blocking;
use crate::sys::pipe::{self, Inlet};

/// The bytes of a dump as they were before they were compressed. What comes out is trusted only when its end was
/// reached: a damaged dump fails on the way.
pub struct Stored {
    plain: Inlet,
    passed: Work<'static, Passed>,
    _pump: AbortOnDropHandle<()>,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored").finish_non_exhaustive()
    }
}

impl Stored {
    /// Opens a dump of a store; `Missing` when there is none.
    pub async fn open(store: &dyn Store, key: &str) -> Result<Self> {
        Ok(Self::of(store.open(key).await?))
    }

    /// The dump that `content` holds.
    #[must_use]
    pub fn of(mut content: Content) -> Self {
        let (raw, from) = pipe::pipe();
        let (to, plain) = pipe::pipe();
        let pump = async move {
            loop {
                match pipe::chunk(&mut content).await {
                    Ok(Some(chunk)) => {
                        if !raw.send(chunk).await {
                            return;
                        }
                    }
                    Ok(None) => return raw.end().await,
                    Err(why) => return raw.fail(why).await,
                }
            }
        };
        let decode = move || coding::decode(from, to.blocking()).map_err(|why| unreadable(&why));
        let passed = Box::pin(blocking::begin(decode));
        Self { plain, passed, _pump: AbortOnDropHandle::new(tokio::spawn(pump)) }
    }

    /// Reads what is left, and tells what passed in all.
    pub async fn finish(mut self) -> Result<Passed> {
        while self.plain.next().await.map_err(|why| unreadable(&why))?.is_some() {}
        self.passed.await
    }
}

fn unreadable(why: &std::io::Error) -> Error {
    Error::io("what was stored cannot be read back", why)
}

impl AsyncRead for Stored {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.plain).poll_read(cx, buffer)
    }
}
