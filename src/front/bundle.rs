//! `playbook bundle RUN`: one run as one file that can be checked anywhere.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::runs::{Format, json};
use super::show::nothing;
use crate::base::error::Result;
use crate::effect::journal::Journal;
use crate::sys::files;

/// Writes the run that `wanted` names to `file`, or to `RUN.bundle`; `journal` is what [`Journal::find`] gave.
pub fn bundle(
    journal: Option<&Journal>,
    wanted: &str,
    file: Option<&Path>,
    output: Format,
) -> Result<String> {
    let journal = journal.ok_or_else(nothing)?;
    let mut bytes = Vec::new();
    let verdict = journal.bundle(wanted, &mut bytes)?;
    let file = file.map_or_else(|| PathBuf::from(format!("{}.bundle", verdict.run)), Path::to_path_buf);
    files::replace(&file, &bytes)?;
    match output {
        Format::Json => json(&json!({ "file": file.display().to_string(), "run": verdict })),
        Format::Text(_) => Ok(format!(
            "run {} with {} entries is in {}\nhead {}\nplaybook verify {}\n",
            verdict.run,
            verdict.entries,
            file.display(),
            verdict.head,
            file.display()
        )),
    }
}
