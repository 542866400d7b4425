//! What is known of a service between runs: the process that was started last, in a file that is always true.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::sys::files;
use crate::sys::process::{Command, Identity};

/// A larger state file was not written here; in bytes.
const LARGEST: u64 = 1024 * 1024;

/// The process that was started last. Whether it still runs is asked of the system each time, never kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    /// Which process it is; none once it was ended.
    pub(super) process: Option<Identity>,
    /// It was asked to end: it may still run, but must not be counted on.
    #[serde(default)]
    pub(super) ending: bool,
    /// The release that was started.
    pub(super) release: Option<String>,
    /// When it was started, RFC 3339.
    pub(super) since: String,
    /// The program's path.
    pub(super) program: PathBuf,
    /// Its arguments.
    pub(super) args: Vec<String>,
}

impl State {
    /// What is written right after a start.
    pub(super) fn started(cx: &Cx, process: Identity, release: Option<String>, command: &Command) -> Self {
        let (program, args) = (command.program.clone(), command.arguments.clone());
        Self { process: Some(process), ending: false, release, since: cx.now(), program, args }
    }

    /// The state in the file at `path`; none when nothing was started yet.
    pub(super) fn read(cx: &Cx, path: &Path) -> Result<Option<Self>> {
        if !files::exists(path) {
            return Ok(None);
        }
        let text = files::read_text(path, LARGEST)?;
        serde_json::from_str(&text).map(Some).map_err(|why| {
            Error::remote(format!("the state of `{}` cannot be understood", cx.resource()))
                .why(format!("{}: {why}", path.display()))
                .fix("look which process of it runs, end it, and remove that file")
        })
    }

    /// Writes the file as a whole.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|why| Error::bug(format!("a state cannot be written: {why}")))?;
        files::replace(path, &text)
    }

    /// The process, when it runs now.
    pub(super) fn living(&self) -> Option<Identity> {
        self.process.filter(|process| process.is_alive())
    }

    /// Whether it runs and was not asked to end.
    pub(super) fn runs(&self) -> bool {
        !self.ending && self.living().is_some()
    }
}

/// What a script sees of a state.
pub(super) fn told(state: Option<&State>) -> Value {
    let living = state.and_then(State::living);
    json!({
        "running": living.is_some(),
        "pid": living.map(|process| process.pid),
        "release": state.and_then(|state| state.release.clone()),
        "since": state.filter(|_| living.is_some()).map(|state| state.since.clone()),
    })
}
