//! The report as Markdown: tables and plain text, for a pull request, a wiki or a terminal.

use std::time::Duration;

use super::rows::{self, Row};
use super::{Report, signoff};
use crate::base::event::Event;
use crate::base::text::show_duration;
use crate::front::style::{Style, clean};
use crate::front::summary::checklist;
use crate::front::timeline::{Bar, since, svg};

/// How many letters the picture of the times is wide.
const PICTURE: usize = 30;

/// The whole document.
pub(super) fn write(report: &Report) -> String {
    let (_, mark, words) = report.outcome();
    let mut out = format!("# {}: {mark} {words}{}\n\n", escape(report.title()), report.afterwards());
    out += "| | |\n| --- | --- |\n";
    for (name, value) in report.facts() {
        out += &format!("| {name} | {} |\n", escape(&value));
    }
    out += &checks(report);
    out += &failure(report);
    out += &taken_back(report);
    out += &times(report);
    out += &plan(report);
    out += "\n## Sign-off\n\n| role | name | decision | when | proof or signature |\n| --- | --- | --- | --- | --- |\n";
    for line in signoff::signatures(report) {
        let cells = [line.role, line.name, line.decision, line.at, line.proof].map(|cell| escape(&cell));
        out += &format!("| {} |\n", cells.join(" | "));
    }
    out + &format!("\n{}\n", escape(&report.verified()))
}

fn checks(report: &Report) -> String {
    let mut out = "\n## Checklist\n\n".to_owned();
    if let Some(line) = checklist::judgements(&report.tree) {
        out += &format!("{}\n\n", escape(&line.show(Style::default())));
    }
    out += "| | item | found | wanted | state | took |\n| --- | --- | --- | --- | --- | ---: |\n";
    for row in report.checklist() {
        out += &line(&row);
    }
    out
}

fn line(row: &Row) -> String {
    let name = match row.kind {
        "step" => format!("**{}**", escape(&row.name)),
        "change" | "note" | "read" | "wait" | "retry" => escape(&row.name),
        kind => format!("{}: {}", kind, escape(&row.name)),
    };
    let indent = "&emsp;".repeat(row.depth);
    let notes: String = row.notes.iter().map(|note| format!("<br>{indent}&emsp;{}", escape(note))).collect();
    let took = row.took.map(show_duration).unwrap_or_default();
    let (actual, target) = (escape(&row.actual), escape(&row.target));
    format!("| {} | {indent}{name}{notes} | {actual} | {target} | {} | {took} |\n", row.mark, row.state)
}

fn failure(report: &Report) -> String {
    let Some(error) = report.tree.end.as_ref().and_then(|end| end.error.as_ref()) else {
        return String::new();
    };
    // A line that looks like the end of the block is part of the error.
    let text = error.to_string().lines().map(clean).collect::<Vec<_>>().join("\n").replace("```", "` ` `");
    format!("\n## Why it failed\n\n```text\n{text}\n```\n")
}

fn taken_back(report: &Report) -> String {
    let rows = rows::taken_back(&report.tree);
    if rows.is_empty() && report.reversals.is_empty() {
        return String::new();
    }
    let mut out = "\n## Taken back\n\n".to_owned();
    for reason in report.tree.unwinds.iter().map(|unwind| &unwind.reason).filter(|reason| !reason.is_empty())
    {
        out += &format!("Because of: {}\n\n", escape(reason));
    }
    if !rows.is_empty() {
        out += "| | what | state | took |\n| --- | --- | --- | ---: |\n";
    }
    for row in &rows {
        let notes: String = row.notes.iter().map(|note| format!("<br>{}", escape(note))).collect();
        let took = row.took.map(show_duration).unwrap_or_default();
        out += &format!("| {} | {}{notes} | {} | {took} |\n", row.mark, escape(&row.name), row.state);
    }
    for by in &report.reversals {
        out += &format!("\n{}\n", escape(&by.told()));
        let rows = rows::taken_back(&by.tree);
        for row in &rows {
            let notes: String = row.notes.iter().map(|note| format!(" ({})", escape(note))).collect();
            out += &format!("\n- {} {}: {}{notes}", row.mark, escape(&row.name), row.state);
        }
        out += if rows.is_empty() { "" } else { "\n" };
    }
    out
}

fn times(report: &Report) -> String {
    let bars = report.times();
    if bars.is_empty() {
        return String::new();
    }
    let mut out = "\n## Times\n\n".to_owned();
    let slow = checklist::by_length(&report.tree);
    if slow.len() > 1 {
        let names =
            slow.iter().take(3).map(|(name, took)| format!("{} {}", escape(name), show_duration(*took)));
        out += &format!("Slowest: {}\n\n", names.collect::<Vec<_>>().join(" · "));
    }
    out += "| | step | began after | took | share | |\n| --- | --- | ---: | ---: | ---: | --- |\n";
    let whole = report.whole();
    for bar in bars {
        let after = report.timeline.began.map(|began| since(began, bar.from)).unwrap_or_default();
        let took = bar.took(report.made);
        out += &format!(
            "| {} | {}{} | {} | {} | {} | `{}` |\n",
            svg::look(bar).1,
            "&emsp;".repeat(bar.depth),
            escape(&bar.name),
            show_duration(after),
            show_duration(took),
            share(took, whole),
            picture(after, bar, (took, whole)),
        );
    }
    out
}

/// What part of the whole it took.
pub(super) fn share(took: Duration, whole: Duration) -> String {
    if whole.is_zero() {
        return String::new();
    }
    format!("{:.0} %", took.as_secs_f64() / whole.as_secs_f64() * 100.0)
}

/// When it ran as a row of letters.
fn picture(after: Duration, bar: &Bar, (took, whole): (Duration, Duration)) -> String {
    let part = |time: Duration| time.as_secs_f64() / whole.as_secs_f64().max(1e-9) * PICTURE as f64;
    let from = (part(after) as usize).min(PICTURE - 1);
    let to = (part(after + took).ceil() as usize).clamp(from + 1, PICTURE);
    let full = if bar.to.is_none() { "▒" } else { "█" };
    ["·".repeat(from), full.repeat(to - from), "·".repeat(PICTURE - to)].concat()
}

fn plan(report: &Report) -> String {
    let Some(Event::PlanCompared {
        planned, as_planned, unplanned, differences, accuracy, usual, runs, ..
    }) = &report.compared
    else {
        return String::new();
    };
    let mut out = format!(
        "\n## Against its plan\n\n{:.0} % accurate: {as_planned} of {planned} changes as planned, {unplanned} not planned. \
         Over {runs} {} of this playbook: {:.0} %.\n",
        accuracy * 100.0,
        if *runs == 1 { "run" } else { "runs" },
        usual * 100.0
    );
    if !differences.is_empty() {
        out += "\n";
    }
    for difference in differences {
        out += &format!("- {}\n", escape(difference));
    }
    out
}

/// Text in which nothing means anything to Markdown, on one line.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let text = clean(text);
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        // Within a word an underscore is only itself.
        let is_within = before.is_alphanumeric() && letters.peek().is_some_and(|next| next.is_alphanumeric());
        match letter {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '[' | ']' | '|' | '~' | '#' => out.extend(['\\', letter]),
            '_' if !is_within => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
        before = letter;
    }
    out
}
