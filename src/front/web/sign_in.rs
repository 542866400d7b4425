//! Signing in and out: with a token, or through the OpenID provider.

use std::sync::Arc;
use std::time::Duration;

use axum::Form;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use maud::html;
use serde::Deserialize;

use super::door::Visitor;
use super::fault::Fault;
use super::oidc::{self, Claims};
use super::{Desk, look};
use crate::base::error::{Error, Kind, Result};
use crate::effect::people::Person;
use crate::primitives::FAMILIES;
use crate::run::project::Project;
use crate::run::project::serve::Role;
use crate::sys::clock;

/// How long somebody waits who tried a wrong token.
const WRONG: Duration = Duration::from_millis(500);

/// Where to go afterwards.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct To {
    #[serde(default)]
    to: String,
}

/// The page.
pub(super) async fn page(
    State(desk): State<Arc<Desk>>,
    visitor: Option<Extension<Visitor>>,
    Query(to): Query<To>,
) -> Response {
    if visitor.is_some() || desk.door.is_open() {
        return Redirect::to(look::own_path(&to.to)).into_response();
    }
    form(&desk, &to.to, None)
}

fn form(desk: &Desk, to: &str, wrong: Option<&str>) -> Response {
    let to = look::own_path(to);
    let body = html! {
        h1 { "Sign in" }
        @if let Some(wrong) = wrong { p.bad role="alert" { "✘ " (wrong) } }
        @if desk.door.has_oidc { p { a.button href=(format!("/oidc/begin?to={}", look::encoded(to))) { "Sign in with your account" } } }
        form method="post" action="/sign-in" {
            input type="hidden" name="to" value=(to);
            label { "Token" input type="password" name="token" autocomplete="current-password" required; }
            button { "Sign in" }
        }
    };
    let status = if wrong.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    (status, Html(look::bare("Sign in", &body).into_string())).into_response()
}

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(super) struct Sent {
    token: String,
    #[serde(default)]
    to: String,
}

/// Lets in who has a token.
pub(super) async fn token(State(desk): State<Arc<Desk>>, Form(sent): Form<Sent>) -> Response {
    match desk.door.bearer(&sent.token) {
        Some(visitor) => inside(&desk, visitor, &sent.to, None),
        None => {
            clock::pause(WRONG).await;
            form(&desk, &sent.to, Some("this token lets nobody in"))
        }
    }
}

fn inside(desk: &Desk, visitor: Visitor, to: &str, also: Option<String>) -> Response {
    let mut response = Redirect::to(look::own_path(to)).into_response();
    for cookie in [Some(desk.door.sign_in(visitor)), also].into_iter().flatten() {
        if let Ok(value) = cookie.parse() {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

/// What a form to sign out sends.
#[derive(Debug, Deserialize)]
pub(super) struct Out {
    #[serde(default)]
    csrf: String,
}

/// Lets go.
pub(super) async fn out(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    Form(sent): Form<Out>,
) -> Result<Response, Fault> {
    if visitor.csrf != sent.csrf {
        return Err(Error::new(Kind::Denied, "the form is not from this page, or too old").into());
    }
    let cookie = [(header::SET_COOKIE, desk.door.sign_out(&headers))];
    Ok((cookie, Redirect::to("/sign-in")).into_response())
}

/// Sends somebody to the OpenID provider.
pub(super) async fn begin(State(desk): State<Arc<Desk>>, Query(to): Query<To>) -> Result<Response, Fault> {
    let provider = desk.oidc.as_ref().ok_or_else(nobody)?;
    let begun = provider.begin(look::own_path(&to.to)).await?;
    let cookie = [(header::SET_COOKIE, oidc::cookie(&begun.state, desk.door.is_secure()))];
    Ok((cookie, Redirect::to(&begun.address)).into_response())
}

/// Takes somebody back from the OpenID provider.
pub(super) async fn callback(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    Query(back): Query<oidc::Back>,
) -> Result<Response, Fault> {
    let provider = desk.oidc.as_ref().ok_or_else(nobody)?;
    let (claims, to) = provider.finish(&back, &headers).await?;
    let project = Project::open(Some(&desk.folder), FAMILIES)?;
    let people = project.environments.values().next().map(|one| &one.people);
    let known = people.and_then(|people| people.persons.values().find(|person| is(person, &claims)));
    let visitor = match known {
        Some(person) => visitor(person.name.clone(), Some(person.name.clone()), Role::Approver),
        None if provider.others => visitor(claims.shown(), None, Role::Viewer),
        None => {
            let what = format!("`{}` is no person of playbook.toml", claims.shown());
            let fix = "add [people.NAME] with this address as `email`, or others = true in [serve.oidc]";
            return Err(Error::new(Kind::Denied, what).fix(fix).into());
        }
    };
    Ok(inside(&desk, visitor, &to, Some(oidc::cookie("", desk.door.is_secure()))))
}

/// Whether the provider vouches for this person: by an address that it has seen them read.
fn is(person: &Person, claims: &Claims) -> bool {
    claims.email_verified != Some(false)
        && claims.email.is_some()
        && person.email.as_ref().map(|email| email.to_lowercase())
            == claims.email.as_ref().map(|email| email.to_lowercase())
}

const fn visitor(name: String, person: Option<String>, role: Role) -> Visitor {
    Visitor { name, person, is_local: false, role, csrf: String::new() }
}

fn nobody() -> Error {
    Error::missing("nobody vouches for people here").fix("add [serve.oidc] to playbook.toml")
}
