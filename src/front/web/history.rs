//! The playbooks, and the history of each: how long it takes, how often it ends well, how right its plans are.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Extension, Path, Query, State};
use axum::response::Html;
use maud::{Markup, html};
use serde::Deserialize;

use super::door::Visitor;
use super::fault::Fault;
use super::{Desk, aside, list, look, trend};
use crate::base::error::{Error, Result};
use crate::base::outcome::Outcome;
use crate::base::text::show_duration;
use crate::effect::journal::{Brief, Filter, RunKind, RunRecord};
use crate::front::style::clean;

/// How many runs the history of a playbook shows.
const SHOWN: usize = 60;

/// Only of this environment.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    environment: String,
}

/// All playbooks that ever ran.
pub(super) async fn all(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Html<String>, Fault> {
    let briefs = aside(&desk, |desk| desk.journal.briefs()).await?;
    let mut playbooks: BTreeMap<&str, Vec<&Brief>> = BTreeMap::new();
    for brief in &briefs {
        playbooks.entry(&brief.playbook).or_default().push(brief);
    }
    let body = html! {
        h1 { "Playbooks" }
        @if playbooks.is_empty() { p { "None has run yet." } }
        table.runs {
            thead { tr { th { "playbook" } th.number { "runs" } th.number { "ended well" } th { "last" } } }
            tbody {
                @for (name, briefs) in &playbooks {
                    tr {
                        td data-label="playbook" { a href=(format!("/playbooks/{}", look::encoded(name))) { (clean(name)) } }
                        td.number data-label="runs" { (briefs.len()) }
                        td.number data-label="ended well" { (rate(briefs.iter().filter_map(|brief| brief.outcome))) }
                        td data-label="last" { @if let Some(last) = briefs.last() { (look::time(last.started)) } }
                    }
                }
            }
        }
    };
    Ok(Html(look::page(&visitor, "Playbooks", "playbooks", &body).into_string()))
}

/// One playbook.
pub(super) async fn one(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    Path(playbook): Path<String>,
    Query(wish): Query<Wish>,
) -> Result<Html<String>, Fault> {
    let (name, environment) = (playbook.clone(), wish.environment.clone());
    let body = aside(&desk, move |desk| history(desk, &name, &environment)).await?;
    Ok(Html(look::page(&visitor, &playbook, "playbook", &body).into_string()))
}

fn history(desk: &Desk, playbook: &str, environment: &str) -> Result<Markup> {
    let wanted = Some(environment.to_owned()).filter(|name| !name.is_empty());
    let filter = Filter {
        last: Some(SHOWN),
        playbook: Some(playbook.to_owned()),
        environment: wanted.clone(),
        steps: true,
        ..Filter::default()
    };
    let records = desk.journal.runs(&filter)?;
    let Some(newest) = records.first() else {
        return Err(Error::missing(format!("no run of `{playbook}` is recorded")));
    };
    let of = wanted.clone().unwrap_or_else(|| newest.facts.environment.clone());
    let usual = desk.journal.usual(playbook, &of)?;
    let (compared, accuracy) = desk.journal.accuracy(playbook)?;
    let runs: Vec<&RunRecord> = records.iter().filter(|run| run.facts.kind == RunKind::Exec).collect();
    let all: Vec<&RunRecord> = records.iter().collect();
    let mut environments: Vec<String> = desk
        .journal
        .briefs()?
        .into_iter()
        .filter(|run| run.playbook == playbook)
        .map(|run| run.environment)
        .collect();
    environments.sort();
    environments.dedup();
    Ok(html! {
        h1 { (clean(playbook)) }
        p.dim { (clean(&newest.facts.title)) }
        @if environments.len() > 1 {
            nav.choice aria-label="Environments" {
                a href="?" aria-current=[wanted.is_none().then_some("true")] { "all" }
                @for name in &environments {
                    a href=(format!("?environment={}", look::encoded(name))) aria-current=[(wanted.as_ref() == Some(name)).then_some("true")] { (clean(name)) }
                }
            }
        }
        dl.figures {
            div { dt { "ended well" } dd { (rate(runs.iter().filter_map(|run| run.outcome))) } }
            div { dt { "usually takes (" (clean(&of)) ")" } dd { @if let Some(usual) = usual { (show_duration(usual)) } @else { "–" } } }
            div { dt { "plans were right" } dd { @if compared > 0 { (format!("{:.0} %", accuracy * 100.0)) span.dim { " of " (compared) " runs" } } @else { "–" } } }
        }
        (trend::draw(&runs, usual))
        (list::rows(&all))
    })
}

/// The share of those that ended well, in words.
fn rate(outcomes: impl Iterator<Item = Outcome>) -> String {
    let (mut all, mut good) = (0_u32, 0_u32);
    for outcome in outcomes {
        all += 1;
        good += u32::from(outcome == Outcome::Done);
    }
    match all {
        0 => "–".to_owned(),
        _ => format!("{:.0} % ({good} of {all})", f64::from(good) / f64::from(all) * 100.0),
    }
}
