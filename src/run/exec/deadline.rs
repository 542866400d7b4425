//! How long a run may take: the time that a person takes to decide is not part of it.

use std::time::{Duration, Instant};

use crate::base::error::{Error, Kind};
use crate::base::text;
use crate::sys::clock::{self, Idle};
use crate::sys::stop::Stop;

/// The deadline of a run while its script works; it ends when this is dropped.
pub(super) struct Deadline {
    task: tokio::task::JoinHandle<()>,
    begin: Instant,
}

impl Deadline {
    /// Stops the script once `left` of the `whole` time has passed.
    pub(super) fn set(
        runtime: &tokio::runtime::Handle,
        (stop, idle): (Stop, Idle),
        (left, whole): (Duration, Duration),
    ) -> Self {
        let task = runtime.spawn(async move {
            let begin = clock::instant();
            loop {
                let left = left.saturating_sub(begin.elapsed().saturating_sub(idle.total()));
                if left.is_zero() {
                    break;
                }
                clock::pause(left).await;
            }
            let what = format!("the run took longer than {}", text::show_duration(whole));
            stop.give(
                Error::new(Kind::Limit, what)
                    .fix("raise `timeout` in the playbook's header or in [env.NAME.limits] of playbook.toml"),
            );
        });
        Self { task, begin: clock::instant() }
    }

    /// How long the script has worked under it.
    pub(super) fn spent(&self) -> Duration {
        self.begin.elapsed()
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.task.abort();
    }
}
