//! The process that holds a lock on a file: proven to be it before it is signalled, since a number may be used again.

use std::path::Path;

use rustix::process::{Pid, Signal};

use crate::base::error::{Error, Kind, Result};

/// A process that holds the lock on a file.
#[derive(Debug)]
pub struct Holder {
    pid: Pid,
    /// Means this process and no later one of the same number.
    #[cfg(target_os = "linux")]
    handle: std::os::fd::OwnedFd,
}

impl Holder {
    /// Its number.
    #[must_use]
    pub fn number(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Asks it to end; `false` when it is gone.
    pub fn ask_to_end(&self) -> Result<bool> {
        match self.send(Signal::TERM) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(why) => Err(foreign(self.number(), &why.into())),
        }
    }
}

#[cfg(target_os = "linux")]
impl Holder {
    /// The process of that number, when it holds the lock on the file at `path`.
    pub fn of(number: i32, path: &Path) -> Result<Option<Self>> {
        use rustix::process::{PidfdFlags, pidfd_open};

        let Some(pid) = (number > 1).then(|| Pid::from_raw(number)).flatten() else { return Ok(None) };
        // The handle first: what is proven afterwards is proven of the process that it means, or that one is gone.
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(why) => {
                return Err(Error::io(format!("the process {number} cannot be looked at"), &why.into()));
            }
        };
        match holds(number, path) {
            Ok(holds) => Ok(holds.then_some(Self { pid, handle })),
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(foreign(number, &why)),
        }
    }

    fn send(&self, signal: Signal) -> rustix::io::Result<()> {
        rustix::process::pidfd_send_signal(&self.handle, signal)
    }
}

/// Whether one of the files that the process has open is this one, with a lock on it.
#[cfg(target_os = "linux")]
fn holds(number: i32, path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    let wanted = std::fs::metadata(path)?;
    for entry in std::fs::read_dir(format!("/proc/{number}/fd"))? {
        let entry = entry?;
        // It may be closed meanwhile.
        let Ok(open) = std::fs::metadata(entry.path()) else { continue };
        if (open.dev(), open.ino()) != (wanted.dev(), wanted.ino()) {
            continue;
        }
        let name = entry.file_name();
        let about = std::fs::read_to_string(format!("/proc/{number}/fdinfo/{}", name.to_string_lossy()));
        if about
            .is_ok_and(|about| about.lines().any(|line| line.starts_with("lock:") && line.contains("WRITE")))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(not(target_os = "linux"))]
impl Holder {
    /// The process of that number, when the lock on the file at `path`, where it wrote its number, is held.
    pub fn of(number: i32, path: &Path) -> Result<Option<Self>> {
        let pid = (number > 1).then(|| Pid::from_raw(number)).flatten();
        Ok(pid.filter(|_| crate::sys::lock::is_held(path)).map(|pid| Self { pid }))
    }

    fn send(&self, signal: Signal) -> rustix::io::Result<()> {
        rustix::process::kill_process(self.pid, signal)
    }
}

fn foreign(number: i32, why: &std::io::Error) -> Error {
    let what = format!("the process {number} belongs to somebody else");
    Error::new(Kind::Denied, what)
        .why(why.to_string())
        .fix("do it as the person who began the run, or as root")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::lock::FileLock;

    #[test]
    fn only_the_process_that_holds_the_lock_is_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("lock"), folder.path().join("other"));
        let own = i32::try_from(std::process::id()).unwrap();
        let _other = FileLock::try_hold(&other).unwrap().unwrap();
        assert!(Holder::of(own, &path).unwrap().is_none());
        let _held = FileLock::try_hold(&path).unwrap().unwrap();
        assert_eq!(Holder::of(own, &path).unwrap().unwrap().number(), own);
        assert!(Holder::of(1, &path).unwrap().is_none() && Holder::of(i32::MAX, &path).unwrap().is_none());
        #[cfg(target_os = "linux")]
        {
            let mut stranger = std::process::Command::new("sleep").arg("60").spawn().unwrap();
            let found = Holder::of(i32::try_from(stranger.id()).unwrap(), &path);
            stranger.kill().unwrap();
            stranger.wait().unwrap();
            assert!(found.unwrap().is_none());
        }
    }
}
