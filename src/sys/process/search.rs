//! Where a program lies that is called by its bare name.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

/// Where programs were found, as a shell remembers it: the folders are not searched again while the file is there.
static FOUND: LazyLock<Mutex<HashMap<String, PathBuf>>> = LazyLock::new(Mutex::default);

/// The first executable file called `name` in the folders of `PATH`; `None` when there is none.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = found.get(name).filter(|path| is_program(path)) {
        return Some(path.clone());
    }
    let folders = std::env::var_os("PATH")?;
    let path = std::env::split_paths(&folders)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|path| is_program(path))?;
    found.insert(name.to_owned(), path.clone());
    Some(path)
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_found_and_a_stranger_is_not() {
        assert!(find_program("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find_program("no-such-program-anywhere"), None);
    }
}
