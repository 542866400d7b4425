//! `playbook test`: a team's own tests of its playbooks, each in a copy of the project, with answers in place of systems.

mod crash;
mod sandbox;
mod script;

use std::path::PathBuf;

use clap::Args;

use super::arguments::{Common, Output};
use super::draw;
use super::printing::{print, style};
use super::style::{Line, Paint};
use crate::base::error::{Error, Result};
use crate::base::exit::Exit;
use crate::primitives::FAMILIES;
use crate::run::project::Project;
use crate::sys::copying;
use script::Told;

/// What a test's name ends with.
const ENDING: &str = ".test.rhai";

/// What testing takes.
#[derive(Args, Clone, Debug)]
pub struct Test {
    /// The test files, by their paths from the project's folder; all `*.test.rhai` when left out.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Kills each run just before and just after every record of its journal, goes on with it, and compares the end.
    #[arg(long)]
    pub crash_everywhere: bool,
}

/// Runs the tests.
pub fn test(common: &Common, wanted: &Test) -> Result<Exit> {
    let project = Project::open(common.project.as_deref(), FAMILIES)?;
    let is_test = |path: &PathBuf| path.to_string_lossy().ends_with(ENDING);
    let files = if wanted.files.is_empty() {
        copying::files_below(&project.folder)?.into_iter().filter(is_test).collect()
    } else {
        wanted.files.clone()
    };
    if files.is_empty() {
        return Err(Error::missing(format!("there is no test: no file whose name ends with `{ENDING}`"))
            .fix("write tests/deploy.test.rhai: `let run = exec(\"deploy.rhai\"); check \"done\", run.outcome == \"done\";`"));
    }
    let mut failed = 0;
    let mut all = Vec::new();
    for file in &files {
        let told = script::run(&project.folder, file, wanted.crash_everywhere)?;
        failed += usize::from(!told.is_good());
        if common.output == Output::Text {
            print(&draw::text(&lines(file, &told), style(common)));
        }
        all.push(serde_json::json!({ "file": file.display().to_string(), "passed": told.is_good(), "checks": told.checks, "error": told.error }));
    }
    match common.output {
        Output::Json => print(&format!("{}\n", serde_json::json!({ "event": "tested", "tests": all }))),
        Output::Text if failed == 0 => print(&format!("\nall {} passed\n", counted(files.len()))),
        Output::Text => print(&format!("\n{failed} of {} failed\n", counted(files.len()))),
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}

fn counted(count: usize) -> String {
    if count == 1 { "1 test".to_owned() } else { format!("{count} tests") }
}

fn lines(file: &std::path::Path, told: &Told) -> Vec<Line> {
    let (paint, mark) = if told.is_good() { (Paint::Good, "✔ ") } else { (Paint::Bad, "✘ ") };
    let mut lines = vec![
        Line::default()
            .with(paint, mark)
            .with(Paint::Bold, file.display().to_string())
            .with(Paint::Dim, format!("  {}", told.title)),
    ];
    for (name, passed, why) in &told.checks {
        let (paint, mark) = if *passed { (Paint::Good, "✔ ") } else { (Paint::Bad, "✘ ") };
        lines.push(Line::indented(1).with(paint, mark).with(Paint::Plain, name).with(Paint::Dim, why));
    }
    for text in &told.said {
        lines.push(Line::indented(1).with(Paint::Dim, text));
    }
    if let Some(error) = &told.error {
        lines.extend(error.lines().map(|line| Line::indented(1).with(Paint::Bad, line)));
    }
    lines
}
