//! Time: the wall clock, the steady clock, and waiting.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The wall clock's instant.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// What the wall clock will show after a while.
#[must_use]
pub fn after(duration: Duration) -> Timestamp {
    let now = Timestamp::now();
    now.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// The steady clock's instant, for measuring how long something takes.
#[must_use]
pub fn instant() -> Instant {
    Instant::now()
}

/// Waits for `duration`; whoever can be stopped races this against their [`super::stop::Stop`].
pub async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
