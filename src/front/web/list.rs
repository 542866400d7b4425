//! The first page: the runs, newest first, found by their words, renewed while something happens.

use std::sync::Arc;

use axum::extract::{Extension, Query, State};
use axum::response::Html;
use maud::{Markup, html};
use serde::Deserialize;

use super::door::Visitor;
use super::fault::Fault;
use super::{Desk, aside, look};
use crate::base::error::Result;
use crate::base::text::show_duration;
use crate::effect::journal::{Filter, RunKind, RunRecord};
use crate::front::runs;
use crate::front::style::clean;

/// How many runs are shown.
const SHOWN: usize = 50;
/// Among how many it is searched.
const SEARCHED: usize = 1000;

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    q: String,
}

/// The page.
pub(super) async fn runs(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    Query(wish): Query<Wish>,
) -> Result<Html<String>, Fault> {
    let q = wish.q.clone();
    let table = aside(&desk, move |desk| table(desk, &q)).await?;
    let body = html! {
        h1 { "Runs" }
        form.search role="search" action="/" {
            label.hidden for="q" { "Find runs" }
            input #q type="search" name="q" value=(wish.q) placeholder="Find by playbook, environment, person, outcome…";
            button { "Find" }
        }
        div #runs data-q=(wish.q) { (table) }
    };
    Ok(Html(look::page(&visitor, "Runs", "runs", &body).into_string()))
}

/// The table alone, for a page that is renewed.
pub(super) async fn part(
    State(desk): State<Arc<Desk>>,
    Query(wish): Query<Wish>,
) -> Result<Html<String>, Fault> {
    let table = aside(&desk, move |desk| table(desk, &wish.q)).await?;
    Ok(Html(table.into_string()))
}

fn table(desk: &Desk, wanted: &str) -> Result<Markup> {
    let last = if wanted.trim().is_empty() { SHOWN } else { SEARCHED };
    let records = desk.journal.runs(&Filter { last: Some(last), steps: true, ..Filter::default() })?;
    let words: Vec<String> = wanted.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let found: Vec<&RunRecord> = records.iter().filter(|record| holds(record, &words)).take(SHOWN).collect();
    Ok(html! {
        @if found.is_empty() {
            p { @if words.is_empty() { "No runs yet. Begin one: " code { "playbook exec PLAYBOOK" } } @else { "Nothing was found." } }
        } @else {
            (rows(&found))
        }
    })
}

/// The table of these runs.
pub(super) fn rows(records: &[&RunRecord]) -> Markup {
    html! {
        table.runs {
            thead { tr { th { "run" } th { "playbook" } th { "environment" } th { "person" } th { "outcome" } th.number { "took" } th.number { "steps" } } }
            tbody {
                @for record in records {
                    tr {
                        td data-label="run" { a href=(format!("/runs/{}", record.id)) { (record.id) } }
                        td data-label="playbook" { (playbook(record)) }
                        td data-label="environment" { (clean(&record.facts.environment)) }
                        td data-label="person" { (clean(&record.facts.person)) }
                        td data-label="outcome" {
                            (look::outcome(record))
                            @if let Some(waits) = &record.waits { div.note { (clean(&waits.what)) } }
                        }
                        td.number data-label="took" { @if let Some(took) = runs::took(record) { (show_duration(took)) } }
                        td.number data-label="steps" { (record.steps) }
                    }
                }
            }
        }
    }
}

fn playbook(record: &RunRecord) -> Markup {
    let facts = &record.facts;
    html! {
        @if facts.kind == RunKind::Unlock { (clean(&facts.title)) } @else {
            a href=(format!("/playbooks/{}", look::encoded(&facts.playbook))) { (clean(&facts.playbook)) }
            @if facts.kind == RunKind::Rollback { " (rollback)" }
        }
    }
}

/// Whether every word stands somewhere in what is known of a run.
fn holds(record: &RunRecord, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let facts = &record.facts;
    let parameters = serde_json::to_string(&facts.parameters).unwrap_or_default();
    let parts = [
        record.id.as_str(),
        &facts.playbook,
        &facts.title,
        &facts.environment,
        &facts.person,
        runs::outcome(record).1,
        &parameters,
    ];
    let text = parts.join("\n").to_lowercase();
    words.iter().all(|word| text.contains(word))
}
