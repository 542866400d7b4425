//! Ends this process as `kill -9` would, just before or after a record of the journal: how the tests of crashes choose
//! their moment.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::environment;

/// `N:before` or `N:after`, counted from 1 in each process.
pub const VARIABLE: &str = "PLAYBOOK_TEST_KILL_AT";

static COUNT: AtomicU64 = AtomicU64::new(0);
static MOMENT: OnceLock<Option<(u64, bool)>> = OnceLock::new();

/// Counts a record that is about to be kept, and ends the process where that is the moment; whether it is to end once
/// the record is kept.
#[must_use]
pub fn counts() -> bool {
    let moment = MOMENT.get_or_init(|| {
        let text = environment::variable(VARIABLE)?;
        let (number, when) = text.split_once(':')?;
        Some((number.parse().ok()?, when == "after"))
    });
    let Some((number, after)) = moment else { return false };
    let is_it = COUNT.fetch_add(1, Ordering::Relaxed) + 1 == *number;
    if is_it && !after {
        end();
    }
    is_it
}

/// Ends the process at once.
pub fn end() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
}
