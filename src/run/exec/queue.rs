//! Standing in the queue for a lock that another run holds, as long as the command line asks for.

use std::time::{Duration, Instant};

use crate::base::error::Error;
use crate::base::event::Event;
use crate::effect::journal;
use crate::run::order::{Audience, Ready};
use crate::sys::clock;

/// How long until the lock is asked for again.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// Somebody who waits for a lock.
pub(super) struct Queue<'a> {
    patience: Option<Duration>,
    audience: &'a Audience,
    since: Instant,
    /// The run that was waited for last.
    told: String,
}

impl<'a> Queue<'a> {
    /// Nobody has waited yet.
    pub(super) fn new(ready: &Ready, audience: &'a Audience) -> Self {
        Self { patience: ready.patience, audience, since: clock::instant(), told: String::new() }
    }

    /// Whether to try again after `refused`; whoever listens is told once for whom.
    pub(super) fn may_wait(&mut self, refused: &Error) -> bool {
        let is_left = self.patience.is_some_and(|patience| self.since.elapsed() < patience);
        if !is_left || !journal::may_be_waited_for(refused) {
            return false;
        }
        if self.told != refused.what {
            self.told.clone_from(&refused.what);
            let why = refused.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            let text = format!("waiting: {}{why}", refused.what);
            let event = Event::Logged { position: String::new(), text };
            self.audience.listeners.iter().for_each(|listener| listener.hear(&event));
        }
        true
    }
}
