//! What the settings of a resource say about a child process, made ready for starting one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::cx::Cx;
use crate::base::error::{Error, Result};
use crate::base::secret::{Revealed, Setting};
use crate::sys::{environment, files, process};

/// The variables that are passed through when the settings do not say which: a program finds others by `PATH`.
#[must_use]
pub fn passed() -> Vec<String> {
    vec!["PATH".to_owned()]
}

/// The whole environment of a child: `set` by the settings, secrets revealed, and those of `pass` that we have.
pub async fn variables(
    cx: &Cx,
    set: &BTreeMap<String, Setting>,
    pass: &[String],
) -> Result<Vec<(String, Revealed)>> {
    let ours = |name: &String| environment::variable(name).map(|value| (name.clone(), Revealed::new(value)));
    let mut variables: Vec<_> =
        pass.iter().filter(|name| !set.contains_key(*name)).filter_map(ours).collect();
    for (name, setting) in set {
        variables.push((name.clone(), cx.text(setting).await?));
    }
    Ok(variables)
}

/// The program's file: with a `/` in it a path, which begins at the project, else a name looked up in `PATH`.
pub fn program(cx: &Cx, path: &str) -> Result<PathBuf> {
    let found = if path.contains('/') {
        Some(cx.trusted_path(path)).filter(|path| files::exists(path))
    } else {
        process::find_program(path)
    };
    found.ok_or_else(|| {
        let fix = if path.contains('/') {
            format!("put it there, or correct its path in {} of playbook.toml", cx.table())
        } else {
            format!("install it, or name its path in {} of playbook.toml", cx.table())
        };
        Error::missing(format!("there is no program `{path}` for `{}`", cx.resource())).fix(fix).unchanged()
    })
}

/// The folder that a child works in: one of the project, or the project itself.
pub fn folder(cx: &Cx, folder: Option<&str>) -> Result<PathBuf> {
    cx.path(folder.unwrap_or("."))
}
