//! `playbook report RUN`: the checklist as a run filled it in, as a document that people sign and machines read.

mod html;
mod json;
mod junit;
mod markdown;
pub mod rows;
mod signoff;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use jiff::Timestamp;

#[cfg(feature = "serve")]
pub(super) use html::STYLE;

use self::rows::Row;
use super::runs;
use super::show::nothing;
use super::style::Paint;
use super::timeline::{Bar, Timeline};
use super::tree::{Node, Tree};
use crate::base::error::{Error, Result};
use crate::base::event::Event;
use crate::base::outcome::Outcome;
use crate::base::text::show_duration;
use crate::effect::journal::{Entry, Journal, RunKind, RunRecord, State, Verdict};
use crate::run::reversed;
use crate::sys::{clock, files};

/// In which form the report is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Markdown, for a pull request or a wiki.
    Md,
    /// One file for a browser and for paper.
    Html,
    /// One document for machines.
    Json,
    /// JUnit XML, for what shows test results.
    Junit,
}

impl Form {
    /// The form that a file's name asks for.
    fn of(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()? {
            "md" => Some(Self::Md),
            "html" | "htm" => Some(Self::Html),
            "json" => Some(Self::Json),
            "xml" => Some(Self::Junit),
            _ => None,
        }
    }
}

/// What the command line asks for.
#[derive(Debug)]
pub struct Wanted {
    /// The run.
    pub run: String,
    /// The form; else what the file's name says, else Markdown.
    pub form: Option<Form>,
    /// Where to; else it is printed.
    pub out: Option<PathBuf>,
}

/// Everything that stands in a report.
#[derive(Clone, Debug)]
pub struct Report {
    /// The run.
    pub record: RunRecord,
    /// What happened in it.
    pub tree: Tree,
    /// When.
    pub timeline: Timeline,
    /// How it went against the saved plan that it was held to: a [`Event::PlanCompared`].
    pub compared: Option<Event>,
    /// The runs that took it back afterwards, oldest first.
    pub reversals: Vec<Reversal>,
    /// Whether its record is as it was written.
    pub verdict: Verdict,
    /// When the report is made.
    pub made: Timestamp,
}

/// A run that took this one back afterwards.
#[derive(Clone, Debug)]
pub struct Reversal {
    /// The run.
    pub record: RunRecord,
    /// What it took back, and what it could not.
    pub tree: Tree,
}

impl Reversal {
    /// One sentence of it.
    #[must_use]
    pub fn told(&self) -> String {
        let (id, person) = (&self.record.id, &self.record.facts.person);
        match reversed::is_refused(&self.record) {
            true => format!("A rollback by {person} was refused, and did nothing: the run {id}"),
            false => format!("Taken back afterwards by the run {id} of {person}: {}", self.words()),
        }
    }

    /// What came of it, in words.
    #[must_use]
    pub fn words(&self) -> &'static str {
        let is_back = |item: &Node| item.end.as_ref().is_some_and(|end| end.outcome == Outcome::Done);
        match self.record.outcome {
            Some(Outcome::NotTakenBack) if self.tree.unwound_items().any(is_back) => "in part",
            _ => runs::outcome(&self.record).1,
        }
    }
}

/// The report that is asked for: printed, or written to a file and told so. `journal` is what [`Journal::find`] gave.
pub fn report(journal: Option<&Journal>, wanted: &Wanted) -> Result<String> {
    let report = Report::gather(journal.ok_or_else(nothing)?, &wanted.run)?;
    let by_name = wanted.out.as_deref().filter(|file| wanted.form.is_none() && file.extension().is_some());
    let by_name = by_name.map(|file| {
        Form::of(file).ok_or_else(|| {
            Error::usage(format!("the name `{}` says no form that a report has", file.display()))
                .fix("end it with .md, .html, .json or .xml (JUnit), or say `--format`")
        })
    });
    let form = wanted.form.or(by_name.transpose()?).unwrap_or(Form::Md);
    let text = report.write(form)?;
    let Some(file) = &wanted.out else { return Ok(text) };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty() && !files::is_folder(folder));
    files::write_public(file, text.as_bytes())?;
    let made = folder.map(|folder| format!(" (the folder {} was made for it)", folder.display()));
    Ok(format!(
        "the report of the run {} is in {}{}\n",
        report.record.id,
        file.display(),
        made.unwrap_or_default()
    ))
}

impl Report {
    /// The report of the run that `wanted` names.
    pub fn gather(journal: &Journal, wanted: &str) -> Result<Self> {
        let record = journal.run(wanted)?;
        if record.facts.kind == RunKind::Unlock {
            return Err(Error::usage(format!("the run {} only took a lock away", record.id))
                .fix(format!("see `playbook show {}`", record.id)));
        }
        let entries = journal.entries(&record.id)?;
        let record = record.counting(&entries);
        let verdict = journal.verify(&record.id)?;
        let reversals = journal.reversals(&record.id)?;
        let mut report = Self::new(record, &entries, (reversals, verdict), clock::now());
        for reversal in &mut report.reversals {
            for entry in journal.entries(&reversal.record.id)? {
                report.tree.hear_later(&entry.event);
                reversal.tree.hear(&entry.event);
            }
        }
        Ok(report)
    }

