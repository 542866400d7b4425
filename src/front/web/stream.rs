//! Streams of events to browsers: first what is there, then what changes, and a sign of life in between.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use tokio::sync::broadcast::Receiver;

use super::fault::Fault;
use super::{Desk, aside};

/// How often a stream says something although nothing happens.
const ALIVE: Duration = Duration::from_secs(15);

/// One run, from its beginning on.
pub(super) async fn run(State(desk): State<Arc<Desk>>, Path(run): Path<String>) -> Result<Response, Fault> {
    let joined = aside(&desk, move |desk| desk.hub.join(&desk.journal, &run)).await?;
    Ok(events(joined.first, joined.updates))
}

/// That some run changed.
pub(super) async fn changes(State(desk): State<Arc<Desk>>) -> Response {
    events(Vec::new(), desk.hub.changes())
}

fn events(first: Vec<Bytes>, updates: Receiver<Bytes>) -> Response {
    let later = stream::unfold(updates, |mut updates| async move {
        match tokio::time::timeout(ALIVE, updates.recv()).await {
            Ok(Ok(message)) => Some((message, updates)),
            Err(_) => Some((Bytes::from_static(b": alive\n\n"), updates)),
            // Who is too far behind, or sees the server end, comes anew and begins from what is there then.
            Ok(Err(_)) => None,
        }
    });
    let hello = stream::iter([Bytes::from_static(b"retry: 1000\n\n")]);
    let all = hello.chain(stream::iter(first)).chain(later).map(Ok::<_, Infallible>);
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(all)).into_response()
}
