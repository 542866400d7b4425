//! The page of one run: its facts, and room for what the stream of its events fills in.

use std::sync::Arc;

use axum::extract::{Extension, Path, Query, State};
use axum::http::header;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::board::Board;
use super::door::Visitor;
use super::fault::Fault;
use super::{Desk, answer, aside, look};
use crate::base::error::Result;
use crate::effect::journal::RunRecord;
use crate::front::report::{Form, Report, STYLE};
use crate::front::style::clean;

/// The page.
pub(super) async fn page(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    Path(wanted): Path<String>,
) -> Result<Response, Fault> {
    let (record, usual, gates) = {
        let (wanted, visitor) = (wanted.clone(), visitor.clone());
        aside(&desk, move |desk| {
            let record = desk.journal.run(&wanted)?;
            let usual = desk.journal.usual(&record.facts.playbook, &record.facts.environment)?;
            let gates = answer::section(desk, &record.id, &visitor)?;
            Ok((record, usual, gates))
        })
        .await?
    };
    if record.id != wanted {
        return Ok(Redirect::to(&format!("/runs/{}", record.id)).into_response());
    }
    let usual = usual.map(|usual| usual.as_millis().to_string());
    let body = html! {
        div #run data-run=(record.id) data-usual=[usual] {
            h1 { (clean(title(&record))) " " span #outcome aria-live="polite" { (look::outcome(&record)) } }
            p #summary.dim {}
            (facts(&record))
            section #gates aria-live="polite" { (gates) }
            pre #error.error hidden {}
            div.tools {
                label.hidden for="find" { "Find in this run" }
                input #find type="search" placeholder="Find in this run ( / )" autocomplete="off";
                label { input #only type="checkbox"; " only what is open or failed" }
                button.plain #copy type="button" { "Copy link" }
                a href=(format!("/runs/{}/report", record.id)) { "Report" }
            }
            p #progress.dim hidden {}
            ol #tree.tree aria-label="Steps" {}
            noscript { p { "The steps need JavaScript; the " a href=(format!("/runs/{}/report", record.id)) { "report" } " does without." } }
            details #times open { summary { "Timeline" } div #timeline {} }
            details #output { summary { "Output " span #count.dim {} } ol #lines {} }
        }
    };
    let title = format!("{} {}", title(&record), record.id);
    Ok(Html(look::page(&visitor, &title, "run", &body).into_string()).into_response())
}

fn title(record: &RunRecord) -> &str {
    let title = record.facts.title.trim_end_matches('.');
    if title.is_empty() { &record.facts.playbook } else { title }
}

fn facts(record: &RunRecord) -> Markup {
    let facts = &record.facts;
    let parameters: Vec<String> =
        facts.parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let more = [
        ("parameters", Some(parameters.join(", ")).filter(|text| !text.is_empty())),
        ("plan", facts.plan.as_ref().map(|plan| plan.chars().take(12).collect())),
        ("glass broken", facts.break_glass.clone()),
    ];
    html! {
        dl.facts {
            div { dt { "run" } dd { (record.id) } }
            div { dt { "playbook" } dd { a href=(format!("/playbooks/{}", look::encoded(&facts.playbook))) { (clean(&facts.playbook)) } } }
            div { dt { "environment" } dd { (clean(&facts.environment)) } }
            div { dt { "person" } dd { (clean(&facts.person)) } }
            div { dt { "began" } dd { (look::time(record.started)) } }
            @for (name, value) in more {
                @if let Some(value) = value { div { dt { (name) } dd { (clean(&value)) } } }
            }
            @if let Some(parent) = &facts.parent { div { dt { "of run" } dd { a href=(format!("/runs/{parent}")) { (parent) } } } }
        }
    }
}

/// The picture of the times, as it is now.
pub(super) async fn timeline(
    State(desk): State<Arc<Desk>>,
    Path(run): Path<String>,
) -> Result<Response, Fault> {
    let picture = aside(&desk, move |desk| desk.hub.with(&desk.journal, &run, Board::picture)).await?;
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], picture).into_response())
}

/// In which form the report is wanted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    format: String,
}

/// The report, as `playbook report` makes it.
pub(super) async fn report(
    State(desk): State<Arc<Desk>>,
    Path(run): Path<String>,
    Query(wish): Query<Wish>,
) -> Result<Response, Fault> {
    let (form, kind) = match wish.format.as_str() {
        "md" => (Form::Md, "text/markdown; charset=utf-8"),
        "json" => (Form::Json, "application/json"),
        "junit" => (Form::Junit, "application/xml"),
        _ => (Form::Html, "text/html; charset=utf-8"),
    };
    let text = aside(&desk, move |desk| Report::gather(&desk.journal, &run)?.write(form)).await?;
    // The one style that stands in it is named by its digest.
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy =
        format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'");
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_SECURITY_POLICY, policy)], text)
        .into_response())
}
