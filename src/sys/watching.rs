//! Tells that something in some folders may have changed, and reads what lies in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime};

use ignore::WalkBuilder;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::base::error::{Error, Result};

/// Folders that are watched, each without those in it.
pub struct Watching {
    watcher: RecommendedWatcher,
    events: Receiver<()>,
    watched: BTreeSet<PathBuf>,
    /// The system allows no more watches; then it is looked at the clock.
    exhausted: bool,
}

/// What is known of a file without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its size in bytes.
    pub size: u64,
    /// When it was changed.
    pub changed: Option<SystemTime>,
    /// Its number in its file system: another one after a save that renames.
    pub inode: u64,
}

/// What lies below a path.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Files, with what is known of each.
    pub files: Vec<(PathBuf, Mark)>,
    /// Folders.
    pub folders: BTreeSet<PathBuf>,
}

impl Watching {
    /// Nothing yet.
    pub fn new() -> Result<Self> {
        let (tell, events) = channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // That a file was read is no news; an error may hide anything.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
                let _ = tell.send(());
            }
        });
        let watcher = watcher
            .map_err(|why| Error::io("files cannot be watched", &std::io::Error::other(why.to_string())))?;
        Ok(Self { watcher, events, watched: BTreeSet::new(), exhausted: false })
    }

    /// From now on these folders are watched, and no others.
    pub fn watch(&mut self, folders: &BTreeSet<PathBuf>) {
        let gone: Vec<PathBuf> = self.watched.difference(folders).cloned().collect();
        for folder in gone {
            let _ = self.watcher.unwatch(&folder);
            self.watched.remove(&folder);
        }
        self.exhausted = false;
        for folder in folders {
            // Watching again what is watched costs nothing, and finds a folder that was removed and made anew.
            match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.watched.insert(folder.clone())),
                Err(_) if folder.exists() => self.exhausted = true,
                Err(_) => drop(self.watched.remove(folder)),
            }
        }
    }

    /// Whether the system allows no more watches, so that changes are looked for instead of told.
    #[must_use]
    pub const fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// Waits at most `longest` until something may have changed, and then until it has been `quiet` for so long, ten
    /// times that at most. Whether something may have.
    pub fn wait(&self, longest: Duration, quiet: Duration) -> bool {
        match self.events.recv_timeout(longest) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => return self.exhausted,
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(longest);
                return true;
            }
        }
        let end = Instant::now() + quiet * 10;
        while Instant::now() < end && self.events.recv_timeout(quiet).is_ok() {}
        true
    }
}

/// What lies below `path`, without what `.gitignore` files name and without what is hidden; a path that is not there has
/// nothing below it.
#[must_use]
pub fn below(path: &Path) -> Found {
    let mut found = Found::default();
    for entry in WalkBuilder::new(path).require_git(false).parents(true).build().flatten() {
        let Some(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            found.folders.insert(entry.into_path());
        } else if let Some(mark) = mark(entry.path()) {
            found.files.push((entry.into_path(), mark));
        }
    }
    found
}

/// What is known of one file; `None` when it is not there.
#[must_use]
pub fn mark(path: &Path) -> Option<Mark> {
    use std::os::unix::fs::MetadataExt as _;
    let meta = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    Some(Mark { size: meta.len(), changed: meta.modified().ok(), inode: meta.ino() })
}
