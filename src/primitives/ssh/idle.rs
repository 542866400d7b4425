//! Sessions that nobody uses just now, by host: kept alive, and let go of when the other side has closed them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use crate::sys::clock;
use crate::sys::ssh::Session;

/// How often a session that lies idle gives a sign of life.
const SIGN_EVERY: Duration = Duration::from_secs(15);

/// The sessions that lie idle.
#[derive(Debug, Default)]
pub(super) struct Idle(Mutex<HashMap<String, Vec<Session>>>);

impl Idle {
    /// No sessions yet; those that come are kept from being forgotten by what lies between.
    pub(super) fn begin() -> Arc<Self> {
        let idle = Arc::new(Self::default());
        tokio::spawn(stay_alive(Arc::downgrade(&idle)));
        idle
    }

    /// A session with that host, when one lies idle and is still open.
    pub(super) fn take(&self, host: &str) -> Option<Session> {
        loop {
            let session = self.0.lock().ok()?.get_mut(host)?.pop()?;
            if session.is_open() {
                return Some(session);
            }
        }
    }

    /// Keeps a session for the next call.
    pub(super) fn put(&self, host: &str, session: Session) {
        if let Ok(mut idle) = self.0.lock() {
            idle.entry(host.to_owned()).or_default().push(session);
        }
    }

    fn sign(&self) {
        if let Ok(mut idle) = self.0.lock() {
            for sessions in idle.values_mut() {
                sessions.retain(|session| session.is_open() && session.sign().is_ok());
            }
        }
    }
}

async fn stay_alive(idle: Weak<Idle>) {
    loop {
        clock::pause(SIGN_EVERY).await;
        let Some(idle) = idle.upgrade() else { return };
        idle.sign();
    }
}
