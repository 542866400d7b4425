//! The process itself, the leader of its group: waited for, and never left as a zombie.

use std::process::{Child, ExitStatus};

use tokio::signal::unix::{SignalKind, signal};

use crate::base::error::{Error, Result};

/// A child process, ended or not. It is reaped when it is dropped, however it ends; to end it is its group's business.
#[derive(Debug)]
pub(super) struct Leader(Option<Child>);

impl Leader {
    pub(super) const fn of(child: Child) -> Self {
        Self(Some(child))
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let child = self.0.as_mut().ok_or_else(|| Error::bug("a process is waited for that was dropped"))?;
        child.try_wait().map_err(|why| Error::io("cannot learn how a child process ended", &why))
    }

    /// Waits for its end; may be dropped and asked again.
    pub(super) async fn wait(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        let mut endings = signal(SignalKind::child())
            .map_err(|why| Error::io("cannot be told of the end of child processes", &why))?;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            endings.recv().await;
        }
    }

    /// Waits a moment, on this thread, for the end of a process that has little to do: to hand the wait to another
    /// thread and back takes longer than many a program runs. `None` when it still runs.
    #[cfg(target_os = "linux")]
    pub(super) fn ended_at_once(&mut self) -> Result<Option<ExitStatus>> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        use rustix::process::{Pid, PidfdFlags, pidfd_open};

        const MOMENT: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };
        let id = self.0.as_ref().and_then(|child| i32::try_from(child.id()).ok()).and_then(Pid::from_raw);
        if let Some(Ok(end)) = id.map(|id| pidfd_open(id, PidfdFlags::empty())) {
            let _ = poll(&mut [PollFd::new(&end, PollFlags::IN)], Some(&MOMENT));
        }
        self.ended()
    }

    /// How it ended, if it has.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn ended_at_once(&mut self) -> Result<Option<ExitStatus>> {
        self.ended()
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else { return };
        if !matches!(child.try_wait(), Ok(Some(_))) {
            // It was killed just now, or soon will be; a zombie would keep its number until we end ourselves.
            let _ = std::thread::Builder::new().name("reap".into()).spawn(move || child.wait());
        }
    }
}
