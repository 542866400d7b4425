//! Gates on the page: who is asked for what, and the answer of whoever may give one, by the rules of `playbook approve`.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::board::Gate;
use super::door::Visitor;
use super::fault::Fault;
use super::{Desk, aside};
use crate::base::error::{Error, Kind, Result};
use crate::front::approve::{self, Wanted};
use crate::front::gate;
use crate::front::style::{Style, clean};
use crate::primitives::FAMILIES;
use crate::run::project::Project;
use crate::run::project::serve::Role;

/// A longer comment is none.
const LONGEST: usize = 4000;

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(super) struct Sent {
    gate: String,
    decision: String,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    csrf: String,
}

/// The gates at which the run waits, as this visitor sees them.
pub(super) async fn gates(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    Path(run): Path<String>,
) -> Result<Html<String>, Fault> {
    let section = aside(&desk, move |desk| section(desk, &run, &visitor)).await?;
    Ok(Html(section.into_string()))
}

/// Leaves an answer.
pub(super) async fn answer(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    Path(run): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Fault> {
    let to = format!("/runs/{run}");
    aside(&desk, move |desk| leave(desk, run, sent, &visitor)).await?;
    Ok(Redirect::to(&to).into_response())
}

fn leave(desk: &Desk, run: String, sent: Sent, visitor: &Visitor) -> Result<()> {
    let denied = |what: &str| Error::new(Kind::Denied, what.to_owned());
    // A machine that sends its token with each request has no form that another site could send for it.
    if !visitor.csrf.is_empty() && visitor.csrf != sent.csrf {
        return Err(denied("the form is not from this page, or too old").fix("load the page again"));
    }
    if visitor.role < Role::Approver {
        return Err(denied("who may only look cannot decide").fix("sign in as a person who may"));
    }
    if sent.comment.len() > LONGEST {
        return Err(Error::usage("the comment is too long").fix(format!("write at most {LONGEST} letters")));
    }
    let approved = match sent.decision.as_str() {
        "approve" => true,
        "decline" => false,
        other => return Err(Error::usage(format!("`{other}` is no decision"))),
    };
    // As the file is now: people come and go while the page is served.
    let project = Project::open(Some(&desk.folder), FAMILIES)?;
    let wanted = Wanted {
        run,
        gate: Some(sent.gate),
        approved,
        comment: sent.comment,
        person: None,
        signed_in: visitor.person.clone(),
        key: None,
    };
    approve::decide(&project, &desk.journal, &wanted).map(|_| ())
}

/// The section of the page.
pub(super) fn section(desk: &Desk, run: &str, visitor: &Visitor) -> Result<Markup> {
    let gates = desk.hub.with(&desk.journal, run, |board| board.gates())?;
    Ok(html! { @for one in &gates { (drawn(one, run, visitor)) } })
}

fn drawn(one: &Gate, run: &str, visitor: &Visitor) -> Markup {
    let asked = &one.asked;
    let may = visitor.role >= Role::Approver
        && (visitor.is_local || visitor.person.as_ref().is_some_and(|person| asked.people.contains(person)));
    html! {
        article.ask aria-label=(clean(&asked.name)) {
            h2 { "◈ " (clean(&asked.name)) }
            p { (clean(&gate::wanted(asked))) }
            @for answer in &one.answers { p.note { (gate::answer(answer, 0).show(Style::default())) } }
            @if may {
                form.decide method="post" action=(format!("/runs/{run}/gates")) {
                    input type="hidden" name="csrf" value=(visitor.csrf);
                    input type="hidden" name="gate" value=(one.position);
                    label { "Comment" textarea name="comment" rows="2" maxlength=(LONGEST) {} }
                    button.good name="decision" value="approve" { "✔ Approve" }
                    button.bad name="decision" value="decline" { "✘ Decline" }
                }
            } @else {
                p.note { "You are not asked here, or may only look." }
            }
        }
    }
}
