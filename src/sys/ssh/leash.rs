//! How threads that block are called off: they also listen to a socket that closes when nobody waits for them any more.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::error::{Error, Result};
use crate::sys::clock;

/// As long as this is held, the threads may go on.
#[derive(Debug)]
pub struct Hold {
    _end: UnixStream,
}

/// What a thread listens to; clones are the same leash.
#[derive(Clone, Debug)]
pub struct Leash(Arc<UnixStream>);

/// A leash and its hold.
pub fn leash() -> Result<(Hold, Leash)> {
    let (ours, theirs) =
        UnixStream::pair().map_err(|why| Error::io("threads cannot be called off later", &why))?;
    Ok((Hold { _end: ours }, Leash(Arc::new(theirs))))
}

impl AsFd for Leash {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// How long one piece of work may go on: until it is called off, or until a moment.
#[derive(Clone, Debug)]
pub struct Patience {
    /// Calls it off; work without one can only be late.
    pub leash: Option<Leash>,
    /// The moment.
    pub until: Instant,
}

impl Patience {
    /// Patience for so long from now.
    #[must_use]
    pub fn of(leash: Option<&Leash>, within: Duration) -> Self {
        let far = Duration::from_secs(365 * 24 * 3600);
        Self { leash: leash.cloned(), until: clock::instant() + within.min(far) }
    }

    /// The same, that ends after `within` if it did not end before.
    #[must_use]
    pub fn at_most(&self, within: Duration) -> Self {
        let short = Self::of(self.leash.as_ref(), within);
        Self { until: short.until.min(self.until), ..short }
    }

    /// What is left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(clock::instant())
    }
}
