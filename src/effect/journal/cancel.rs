//! A run that goes on is asked to end from another terminal: which process carries it out, and who asks.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Journal;
use super::record::{RunRecord, State};
use crate::base::error::{Error, Result};
use crate::sys::environment;
use crate::sys::files;
use crate::sys::lock::FileLock;
use crate::sys::process::Holder;

/// As much as is read of what a run or a person wrote beside the record.
const MOST: u64 = 64 * 1024;

/// That somebody asked a run to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Who.
    pub by: String,
    /// Taking back ends too.
    pub force: bool,
}

/// Who asked the run of the project at `project` to end, if somebody did.
#[must_use]
pub fn asked_to_end(project: &Path, run: &str) -> Option<Asked> {
    let path = project.join(".playbook/live").join(run);
    serde_json::from_str(&files::read_text(&wish(&path), MOST).ok()?).ok()
}

/// Writes into the lock of a run which process it is; what was asked of an earlier one no longer counts.
pub(super) fn sign(alive: &FileLock, path: &Path) -> Result<()> {
    files::remove(&wish(path))?;
    alive.sign(&format!("{} {}\n", std::process::id(), environment::host()), path)
}

/// The file that holds what is asked of the run whose lock lies at `path`.
pub(super) fn wish(path: &Path) -> PathBuf {
    path.with_extension("cancel")
}

impl Journal {
    /// Asks the run to end, as a termination signal does; `false` when its process is gone by now.
    pub fn ask_to_end(&self, run: &RunRecord, asked: &Asked) -> Result<bool> {
        let path = self.alive(&run.id);
        let Some(holder) = self.carrier(run)? else { return Ok(false) };
        let text =
            serde_json::to_vec(asked).map_err(|why| Error::bug("a wish is no JSON").why(why.to_string()))?;
        files::replace(&wish(&path), &text)?;
        let sent = holder.ask_to_end();
        if !matches!(sent, Ok(true)) {
            files::remove(&wish(&path))?;
        }
        sent
    }

    /// The process that carries a run out, proven to be it; `None` when the run has come to its end meanwhile.
    fn carrier(&self, run: &RunRecord) -> Result<Option<Holder>> {
        let (id, path) = (&run.id, self.alive(&run.id));
        let signed = files::read_text(&path, MOST).unwrap_or_default();
        let (number, host) = signed.trim_end().split_once(' ').unwrap_or_default();
        if !host.is_empty() && host != environment::host() {
            return Err(Error::usage(format!("the run {id} goes on at another machine: {host}"))
                .fix(format!("say it there: `playbook cancel {id}`")));
        }
        if let Some(holder) = Holder::of(number.parse().unwrap_or(0), &path)? {
            return Ok(Some(holder));
        }
        if self.state(id)? != Some(State::Running) {
            return Ok(None);
        }
        Err(Error::missing(format!("the process of the run {id} cannot be seen from here"))
            .why("the lock of the run is held, and by no process that this one can look at")
            .fix("say it where the run was begun: in its container, or as its person"))
    }
}
