//! A process group that is ended as a whole, whatever happens to whoever started it.

use std::collections::BTreeSet;
use std::sync::Mutex;

use rustix::process::{Pid, Signal, kill_process_group};

/// The groups that live now, so that even a second Ctrl-C, which unwinds nothing, leaves none behind.
static LIVING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Kills every group that was started here and has not ended; for a process that is about to exit at once.
/// What was started detached stays.
pub fn end_all() {
    let living: Vec<i32> = LIVING.lock().map(|living| living.iter().copied().collect()).unwrap_or_default();
    for group in living.into_iter().filter_map(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// The group of one child, whose leader is the child itself. Dropping it kills all that is left of the group.
#[derive(Debug)]
pub(super) struct Group(Option<Pid>);

impl Group {
    /// The group led by the process `id`.
    pub(super) fn of(id: u32) -> Self {
        let id = i32::try_from(id).ok().and_then(Pid::from_raw);
        if let (Some(id), Ok(mut living)) = (id, LIVING.lock()) {
            living.insert(id.as_raw_nonzero().get());
        }
        Self(id)
    }

    /// Sends a signal to all of the group.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(id) = self.0 {
            let _ = kill_process_group(id, signal);
        }
    }

    /// Kills all that is left of the group, once: later its number may belong to a stranger.
    pub(super) fn end(&mut self) {
        if let Some(id) = self.0.take() {
            let _ = kill_process_group(id, Signal::KILL);
            if let Ok(mut living) = LIVING.lock() {
                living.remove(&id.as_raw_nonzero().get());
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}