    /// The report of a run with these entries, of which the rest is known already.
    #[must_use]
    pub fn new(
        record: RunRecord,
        entries: &[Entry],
        (reversals, verdict): (Vec<RunRecord>, Verdict),
        made: Timestamp,
    ) -> Self {
        let (mut tree, mut timeline, mut compared) = (Tree::default(), Timeline::default(), None);
        for entry in entries {
            tree.hear(&entry.event);
            timeline.hear(entry.at, &entry.event);
            if matches!(entry.event, Event::PlanCompared { .. }) {
                compared = Some(entry.event.clone());
            }
        }
        let reversal = |record| Reversal { record, tree: Tree::default() };
        let reversals = reversals.into_iter().rev().map(reversal).collect();
        Self { record, tree, timeline, compared, reversals, verdict, made }
    }

    /// The document in a form.
    pub fn write(&self, form: Form) -> Result<String> {
        match form {
            Form::Md => Ok(markdown::write(self)),
            Form::Html => Ok(html::write(self)),
            Form::Json => runs::json(&json::value(self)),
            Form::Junit => Ok(junit::write(self)),
        }
    }

    /// What the playbook is called.
    #[must_use]
    pub fn title(&self) -> &str {
        let facts = &self.record.facts;
        let title = facts.title.trim_end_matches('.');
        if title.is_empty() { &facts.playbook } else { title }
    }

    /// How the run ended or stands: colour, mark and words.
    #[must_use]
    pub fn outcome(&self) -> (Paint, &'static str, &'static str) {
        let (paint, words) = runs::outcome(&self.record);
        let mark = match paint {
            _ if self.record.outcome == Some(Outcome::TakenBack) => "↩",
            Paint::Good => "✔",
            Paint::Bad => "✘",
            Paint::Live => "▸",
            _ => "■",
        };
        (paint, mark, words)
    }

    /// What became of the run afterwards, behind how it ended.
    #[must_use]
    pub fn afterwards(&self) -> String {
        let has = |wanted: &str| self.reversals.iter().any(|by| by.words() == wanted);
        match (has("done"), has("in part")) {
            (false, false) => String::new(),
            (whole, _) => format!(", {}", runs::later(&self.record, whole)),
        }
    }

    /// The rows of the checklist. What a process was at that is gone does not run.
    #[must_use]
    pub fn checklist(&self) -> Vec<Row> {
        let mut rows = rows::checklist(&self.tree);
        if self.record.state == State::Interrupted {
            for row in rows.iter_mut().filter(|row| row.state == "running") {
                (row.paint, row.mark, row.state) = (Paint::Warn, "■", "cut off");
            }
        }
        rows
    }

    /// What is known of the run, name by name.
    #[must_use]
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let (record, facts) = (&self.record, &self.record.facts);
        let instant = runs::instant;
        let mut found = vec![
            ("run", record.id.clone()),
            ("playbook", facts.playbook.clone()),
            ("environment", facts.environment.clone()),
            ("person", facts.person.clone()),
            ("began", instant(record.started)),
        ];
        found.extend(record.ended.map(|at| ("ended", instant(at))));
        found.extend(runs::took(record).map(|took| ("took", show_duration(took))));
        found.extend(record.exit_code.map(|code| ("exit code", code.to_string())));
        if !facts.parameters.is_empty() {
            let all = facts.parameters.iter().map(|(name, value)| format!("{name} = {value}"));
            found.push(("parameters", all.collect::<Vec<_>>().join(", ")));
        }
        let more = [
            ("plan", &facts.plan),
            ("glass broken", &facts.break_glass),
            (if facts.kind == RunKind::Rollback { "takes back" } else { "from run" }, &facts.parent),
        ];
        found.extend(more.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        found.extend(record.waits.as_ref().map(|waits| ("waits for", waits.what.clone())));
        found.push(("script", facts.script.clone()));
        found.push(("version", format!("playbook {}", facts.version)));
        found
    }

    /// Whether the record is as it was written, in words; the head of its chain proves it to whoever noted that.
    #[must_use]
    pub fn verified(&self) -> String {
        let verdict = &self.verdict;
        match &verdict.fault {
            None => format!("the record verifies: {} entries, head {}", verdict.entries, verdict.head),
            Some(fault) => format!("THE RECORD DOES NOT VERIFY: {fault}"),
        }
    }

    /// The bars that take time as steps do, for the table of times.
    #[must_use]
    pub fn times(&self) -> Vec<&Bar> {
        self.timeline.bars.iter().filter(|bar| !bar.name.is_empty()).collect()
    }

    /// How long the whole is to which a bar is compared.
    #[must_use]
    pub fn whole(&self) -> std::time::Duration {
        let timeline = &self.timeline;
        let is_open = timeline.bars.iter().any(|bar| bar.to.is_none());
        let until = if is_open { Some(self.made) } else { timeline.until };
        match (timeline.began, until) {
            (Some(began), Some(until)) => super::timeline::since(began, until),
            _ => std::time::Duration::ZERO,
        }
    }
}
