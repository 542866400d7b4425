//! The report as JUnit XML: each outermost step a suite, each step, check, metric and gate a case.

use std::time::Duration;

use super::Report;
use super::rows::{self, Row};
use crate::base::decision::Choice;
use crate::base::error::Error;
use crate::base::gate::{GateEnd, OnTimeout};
use crate::base::outcome::Outcome;
use crate::effect::journal::State;
use crate::front::style::clean;
use crate::front::tree::{Node, What};

/// The cases below one name.
#[derive(Default)]
struct Suite {
    name: String,
    took: Duration,
    cases: Vec<Case>,
}

struct Case {
    /// The steps that it lies in.
    class: String,
    name: String,
    took: Duration,
    end: End,
}

enum End {
    Good,
    /// A judgement or a decision: what was found.
    Failed(String),
    /// It could not be done: what, and the whole of it.
    Broken(String, String),
    Skipped,
}

/// The whole document.
pub(super) fn write(report: &Report) -> String {
    let mut suites = vec![Suite { name: report.title().to_owned(), ..Suite::default() }];
    for node in &report.tree.nodes {
        let (name, took) = match &node.what {
            What::Step { name } => (name.clone(), node.end.as_ref().map(|end| end.took).unwrap_or_default()),
            _ => {
                suites[0].cases.extend(case(node, report.title()));
                continue;
            }
        };
        let mut suite = Suite { name, took, cases: Vec::new() };
        collect(node, report.title(), &mut suite.cases);
        suites.push(suite);
    }
    let is_done = report.tree.end.as_ref().is_some_and(|end| end.outcome == Outcome::Done);
    for case in suites.iter_mut().flat_map(|suite| &mut suite.cases) {
        // A later try met it, or the playbook goes on without.
        if is_done && matches!(case.end, End::Failed(_)) {
            case.end = End::Skipped;
        }
    }
    let is_bad = |case: &Case| matches!(case.end, End::Failed(_) | End::Broken(..));
    let is_told = suites.iter().flat_map(|suite| &suite.cases).any(is_bad);
    suites[0].cases.extend(whole(report, is_told));
    suites.retain(|suite| !suite.cases.is_empty());
    let all = || suites.iter().flat_map(|suite| &suite.cases);
    let took = crate::front::runs::took(&report.record).unwrap_or_default();
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let (title, counts) = (escape(report.title()), counts(all()));
    out += &format!("<testsuites name=\"{title}\" {counts} time=\"{:.3}\">\n", took.as_secs_f64());
    for suite in &suites {
        out += &draw(suite, report);
    }
    out + "</testsuites>\n"
}

/// The case of the run itself, where no step tells that it did not end well, or it left something behind.
fn whole(report: &Report, is_told: bool) -> Option<Case> {
    let broken = |what: &str, error: Option<&Error>| {
        let whole = error.map(Error::to_string).unwrap_or_default();
        let (class, name) = (report.title().to_owned(), "the run".to_owned());
        Case { class, name, took: Duration::ZERO, end: End::Broken(what.to_owned(), whole) }
    };
    let Some(end) = &report.tree.end else {
        let is_cut_off = report.record.state == State::Interrupted;
        return is_cut_off.then(|| broken("it was cut off: how far it came is in its record", None));
    };
    let error = end.error.as_ref();
    match end.outcome {
        Outcome::Done => None,
        Outcome::NotTakenBack => Some(broken("not all that it did could be taken back", error)),
        _ if is_told => None,
        outcome => Some(broken(error.map_or(outcome.words(), |error| error.what.as_str()), error)),
    }
}

fn draw(suite: &Suite, report: &Report) -> String {
    let record = &report.record;
    let mut out = format!(
        "  <testsuite name=\"{}\" {} time=\"{:.3}\" timestamp=\"{}\">\n    <properties>\n",
        escape(&suite.name),
        counts(suite.cases.iter()),
        suite.took.as_secs_f64(),
        record.started.strftime("%Y-%m-%dT%H:%M:%S"),
    );
    let facts = &record.facts;
    let properties = [
        ("run", &record.id),
        ("playbook", &facts.playbook),
        ("environment", &facts.environment),
        ("person", &facts.person),
    ];
    for (name, value) in properties {
        out += &format!("      <property name=\"{name}\" value=\"{}\"/>\n", escape(value));
    }
    out += "    </properties>\n";
    for case in &suite.cases {
        let (class, name) = (escape(&case.class), escape(&case.name));
        let begin = format!(
            "    <testcase classname=\"{class}\" name=\"{name}\" time=\"{:.3}\"",
            case.took.as_secs_f64()
        );
        out += &match &case.end {
            End::Good => format!("{begin}/>\n"),
            End::Skipped => format!("{begin}><skipped/></testcase>\n"),
            End::Failed(what) => format!("{begin}><failure message=\"{}\"/></testcase>\n", escape(what)),
            End::Broken(what, whole) => {
                let (what, whole) = (escape(what), lines(whole));
                format!("{begin}><error message=\"{what}\">{whole}</error></testcase>\n")
            }
        };
    }
    out + "  </testsuite>\n"
}

fn counts<'a>(cases: impl Iterator<Item = &'a Case>) -> String {
    let (mut tests, mut failures, mut errors, mut skipped) = (0, 0, 0, 0);
    for case in cases {
        tests += 1;
        match case.end {
            End::Good => {}
            End::Failed(_) => failures += 1,
            End::Broken(..) => errors += 1,
            End::Skipped => skipped += 1,
        }
    }
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"")
}

fn collect(node: &Node, class: &str, cases: &mut Vec<Case>) {
    cases.extend(case(node, class));
    let below = match &node.what {
        What::Step { name } => format!("{class} / {name}"),
        _ => class.to_owned(),
    };
    node.children.iter().for_each(|child| collect(child, &below, cases));
}

/// The case of a node: what is neither a step nor judged is part of its step's case.
fn case(node: &Node, class: &str) -> Option<Case> {
    let row = rows::row(node, 0).filter(|row| matches!(row.kind, "step" | "check" | "metric" | "gate"))?;
    let took = row.took.unwrap_or_default();
    Some(Case { class: class.to_owned(), name: row.name.clone(), took, end: end(node, &row) })
}

fn end(node: &Node, row: &Row) -> End {
    let error = node.end.as_ref().and_then(|end| end.error.as_ref());
    if let Some(decided) = node.let_pass() {
        return if decided.choice == Choice::Skip { End::Skipped } else { End::Good };
    }
    match (&node.what, node.end.as_ref().map(|end| end.outcome)) {
        (What::Judged { passed: Some(true), .. }, _) | (_, Some(Outcome::Done)) => End::Good,
        (What::Judged { passed: Some(false), .. }, _) => {
            End::Failed(format!("{} (wanted {})", row.actual, row.target))
        }
        // Nobody decided, and the playbook says that the run goes on then.
        (What::Gate { asked, closed: Some(GateEnd::TimedOut), .. }, _)
            if asked.on_timeout == OnTimeout::Continue =>
        {
            End::Good
        }
        (What::Gate { .. }, Some(_)) => End::Failed(format!("{}: {}", row.state, row.actual)),
        (_, Some(outcome)) => {
            let what = error.map_or_else(|| outcome.words().to_owned(), |error| error.what.clone());
            End::Broken(what, error.map(Error::to_string).unwrap_or_default())
        }
        (_, None) => End::Skipped,
    }
}

/// One line of text as XML takes it, in an attribute too.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in clean(text).chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => {}
            _ => out.push(letter),
        }
    }
    out
}

fn lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}
