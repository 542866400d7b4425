//! A private folder for a while: gone when dropped, and swept by the next one when its process was killed.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags};

use super::files;
use crate::base::error::Result;

const PREFIX: &str = "playbook-scratch-";
/// A folder younger than this may not be locked by its maker yet.
const YOUNG: Duration = Duration::from_secs(600);

/// A private folder; it and all that is in it is removed when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// Held as long as the folder is in use; the system lets go of it however this process ends.
    _lock: OwnedFd,
}

impl Scratch {
    /// Makes one in `within`, or else where this machine keeps temporary files (`TMPDIR`).
    pub fn make(within: Option<&Path>) -> Result<Self> {
        let base = within.map_or_else(std::env::temp_dir, Path::to_owned);
        sweep(&base);
        let path = base.join(format!("{PREFIX}{}", uuid::Uuid::now_v7().simple()));
        let failed = |why: std::io::Error| files::failed("make the folder", &path, &why);
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(failed)?;
        let lock = lock(&path).map_err(|why| failed(why.into()))?;
        Ok(Self { path, _lock: lock })
    }

    /// A path in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn lock(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::open(path, flags, Mode::empty())?;
    rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive)?;
    Ok(folder)
}

/// Removes the folders whose process was killed: nobody holds their locks any more.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
        if ours && age.is_some_and(|age| age > YOUNG) && lock(&entry.path()).is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abandoned_folder_is_swept_and_one_in_use_is_not() {
        let base = std::env::temp_dir().join(format!("scratch-test-{}", std::process::id()));
        fs::create_dir_all(&base).unwrap();
        let used = Scratch::make(Some(&base)).unwrap();
        let abandoned = base.join(format!("{PREFIX}abandoned"));
        fs::create_dir_all(abandoned.join("in")).unwrap();
        let old = std::time::SystemTime::now() - 2 * YOUNG;
        for path in [&abandoned, &used.path] {
            fs::File::open(path).unwrap().set_modified(old).unwrap();
        }
        sweep(&base);
        assert!(!abandoned.exists() && used.path.exists());
        let path = used.path.clone();
        drop(used);
        assert!(!path.exists());
        fs::remove_dir(&base).unwrap();
    }
}
