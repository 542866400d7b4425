//! Paths that a script names: they lie within the project, whatever they look like.

use std::path::{Component, Path, PathBuf};

use crate::base::error::{Error, Kind, Result};
use crate::base::suggest;
use crate::sys::files;

/// A file within `folder` that has to be there; else a denial, or what it may have been meant to be.
pub fn present(folder: &Path, relative: &str) -> Result<PathBuf> {
    let path = inside(folder, Path::new(relative))?;
    if files::exists(&path) {
        return Ok(path);
    }
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let near = path.parent().and_then(|parent| files::list(parent, ending).ok()).unwrap_or_default();
    let beside = Path::new(relative).parent().unwrap_or(Path::new(""));
    let name = |file: &PathBuf| Some(beside.join(file.file_name()?).display().to_string());
    let names: Vec<String> = near.iter().filter_map(name).collect();
    let error = Error::missing(format!("there is no file {relative} in the project"));
    Err(error.fix(match suggest::nearest(relative, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "put it there, or mend the path: it begins at the folder of playbook.toml".to_owned(),
    }))
}

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
