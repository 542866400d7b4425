//! `playbook verify`: whether the record of one run, or of all, is as it was written.

use serde_json::json;

use super::runs::{Format, json};
use super::show::nothing;
use super::style::{Line, Paint, Style};
use crate::base::error::{Error, Kind, Result};
use crate::effect::journal::{Journal, Verdict};

/// Checks the run that `wanted` names, or all; `Tampered` when the record was changed. `journal` is what
/// [`Journal::find`] gave.
pub fn verify(journal: Option<&Journal>, wanted: Option<&str>, output: Format) -> Result<String> {
    let verdicts = match (journal, wanted) {
        (Some(journal), Some(wanted)) => vec![journal.verify(wanted)?],
        (Some(journal), None) => journal.verify_all()?,
        (None, Some(_)) => return Err(nothing()),
        (None, None) => Vec::new(),
    };
    if let Some(error) = broken(&verdicts) {
        return Err(error);
    }
    match output {
        Format::Json => json(&verdicts),
        Format::Text(_) if verdicts.is_empty() => Ok("no runs yet\n".to_owned()),
        Format::Text(style) => {
            Ok(verdicts.iter().map(|verdict| line(verdict).show(unbounded(style)) + "\n").collect())
        }
    }
}

/// The last hash is the whole point of the line: it is never cut.
const fn unbounded(style: Style) -> Style {
    Style { width: None, ..style }
}

fn line(verdict: &Verdict) -> Line {
    Line::default()
        .with(Paint::Good, "✔ ")
        .with(Paint::Bold, &verdict.run)
        .with(Paint::Plain, format!("  {:>6} entries  ", verdict.entries))
        .with(Paint::Dim, format!("head {}", verdict.head))
}

fn broken(verdicts: &[Verdict]) -> Option<Error> {
    let faults: Vec<String> = verdicts
        .iter()
        .filter_map(|verdict| verdict.fault.as_ref().map(|fault| format!("run {}: {fault}", verdict.run)))
        .collect();
    let (first, rest) = faults.split_first()?;
    let error = Error::new(Kind::Tampered, format!("the journal does not verify: {first}"))
        .fix("the file was changed outside playbook: keep a copy of `.playbook` as evidence, and ask who had access to it")
        .detail("runs", json!(verdicts));
    Some(if rest.is_empty() { error } else { error.why(rest.join("\n")) })
}
