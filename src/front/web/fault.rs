//! Errors as pages: what, why and what to do, with the status that says the same to machines.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::html;

use super::look;
use crate::base::error::{Error, Kind};
use crate::front::style::clean;

/// An error on its way to a browser.
#[derive(Debug)]
pub(super) struct Fault(pub(super) Error);

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status = match error.kind {
            Kind::Missing => StatusCode::NOT_FOUND,
            Kind::Usage => StatusCode::BAD_REQUEST,
            Kind::Denied => StatusCode::FORBIDDEN,
            Kind::Timeout => StatusCode::CONFLICT,
            Kind::Remote => StatusCode::BAD_GATEWAY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let body = html! {
            h1 { (clean(&error.what)) }
            @if let Some(why) = &error.why { p { "why: " (clean(why)) } }
            @if let Some(fix) = &error.fix { p { "fix: " (clean(fix)) } }
            p { a href="/" { "All runs" } }
        };
        (status, Html(look::bare("It did not work", &body).into_string())).into_response()
    }
}

/// A page that is not there.
pub(super) async fn nowhere() -> Fault {
    Fault(Error::missing("there is no such page"))
}
