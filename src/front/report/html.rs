//! The report as one HTML file without anything from outside: for the screen, light or dark, and for paper.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::rows::{self, Row};
use super::{Report, markdown, signoff};
use crate::base::event::Event;
use crate::base::text::show_duration;
use crate::front::style::{Style, class, clean};
use crate::front::summary::checklist;
use crate::front::timeline::{since, svg};

/// How it looks.
pub(in crate::front) const STYLE: &str = include_str!("report.css");

/// The whole document.
pub(super) fn write(report: &Report) -> String {
    let (paint, mark, words) = report.outcome();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (report.title()) " · " (report.record.id) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (report.title()) " " span.outcome.(class(paint)) { (mark) " " (words) (report.afterwards()) } }
                    (facts(report))
                    (checks(report))
                    (failure(report))
                    (taken_back(report))
                    (times(report))
                    (plan(report))
                    (sign_off(report))
                    footer { p { (report.verified()) } p { "made " (report.made.strftime("%Y-%m-%d %H:%M:%SZ")) } }
                }
            }
        }
    };
    page.into_string() + "\n"
}

fn facts(report: &Report) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in report.facts() {
                div { dt { (name) } dd { (clean(&value)) } }
            }
        }
    }
}

fn checks(report: &Report) -> Markup {
    html! {
        h2 { "Checklist" }
        @if let Some(line) = checklist::judgements(&report.tree) { p { (line.show(Style::default())) } }
        table.checklist {
            thead { tr { th {} th { "item" } th { "found" } th { "wanted" } th { "state" } th.number { "took" } } }
            tbody { @for row in report.checklist() { (line(&row)) } }
        }
    }
}

fn line(row: &Row) -> Markup {
    let depth = format!("d{}", row.depth.min(6));
    html! {
        tr class=(row.kind) {
            td.mark.(class(row.paint)) { (row.mark) }
            td.item.(depth) {
                @match row.kind {
                    "step" => strong { (clean(&row.name)) },
                    "check" | "metric" | "gate" => { span.kind { (row.kind) } " " (clean(&row.name)) },
                    _ => (clean(&row.name)),
                }
                @for note in &row.notes { div.note { (clean(note)) } }
            }
            td { (clean(&row.actual)) }
            td { (clean(&row.target)) }
            td class=(class(row.paint)) { (row.state) }
            td.number { @if let Some(took) = row.took { (show_duration(took)) } }
        }
    }
}

fn failure(report: &Report) -> Markup {
    let error = report.tree.end.as_ref().and_then(|end| end.error.as_ref());
    let text = error.map(|error| error.to_string().lines().map(clean).collect::<Vec<_>>().join("\n"));
    html! { @if let Some(text) = text { h2 { "Why it failed" } pre.error { (text) } } }
}

fn taken_back(report: &Report) -> Markup {
    let rows = rows::taken_back(&report.tree);
    html! {
        @if !rows.is_empty() || !report.reversals.is_empty() {
            h2 { "Taken back" }
            @for unwind in report.tree.unwinds.iter().filter(|unwind| !unwind.reason.is_empty()) {
                p { "Because of: " (clean(&unwind.reason)) }
            }
        }
        @if !rows.is_empty() {
            table {
                thead { tr { th {} th { "what" } th { "state" } th.number { "took" } } }
                tbody {
                    @for row in &rows {
                        tr {
                            td.mark.(class(row.paint)) { (row.mark) }
                            td { (clean(&row.name)) @for note in &row.notes { div.note { (clean(note)) } } }
                            td class=(class(row.paint)) { (row.state) }
                            td.number { @if let Some(took) = row.took { (show_duration(took)) } }
                        }
                    }
                }
            }
        }
        @for by in &report.reversals {
            p { (clean(&by.told())) }
            @let rows = rows::taken_back(&by.tree);
            @if !rows.is_empty() {
                ul {
                    @for row in &rows {
                        li { (row.mark) " " (clean(&row.name)) ": " (row.state) @for note in &row.notes { div.note { (clean(note)) } } }
                    }
                }
            }
        }
    }
}

fn times(report: &Report) -> Markup {
    let slow = checklist::by_length(&report.tree);
    let whole = report.whole();
    html! {
        @if !report.timeline.bars.is_empty() {
            h2 { "Times" }
            (svg::draw(&report.timeline, report.made))
            @if slow.len() > 1 {
                p {
                    "Slowest: "
                    @for (index, (name, took)) in slow.iter().take(3).enumerate() {
                        @if index > 0 { " · " }
                        strong { (clean(name)) } " " (show_duration(*took))
                    }
                }
            }
            table.times {
                thead { tr { th {} th { "step" } th.number { "began after" } th.number { "took" } th.number { "share" } } }
                tbody {
                    @for bar in report.times() {
                        @let (look, mark) = svg::look(bar);
                        @let after = report.timeline.began.map(|began| since(began, bar.from)).unwrap_or_default();
                        @let took = bar.took(report.made);
                        tr {
                            td.mark.(look) { (mark) }
                            td.item.(format!("d{}", bar.depth.min(6))) { (clean(&bar.name)) }
                            td.number { (show_duration(after)) }
                            td.number { (show_duration(took)) }
                            td.number { (markdown::share(took, whole)) }
                        }
                    }
                }
            }
        }
    }
}

fn plan(report: &Report) -> Markup {
    let Some(Event::PlanCompared {
        planned, as_planned, unplanned, differences, accuracy, usual, runs, ..
    }) = &report.compared
    else {
        return html! {};
    };
    html! {
        h2 { "Against its plan" }
        p {
            strong { (format!("{:.0} %", accuracy * 100.0)) } " accurate: " (as_planned) " of " (planned)
            " changes as planned, " (unplanned) " not planned. Over " (runs) " "
            @if *runs == 1 { "run" } @else { "runs" } " of this playbook: " (format!("{:.0} %", usual * 100.0)) "."
        }
        @if !differences.is_empty() {
            ul { @for difference in differences { li { (clean(difference)) } } }
        }
    }
}

fn sign_off(report: &Report) -> Markup {
    html! {
        section.signoff {
            h2 { "Sign-off" }
            table {
                thead { tr { th { "role" } th { "name" } th { "decision" } th { "when" } th { "proof or signature" } } }
                tbody {
                    @for line in signoff::signatures(report) {
                        tr class=(if line.name.is_empty() { "blank" } else { "filled" }) {
                            @for cell in [&line.role, &line.name, &line.decision, &line.at, &line.proof] {
                                td { (clean(cell)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
