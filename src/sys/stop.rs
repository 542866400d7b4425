//! A signal to stop that, once given, stays given; children stop with their parent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::base::error::Error;

/// Tells work to stop, and why. Clones are the same signal; [`Stop::child`] makes one that follows its parent.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    token: CancellationToken,
    reason: Arc<Mutex<Option<Error>>>,
    parent: Option<Arc<Stop>>,
}

impl Stop {
    /// A signal that is given when this one is, or on its own.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { token: self.token.child_token(), reason: Arc::default(), parent: Some(Arc::new(self.clone())) }
    }

    /// Gives the signal; the first reason stays.
    pub fn give(&self, reason: Error) {
        if let Ok(mut have) = self.reason.lock() {
            have.get_or_insert(reason);
        }
        self.token.cancel();
    }

    /// Whether the signal was given.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Why it was given, once it was: this signal's own reason before its parent's.
    #[must_use]
    pub fn reason(&self) -> Option<Error> {
        if !self.is_given() {
            return None;
        }
        let own = self.reason.lock().ok().and_then(|reason| reason.clone());
        own.or_else(|| self.parent.as_ref().and_then(|parent| parent.reason()))
            .or_else(|| Some(Error::cancelled("stopped")))
    }

    /// Returns when the signal is given.
    pub async fn given(&self) {
        self.token.cancelled().await;
    }

    /// Waits for `duration`, or less when the signal is given, which is an error.
    pub async fn pause(&self, duration: Duration) -> Result<(), Error> {
        tokio::select! {
            () = self.given() => Err(self.reason().unwrap_or_else(|| Error::cancelled("stopped"))),
            () = super::clock::pause(duration) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_stops_with_its_parent_and_not_the_other_way() {
        let parent = Stop::default();
        let (one, two) = (parent.child(), parent.child());
        one.give(Error::cancelled("sibling failed"));
        assert!(one.is_given() && !two.is_given() && !parent.is_given());
        parent.give(Error::timeout("45m are over"));
        assert_eq!(two.reason().unwrap().what, "45m are over");
        assert_eq!(one.reason().unwrap().what, "sibling failed");
    }
}
