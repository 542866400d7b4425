//! Paths that a script names: they lie within the project, whatever they look like.

use std::path::{Component, Path, PathBuf};

use crate::base::error::{Error, Kind, Result};
use crate::sys::files;

/// `relative` within `folder`, or a denial; what does not exist yet is judged by the part that does.
pub fn inside(folder: &Path, relative: &Path) -> Result<PathBuf> {
    let outside = || {
        Error::new(Kind::Denied, format!("`{}` lies outside the project", relative.display()))
            .fix("name a path below the folder of playbook.toml, without `..`")
    };
    if relative.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    let root = files::real_path(folder)?;
    let wanted = root.join(relative);
    let existing = wanted.ancestors().find(|path| files::exists(path)).unwrap_or(&root);
    if files::real_path(existing)?.starts_with(&root) { Ok(wanted) } else { Err(outside()) }
}
