//! `playbook doctor`: what can be reached, with which right, in which version, and what to do where not.

use std::time::Duration;

use serde_json::{Value, json};

use super::style::{Line, Paint, Style, clean};
use crate::base::error::Result;
use crate::base::exit::Exit;
use crate::base::text;
use crate::effect::family::Families;
use crate::run::doctor::{self, Finding, State, Visit};
use crate::run::project::Project;

/// Two spaces between columns.
const GAP: usize = 2;

/// What the command line asks for.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The environment, where it was named.
    pub environment: Option<&'a str>,
    /// The resources by name; all of them when empty.
    pub only: &'a [String],
    /// How long each may take: "10s".
    pub timeout: &'a str,
}

/// Who hears of it: lines of JSON as they come, or one text at the end and the state of things meanwhile.
pub struct Ears<'a> {
    /// How the text is drawn; `None` for lines of JSON.
    pub style: Option<Style>,
    /// Prints what is to stay.
    pub print: &'a mut dyn FnMut(&str),
    /// Shows what is going on, in place of what it showed before; empty for nothing more.
    pub meanwhile: &'a mut dyn FnMut(&str),
}

/// Looks at an environment and tells what was found.
pub fn doctor(project: &Project, asked: &Asked<'_>, families: Families, ears: Ears<'_>) -> Result<Exit> {
    let within: Duration = text::parse_duration(asked.timeout)?;
    let environment = project.environment(asked.environment)?;
    let visit = Visit { environment, only: asked.only.to_vec(), within };
    let Ears { style, print, meanwhile } = ears;
    let mut told = |finding: &Finding, waiting: &[String]| match style {
        Some(_) => meanwhile(&waits(waiting)),
        None => print(&format!("{}\n", machine(finding))),
    };
    let found = doctor::examine(project, &visit, families, &mut told);
    meanwhile("");
    let (findings, exit) = found?;
    let wrong = findings.iter().filter(|one| one.is_wrong()).count();
    let name = &visit.environment.name;
    match style {
        Some(style) => print(&draw(name, &findings, style)),
        None => {
            let last = json!({
                "event": "doctor", "environment": name, "exit": exit.code(), "examined": findings.len(), "wrong": wrong,
            });
            print(&format!("{last}\n"));
        }
    }
    Ok(exit)
}

fn waits(waiting: &[String]) -> String {
    match waiting {
        [] => String::new(),
        [one] => format!("waiting for {one} …"),
        [one, two] => format!("waiting for {one} and {two} …"),
        [one, two, rest @ ..] => format!("waiting for {one}, {two} and {} more …", rest.len()),
    }
}

fn machine(finding: &Finding) -> Value {
    let mut value = json!(finding);
    value["event"] = "examined".into();
    value
}

fn draw(environment: &str, findings: &[Finding], style: Style) -> String {
    let mut out = format!("{}\n\n", Line::default().with(Paint::Bold, environment).show(style));
    let rows: Vec<[String; 5]> = findings.iter().map(cells).collect();
    let widths: [usize; 4] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0) + GAP
    });
    for (finding, row) in findings.iter().zip(&rows) {
        let (mark, paint) = mark(finding.state);
        let mut line = Line::indented(1).with(paint, mark).with(Paint::Plain, " ");
        let mut end = line.len();
        for (column, (cell, width)) in row.iter().zip(widths.iter().chain([&0])).enumerate() {
            let paint = match column {
                0 => Paint::Bold,
                1 => paint,
                4 => Paint::Dim,
                _ => Paint::Plain,
            };
            line = line.padded(end).with(paint, cell);
            end += width;
        }
        out += line.show(style).trim_end();
        out.push('\n');
    }
    out += &complaints(findings, style);
    out + "\n" + &verdict(findings) + "\n"
}

fn cells(finding: &Finding) -> [String; 5] {
    let access = finding.access.map(|effect| effect.word().to_owned()).unwrap_or_default();
    let version = finding.version.as_deref().map(|text| text::headline(&clean(text), 40)).unwrap_or_default();
    [finding.name.clone(), finding.state.words().to_owned(), access, version, finding.facts.join(" · ")]
}

const fn mark(state: State) -> (&'static str, Paint) {
    match state {
        State::Ok => ("✔", Paint::Good),
        State::NotSeen => ("–", Paint::Dim),
        State::Trouble => ("!", Paint::Warn),
        _ => ("✗", Paint::Bad),
    }
}

/// What is wrong and what to do; the same words of two findings (a secret and its resource) once.
fn complaints(findings: &[Finding], style: Style) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut out = String::new();
    // The resource names the matter better than the line of all secrets.
    for finding in findings.iter().filter(|one| one.name.contains('.')).chain(findings) {
        for trouble in &finding.troubles {
            if said.contains(&trouble.what) {
                continue;
            }
            said.push(trouble.what.clone());
            let name = style.paint(Paint::Bad, &finding.name);
            let lines: Vec<String> = trouble.to_string().lines().map(clean).collect();
            out += &format!("\n{name}: {}\n", lines.join("\n"));
        }
    }
    out
}

fn verdict(findings: &[Finding]) -> String {
    let wrong: Vec<&str> =
        findings.iter().filter(|one| one.is_wrong()).map(|one| one.name.as_str()).collect();
    match wrong.as_slice() {
        [] => "everything that was looked at can be used".to_owned(),
        [one] => format!("1 of {} needs attention: {one}", findings.len()),
        several => format!("{} of {} need attention: {}", several.len(), findings.len(), several.join(", ")),
    }
}
