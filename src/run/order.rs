//! What a command asks for, made ready: the project, the environment, the playbook with its header and parameters.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::parameters;
use super::plan::Watch;
use super::project::Project;
use crate::base::decision::Choose;
use crate::base::error::{Error, Result};
use crate::base::event::Listener;
use crate::base::gate::AtTerminal;
use crate::base::suggest;
use crate::effect::consent::Consent;
use crate::effect::environment::{Environment, OnFailure};
use crate::effect::family::Families;
use crate::effect::mocks::Mocks;
use crate::script::header::Header;
use crate::sys::files;

/// What the command line asks for.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// The playbook's file, as typed.
    pub playbook: PathBuf,
    /// The folder of `playbook.toml`, where it was named.
    pub project: Option<PathBuf>,
    /// The environment, where it was named.
    pub environment: Option<String>,
    /// `name=value` of parameters.
    pub set: Vec<String>,
    /// What happens when the run fails, where the command line says so.
    pub on_failure: Option<OnFailure>,
    /// How long to wait for a lock that another run holds; not at all when it is not said.
    pub patience: Option<Duration>,
    /// Why the environment is changed although its windows are closed.
    pub break_glass: Option<String>,
    /// A wait that is longer ends the process, and so does a gate; none does when it is not said.
    pub detach: Option<Duration>,
}

/// Asks the person at the terminal a yes or no.
pub type Ask = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Who a run talks with.
#[derive(Clone, Default)]
pub struct Audience {
    /// Who is told of every event.
    pub listeners: Vec<Arc<dyn Listener>>,
    /// The person at the terminal, if there is one.
    pub ask: Option<Ask>,
    /// Lets that person choose how it goes on where something failed.
    pub choose: Option<Choose>,
    /// Who has to say yes before a change begins, if anybody has.
    pub consent: Option<Consent>,
    /// What a test answers in place of systems.
    pub mocks: Option<Arc<Mocks>>,
    /// Asks that person at a gate.
    pub at_gate: Option<AtTerminal>,
    /// How many bytes the process has allocated; only the binary owns its allocator.
    pub allocated: Option<fn() -> usize>,
}

/// An order made ready: everything was read and checked, nothing was run.
#[derive(Clone, Debug)]
pub struct Ready {
    /// The project's folder.
    pub folder: PathBuf,
    /// The environment of the run, its limits already those of the run.
    pub environment: Environment,
    /// The playbook's name: its path from the project's folder.
    pub name: String,
    /// The playbook's text.
    pub text: String,
    /// The playbook's header.
    pub header: Header,
    /// The parameters' values.
    pub parameters: Map<String, Value>,
    /// How long to wait for a lock that another run holds.
    pub patience: Option<Duration>,
    /// The saved plan that the run is held to.
    pub plan: Option<Arc<Watch>>,
    /// A wait that is longer ends the process, and so does a gate.
    pub detach: Option<Duration>,
    /// The scripts as they ran once, by name; empty when those of today are meant.
    pub recorded: BTreeMap<String, String>,
}

impl Order {
    /// Reads everything the order names.
    pub fn ready(&self, families: Families) -> Result<Ready> {
        let mut ready = self.read(families)?;
        ready.parameters = parameters::resolve(&ready.header, &ready.environment, &self.set)?;
        Ok(ready)
    }

    /// Reads everything the order names but the parameters, which a check does not need.
    pub fn read(&self, families: Families) -> Result<Ready> {
        self.read_with(None, families)
    }

    /// The same, where the playbook's text is `text` and not what its file holds: an editor knows better.
    pub fn read_with(&self, text: Option<&str>, families: Families) -> Result<Ready> {
        if !files::exists(&self.playbook) {
            return Err(absent(&self.playbook));
        }
        if files::is_folder(&self.playbook) {
            return Err(folder(&self.playbook));
        }
        if self.playbook.extension().is_some_and(|extension| extension != ENDING) {
            return Err(Error::usage(format!("{} is no playbook", self.playbook.display()))
                .why("a playbook is a file whose name ends with `.rhai`")
                .fix("name such a file: `playbook` alone lists those of the project"));
        }
        let path = files::real_path(&self.playbook)?;
        let near = path.parent().map(Path::to_path_buf);
        let project = match &self.project {
            Some(folder) => Project::open(Some(folder), families)?,
            None => Project::open_above(&near.unwrap_or_default(), families)?,
        };
        let mut environment = project.environment(self.environment.as_deref())?;
        let name = path
            .strip_prefix(&project.folder)
            .map_or_else(|_| path.display().to_string(), |name| name.display().to_string());
        environment.windows.broken = self.break_glass.clone();
        let text = match text {
            Some(text) => text.to_owned(),
            None => files::read_text(&path, environment.limits.source)?,
        };
        let header = Header::read(&name, &text)?;
        if let Some(timeout) = header.timeout {
            environment.limits.timeout = environment.limits.timeout.min(timeout);
        }
        if let Some(on_failure) = self.on_failure.or(header.on_failure) {
            environment.on_failure = on_failure;
        }
        let patience = self.patience;
        Ok(Ready {
            folder: project.folder,
            environment,
            name,
            text,
            header,
            parameters: Map::new(),
            patience,
            plan: None,
            detach: self.detach,
            recorded: BTreeMap::new(),
        })
    }
}

/// What the name of a playbook's file ends with; one without an ending may be run as a command.
const ENDING: &str = "rhai";

/// What is said of a playbook that is not there: what may have been meant by its name.
fn absent(file: &Path) -> Error {
    let error = Error::missing(format!("there is no playbook {}", file.display()));
    let beside = file.parent().unwrap_or(Path::new(""));
    let here = if beside.as_os_str().is_empty() { Path::new(".") } else { beside };
    let found = files::list(here, ENDING).unwrap_or_default();
    let name = |path: &PathBuf| Some(beside.join(path.file_name()?).display().to_string());
    let names: Vec<String> = found.iter().filter_map(name).collect();
    // Without the ending as well: `exec deploy` means deploy.rhai.
    let wanted = file.with_extension(ENDING).display().to_string();
    let near = names.iter().find(|name| **name == wanted).map(String::as_str);
    error.fix(match near.or_else(|| suggest::nearest(&wanted, names.iter().map(String::as_str))) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`playbook` alone lists the playbooks of the project".to_owned(),
    })
}

/// What is said where a folder is named in place of a playbook.
fn folder(folder: &Path) -> Error {
    let error = Error::usage(format!("{} is a folder, and no playbook", folder.display()));
    let found = files::list(folder, ENDING).unwrap_or_default();
    let found: Vec<String> = found.iter().take(5).map(|file| file.display().to_string()).collect();
    error.fix(match found.as_slice() {
        [] => "name the file: `playbook` alone lists the playbooks of the project".to_owned(),
        found => format!("name the file, such as {}", suggest::list(found.iter().map(String::as_str))),
    })
}
