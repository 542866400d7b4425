//! `playbook verify`: whether the record of one run, of all, or in a bundle is as it was written, and who approved.

use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::runs::{Format, json};
use super::show::nothing;
use super::style::{Line, Paint, Style};
use crate::base::error::{Error, Kind, Result};
use crate::effect::journal::{self, Entry, Facts, Journal, Verdict};
use crate::effect::proof::{self, Proof};
use crate::sys::{files, runtime};

/// More than this is no bundle.
const LARGEST: u64 = 4 * 1024 * 1024 * 1024;

/// What was found out about one run.
#[derive(Debug, Serialize)]
struct Proven {
    #[serde(flatten)]
    verdict: Verdict,
    /// What was answered at its gates.
    approvals: Vec<Proof>,
}

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
    let mut all = Vec::new();
    for verdict in verdicts {
        let approvals = match journal {
            Some(journal) if verdict.answers > 0 => {
                proofs(&journal.run(&verdict.run)?.facts, &journal.entries(&verdict.run)?)?
            }
            _ => Vec::new(),
        };
        all.push(Proven { verdict, approvals });
    }
    told(&all, output)
}

/// Whether there is a file of that name, so that a bundle is meant and not a run.
#[must_use]
pub fn is_file(wanted: &str) -> bool {
    files::exists(Path::new(wanted))
}

/// Checks the bundle in a file; nothing else is asked, so that it can be checked anywhere.
pub fn bundle(file: &Path, output: Format) -> Result<String> {
    let bytes = files::read_bytes(file, LARGEST)?;
    if !journal::looks_like_one(&bytes) {
        return Err(
            Error::usage(format!("{} is no bundle", file.display())).fix("`playbook bundle RUN` makes one")
        );
    }
    let bundle = journal::read_bundle(&bytes)?;
    if let Some(fault) = &bundle.verdict.fault {
        return Err(Error::new(
            Kind::Tampered,
            format!("the bundle does not verify: run {}: {fault}", bundle.verdict.run),
        )
        .fix("ask for the bundle again, from where the journal is: `playbook bundle RUN`"));
    }
    let approvals = proofs(&bundle.facts, &bundle.entries)?;
    told(&[Proven { verdict: bundle.verdict, approvals }], output)
}

fn proofs(facts: &Facts, entries: &[Entry]) -> Result<Vec<Proof>> {
    let runtime = runtime::on_this_thread()?;
    runtime.block_on(proof::of(facts, entries))
}

fn told(all: &[Proven], output: Format) -> Result<String> {
    for proven in all {
        let run = &proven.verdict.run;
        let Some((proof, fault)) = proven.approvals.iter().find_map(|one| Some((one, one.fault.as_ref()?)))
        else {
            continue;
        };
        return Err(Error::new(
            Kind::Tampered,
            format!(
                "the answer of `{}` at “{}” in run {run} does not verify",
                proof.answer.person, proof.answer.name
            ),
        )
        .why(fault)
        .fix("do not count it as an approval, and ask who had access to the journal")
        .detail("approvals", json!(proven.approvals)));
    }
    match output {
        Format::Json => json(&all),
        Format::Text(_) if all.is_empty() => Ok("no runs yet\n".to_owned()),
        Format::Text(style) => Ok(all
            .iter()
            .flat_map(|proven| {
                std::iter::once(line(&proven.verdict)).chain(proven.approvals.iter().map(approval))
            })
            .map(|line| line.show(unbounded(style)) + "\n")
            .collect()),
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

fn approval(proof: &Proof) -> Line {
    let answer = &proof.answer;
    let line = Line::indented(1)
        .with(Paint::Plain, format!("{} {} “{}” ", answer.person, answer.word(), answer.name))
        .with(Paint::Dim, format!("{}, ", answer.at));
    match (&proof.unknown, &proof.fingerprint) {
        (Some(why), _) => line.with(Paint::Warn, format!("the signature could not be checked: {why}")),
        (None, Some(fingerprint)) => line.with(Paint::Good, format!("signed with {fingerprint}")),
        (None, None) => line.with(Paint::Warn, format!("not signed: as good as the login {}", answer.login)),
    }
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
