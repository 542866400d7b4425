//! What of a run is not kept: lines of output and progress, passed on beside the record to whoever looks right now.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::Journal;
use crate::base::event::{Event, Listener};
use crate::sys::tail::{self, Tail};
use crate::sys::{clock, files, lock};

/// How often the progress of one thing is passed on.
const APART: Duration = Duration::from_millis(200);

/// Hears a run, and passes on what the record does not keep.
#[derive(Debug)]
pub struct Aside {
    project: PathBuf,
    tail: OnceLock<Tail>,
    /// When the progress of each thing was told last.
    told: Mutex<HashMap<String, Instant>>,
}

impl Aside {
    /// For a run of the project at `project`, which says itself which it is.
    #[must_use]
    pub fn new(project: &Path) -> Self {
        Self { project: project.to_path_buf(), tail: OnceLock::new(), told: Mutex::default() }
    }

    /// Whether this is no progress, or the first of its thing for a while.
    fn is_news(&self, event: &Event) -> bool {
        let Event::Progress { what, .. } = event else { return true };
        let now = clock::instant();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(what).is_some_and(|before| now.duration_since(*before) < APART) {
            return false;
        }
        told.insert(what.clone(), now);
        true
    }
}

impl Listener for Aside {
    fn hear(&self, event: &Event) {
        if let Event::RunBegan { run, planning: false, .. } = event
            && !run.is_empty()
        {
            let folder = self.project.join(".playbook");
            sweep(&folder);
            let _ = self.tail.set(Tail::new(file(&folder, run)));
        }
        if event.is_kept() || !self.is_news(event) {
            return;
        }
        if let (Some(tail), Ok(line)) = (self.tail.get(), serde_json::to_string(event)) {
            tail.append(&line);
        }
    }
}

impl Journal {
    /// What was passed on beside the record of a run behind `from`, and where to read on.
    #[must_use]
    pub fn aside(&self, run: &str, from: u64) -> (Vec<Event>, u64) {
        let (text, at) = tail::read_on(&file(&self.folder, run), from);
        (text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(), at)
    }
}

fn file(folder: &Path, run: &str) -> PathBuf {
    folder.join("live").join(format!("{run}.lines"))
}

/// Removes what runs that are over have passed on. It stays until then, so that whoever looks gets the last of it too.
fn sweep(folder: &Path) {
    for old in files::list(&folder.join("live"), "lines").unwrap_or_default() {
        if !lock::is_held(&old.with_extension("")) {
            let _ = files::remove(&old);
        }
    }
}
