//! The contents of what is followed: a change is a change of content, not of a time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::Followed;
use crate::sys::files;
use crate::sys::watching::{self, Mark};

/// A file larger than this is compared by its size and time.
const LARGEST: u64 = 16 * 1024 * 1024;

/// What was found the last time.
#[derive(Debug, Default)]
pub struct Snapshot {
    files: BTreeMap<PathBuf, (Mark, Content)>,
    folders: BTreeSet<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Hash([u8; 32]),
    Large(Mark),
}

impl Snapshot {
    /// Looks again; gives the files whose content is not what it was, came or went, in order.
    pub fn look(&mut self, followed: &Followed) -> Vec<PathBuf> {
        let (mut found, mut folders) = (BTreeMap::new(), BTreeSet::new());
        for folder in &followed.folders {
            let below = watching::below(folder);
            folders.extend(below.folders);
            folders.extend(nearest(folder.parent()));
            found.extend(below.files.into_iter().filter(|(path, _)| !followed.is_own(path, folder)));
        }
        for file in &followed.files {
            folders.extend(nearest(file.parent()));
            found.extend(watching::mark(file).map(|mark| (file.clone(), mark)));
        }
        let before = std::mem::take(&mut self.files);
        let mut changed: BTreeSet<PathBuf> =
            before.keys().filter(|path| !found.contains_key(*path)).cloned().collect();
        for (path, mark) in found {
            let content = match before.get(&path) {
                Some((then, content)) if *then == mark => content.clone(),
                _ => read(&path, &mark),
            };
            if before.get(&path).is_none_or(|(_, then)| *then != content) {
                changed.insert(path.clone());
            }
            self.files.insert(path, (mark, content));
        }
        self.folders = folders;
        changed.into_iter().collect()
    }

    /// The folders that have to be watched: those that are followed, and those in which something followed lies.
    #[must_use]
    pub const fn folders(&self) -> &BTreeSet<PathBuf> {
        &self.folders
    }

    /// How many files are followed.
    #[must_use]
    pub fn count(&self) -> usize {
        self.files.len()
    }
}

fn read(path: &Path, mark: &Mark) -> Content {
    match files::read_bytes(path, LARGEST) {
        Ok(bytes) => Content::Hash(Sha256::digest(&bytes).into()),
        Err(_) => Content::Large(mark.clone()),
    }
}

/// The folder itself, or the nearest above it that is there: in it, it will be made anew.
fn nearest(folder: Option<&Path>) -> Option<PathBuf> {
    let folder = folder.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
    folder.ancestors().find(|folder| files::exists(folder)).map(Path::to_path_buf)
}
