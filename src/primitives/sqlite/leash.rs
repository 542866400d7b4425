//! Ends what a thread does with SQLite from outside that thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle};

/// Ends what a thread does with SQLite from outside that thread.
#[derive(Default)]
pub(super) struct Leash {
    cut: AtomicBool,
    tied: Mutex<Vec<InterruptHandle>>,
    bell: Condvar,
}

impl std::fmt::Debug for Leash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leash").field("cut", &self.is_cut()).finish_non_exhaustive()
    }
}

impl Leash {
    /// Holds one more connection.
    pub(super) fn tie(&self, connection: &Connection) {
        if let Ok(mut tied) = self.tied.lock() {
            tied.push(connection.get_interrupt_handle());
        }
    }

    /// Whether it was pulled.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// Interrupts the statement that runs, and keeps those that would follow from going on.
    pub(super) fn pull(&self) {
        self.cut.store(true, Ordering::Release);
        if let Ok(tied) = self.tied.lock() {
            tied.iter().for_each(InterruptHandle::interrupt);
        }
        self.bell.notify_all();
    }

    /// Waits, less when it is pulled.
    pub(super) fn rest(&self, pause: Duration) {
        if let Ok(tied) = self.tied.lock() {
            let _ = self.bell.wait_timeout_while(tied, pause, |_| !self.is_cut());
        }
    }
}

/// Pulls the leash when the future that holds it is dropped.
pub(super) struct Held(Arc<Leash>);

impl Held {
    /// Holds it.
    pub(super) const fn new(leash: Arc<Leash>) -> Self {
        Self(leash)
    }

    /// Pulls it now.
    pub(super) fn pull(&self) {
        self.0.pull();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.pull();
    }
}
