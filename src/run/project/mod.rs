//! The project: the folder of `playbook.toml`, and the environments that the file describes.

mod keepers;
pub mod limits;
mod named;
mod pace;
mod people;
mod reading;
pub mod serve;
mod settings;
pub mod telemetry;
mod windows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::effect::environment::Environment;
use crate::effect::family::Families;
use crate::sys::{environment as process, files};

/// The name of the file that makes a folder a project.
pub const FILE: &str = "playbook.toml";

/// The environment that is there when the file describes none, and the one preferred when none is named.
pub const LOCAL: &str = "local";

/// More than this is no settings file.
const LARGEST: u64 = 1024 * 1024;

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder of `playbook.toml`, symbolic links followed.
    pub folder: PathBuf,
    /// What the file describes, by name.
    pub environments: BTreeMap<String, Environment>,
    /// The environment that the file names for commands without `--env`.
    pub default: Option<String>,
    /// How the live page is served.
    pub serve: serve::Serve,
    /// Where the traces of runs go.
    pub telemetry: telemetry::Telemetry,
}

impl Project {
    /// Finds and reads the project in `given`, or else in the current folder or the nearest above it.
    pub fn open(given: Option<&Path>, families: Families) -> Result<Self> {
        let folder = match given {
            Some(folder) => at(folder)?,
            None => above(&process::current_folder()?)?,
        };
        Self::load(folder, families)
    }

    /// Reads the project that `folder` lies in.
    pub fn open_above(folder: &Path, families: Families) -> Result<Self> {
        Self::load(above(folder)?, families)
    }

    fn load(folder: PathBuf, families: Families) -> Result<Self> {
        let text = files::read_text(&folder.join(FILE), LARGEST)?;
        Self::read(folder, &text, families)
    }

    /// Reads `text`, the content of the `playbook.toml` in `folder`. All its mistakes come as one error.
    pub fn read(folder: PathBuf, text: &str, families: Families) -> Result<Self> {
        let (environments, default, (serve, telemetry)) = reading::read(FILE, text, families)?;
        Ok(Self { folder, environments, default, serve, telemetry })
    }

    /// The environment of that name, or the default one.
    pub fn environment(&self, wanted: Option<&str>) -> Result<Environment> {
        let names = || self.environments.keys().map(String::as_str);
        let name = match wanted.or(self.default.as_deref()) {
            Some(name) => name,
            None if self.environments.contains_key(LOCAL) => LOCAL,
            None if self.environments.len() == 1 => names().next().unwrap_or(LOCAL),
            None => {
                return Err(Error::usage("no environment is named").fix(format!(
                    "add --env NAME, one of {}, or put default = \"NAME\" at the top of {FILE}",
                    suggest::list(names())
                )));
            }
        };
        self.environments.get(name).cloned().ok_or_else(|| {
            let near =
                suggest::nearest(name, names()).map(|near| format!("did you mean `{near}`? Otherwise "));
            Error::missing(format!("`{name}` is no environment of {FILE}")).fix(format!(
                "{}choose one of {}",
                near.unwrap_or_default(),
                suggest::list(names())
            ))
        })
    }
}

fn at(folder: &Path) -> Result<PathBuf> {
    if files::exists(&folder.join(FILE)) {
        return files::real_path(folder);
    }
    Err(Error::missing(format!("{} has no {FILE}", folder.display()))
        .fix(format!("name the folder of {FILE} with --project, or leave it out to look from here upwards")))
}

fn above(from: &Path) -> Result<PathBuf> {
    match from.ancestors().find(|folder| files::exists(&folder.join(FILE))) {
        Some(folder) => files::real_path(folder),
        None => {
            Err(Error::missing(format!("there is no {FILE} in {} or above it", from.display())).fix(format!(
                "name its folder with --project DIR, or begin a project: write a {FILE} that says what playbooks may reach here, for example\n\
                 [env.local.http.api]\nurl = \"http://127.0.0.1:8080\""
            )))
        }
    }
}

#[cfg(test)]
mod tests;
