//! The process itself, the leader of its group: waited for, and never left as a zombie.

use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Child, ExitStatus};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};

use crate::base::error::{Error, Result};

/// A child process, ended or not. It is reaped when it is dropped, however it ends; to end it is its group's business.
#[derive(Debug)]
pub(super) struct Leader {
    child: Option<Child>,
    /// Readable once it has ended; none where the system has no such thing.
    end: Option<OwnedFd>,
}

impl Leader {
    pub(super) fn of(child: Child) -> Self {
        Self { end: end_of(&child), child: Some(child) }
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let child =
            self.child.as_mut().ok_or_else(|| Error::bug("a process is waited for that was dropped"))?;
        child.try_wait().map_err(|why| Error::io("cannot learn how a child process ended", &why))
    }

    /// Waits for its end; may be dropped and asked again.
    pub(super) async fn wait(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        let cannot = |why| Error::io("cannot be told of the end of child processes", &why);
        if let Some(end) = &self.end {
            readable(end).await.map_err(cannot)?;
        }
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        let mut endings = signal(SignalKind::child()).map_err(cannot)?;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            endings.recv().await;
        }
    }

    /// Waits a moment, on this thread, for the end of a process that has little to do: to hand the wait to another
    /// thread and back takes longer than many a program runs. `None` when it still runs.
    pub(super) fn ended_at_once(&mut self) -> Result<Option<ExitStatus>> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};

        const MOMENT: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };
        if let Some(end) = &self.end {
            let _ = poll(&mut [PollFd::new(end, PollFlags::IN)], Some(&MOMENT));
        }
        self.ended()
    }
}

/// Waits for the end of a child by what is readable then, and not by the signal: once that is listened to, every later
/// child's end wakes one more thread.
async fn readable(end: &OwnedFd) -> std::io::Result<()> {
    #[expect(
        deprecated,
        reason = "its successor is unsafe; what is borrowed here stays open for as long as it is watched"
    )]
    let end = AsyncFd::with_interest(end.as_fd(), Interest::READABLE)?;
    end.readable().await.map(drop)
}

/// What is readable once a child has ended.
#[cfg(target_os = "linux")]
fn end_of(child: &Child) -> Option<OwnedFd> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw)?;
    pidfd_open(id, PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
const fn end_of(_: &Child) -> Option<OwnedFd> {
    None
}

impl Drop for Leader {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if !matches!(child.try_wait(), Ok(Some(_))) {
            // It was killed just now, or soon will be; a zombie would keep its number until we end ourselves.
            let _ = std::thread::Builder::new().name("reap".into()).spawn(move || child.wait());
        }
    }
}
