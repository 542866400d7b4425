//! What a playbook is made of: its own file, the modules it imports, the files and folders that it names, `playbook.toml`.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::base::error::Result;
use crate::effect::family::Families;
use crate::run::exec;
use crate::run::order::Order;
use crate::run::project;
use crate::sys::files;

/// What is followed.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    /// Single files.
    pub files: BTreeSet<PathBuf>,
    /// Folders with all that is in them.
    pub folders: BTreeSet<PathBuf>,
    /// What the run itself may write: a change there is its own doing.
    pub without: BTreeSet<PathBuf>,
}

impl Followed {
    /// What the playbooks of `orders` are made of, and `more`. What cannot be read yet is followed as far as it is known.
    pub fn of(orders: &[Order], more: &[PathBuf], families: Families) -> Self {
        let mut followed = Self::default();
        for path in more {
            if files::is_folder(path) {
                followed.folders.insert(path.clone())
            } else {
                followed.files.insert(path.clone())
            };
        }
        for order in orders {
            // A playbook with a mistake is followed until it has none.
            let _ = followed.add(order, families);
        }
        followed
    }

    fn add(&mut self, order: &Order, families: Families) -> Result<()> {
        let ready = order.read(families)?;
        self.files.insert(ready.folder.join(project::FILE));
        for resource in ready.environment.resources.values().filter(|one| !one.grant.is_read()) {
            self.written(&ready.folder, &resource.settings);
        }
        let checked = exec::check(&ready, families)?;
        for script in &checked.scripts {
            if script.name != ready.name && !script.name.starts_with("std/") {
                self.files.insert(ready.folder.join(format!("{}.rhai", script.name)));
            }
            for text in texts(&script.text) {
                self.named(&ready.folder, &text);
            }
        }
        Ok(())
    }

    /// Every text in the settings of a resource that may be a path below the project.
    fn written(&mut self, folder: &Path, settings: &Value) {
        match settings {
            Value::String(text) if is_path(text) => drop(self.without.insert(folder.join(text))),
            Value::Array(items) => items.iter().for_each(|item| self.written(folder, item)),
            Value::Object(map) => map.values().for_each(|item| self.written(folder, item)),
            _ => {}
        }
    }

    /// Whether a change of `path`, which lies below `root`, is the run's own doing; not where that was asked for.
    pub(super) fn is_own(&self, path: &Path, root: &Path) -> bool {
        self.without.iter().filter(|one| !root.starts_with(one)).any(|one| {
            let beside = || path.to_string_lossy().starts_with(&format!("{}-", one.display()));
            path.starts_with(one) || beside()
        })
    }

    /// A text of a script that is the path of something below the project.
    fn named(&mut self, folder: &Path, text: &str) {
        let path = folder.join(text);
        if !is_path(text) || !files::exists(&path) || self.is_own(&path, Path::new("")) {
            return;
        }
        if files::is_folder(&path) {
            self.folders.insert(path)
        } else {
            self.files.insert(path)
        };
    }
}

/// Whether a text may be a path below the project.
fn is_path(text: &str) -> bool {
    let is_inside = Path::new(text).components().all(|part| matches!(part, Component::Normal(_)));
    is_inside && !text.is_empty() && text.len() < 200 && !text.contains(['\n', '$', ' ', ':'])
}

/// The texts of a script, as far as they stand in quotes in one line.
fn texts(script: &str) -> Vec<String> {
    let code = script.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split('"').skip(1).step_by(2)).map(str::to_owned).collect()
}
