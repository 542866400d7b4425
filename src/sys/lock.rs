//! A lock on a file that the system lets go of when its process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::base::error::{Error, Result};

/// A lock that is held until this is dropped or the process is gone. Programs started meanwhile do not keep it.
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Takes the lock on the file at `path`, which is made when there is none; `None` when somebody holds it.
    pub fn try_hold(path: &Path) -> Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(why)) => Err(failed(path, &why)),
        }
    }

    /// Writes into the locked file who holds it, in place of what stands there.
    pub fn sign(&self, text: &str, path: &Path) -> Result<()> {
        let mut file = &self.0;
        file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).map_err(|why| failed(path, &why))
    }

    /// Waits for the lock on the file at `path`, which is made when there is none.
    pub fn hold(path: &Path) -> Result<Self> {
        let file = open(path)?;
        file.lock().map_err(|why| failed(path, &why))?;
        Ok(Self(file))
    }
}

/// Whether a living process holds the lock on the file at `path`; no file means nobody.
#[must_use]
pub fn is_held(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(|why| failed(path, &why))
}

fn failed(path: &Path, why: &std::io::Error) -> Error {
    Error::io(format!("cannot lock {}", path.display()), why)
        .fix("check the owner, mode and disk of that path")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_seen_and_not_taken_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(!is_held(&path));
        let held = FileLock::try_hold(&path).unwrap().unwrap();
        assert!(is_held(&path) && FileLock::try_hold(&path).unwrap().is_none());
        held.sign("one two", &path).unwrap();
        held.sign("three", &path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "three");
        drop(held);
        assert!(!is_held(&path) && FileLock::try_hold(&path).unwrap().is_some());
    }
}
