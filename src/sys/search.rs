//! Finds files by their ending below a folder.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders deeper than this are not looked into.
const DEEPEST: usize = 12;

/// The files below `folder` whose names end in `.` and `extension`, sorted. Folders that `skip` names and symbolic links are
/// not followed; what cannot be read is left out.
#[must_use]
pub fn below(folder: &Path, extension: &str, skip: fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && depth < DEEPEST && !skip(&name.to_string_lossy()) {
                folders.push((path, depth + 1));
            } else if kind.is_file() && path.extension().is_some_and(|have| have == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_below_and_not_in_what_is_skipped() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["b.x", "a/c.x", "a/d.y", "target/e.x"] {
            super::super::files::write_public(&folder.path().join(path), b"").unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/again")).unwrap();
        let found = below(folder.path(), "x", |name| name == "target");
        let names: Vec<_> =
            found.iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a/c.x", "b.x"]);
    }
}
