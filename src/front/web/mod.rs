//! `playbook serve`: the runs of this journal as a live page: who may see it, what is sent, and what goes on by itself.

mod answer;
mod assets;
mod board;
mod door;
mod fault;
mod history;
mod hub;
mod list;
mod look;
mod metrics;
mod oidc;
mod run;
mod sent;
mod sign_in;
mod stream;
mod tick;
mod trend;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use tokio::signal::unix::{SignalKind, signal};

use crate::base::error::{Error, Result};
use crate::base::exit::Exit;
use crate::effect::journal::Journal;
use crate::run::project::Project;
use crate::run::project::serve::Serve;
use crate::sys::blocking;
use crate::sys::listen::{Identity, Listener};
use crate::sys::runtime;
use door::Door;
use hub::Hub;

/// Where it listens when nobody says.
const ADDRESS: &str = "127.0.0.1:7420";
/// What pages may do: nothing that is not this server's own, and no script that stands in a page.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What the command line asks for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Where to listen.
    pub listen: Option<String>,
    /// The chain of certificates, PEM.
    pub certificate: Option<PathBuf>,
    /// The private key, PEM.
    pub key: Option<PathBuf>,
    /// Whether due runs are left to others.
    pub no_tick: bool,
}

/// What every page needs.
#[derive(Debug)]
pub(super) struct Desk {
    folder: PathBuf,
    journal: Journal,
    hub: Arc<Hub>,
    door: Door,
    oidc: Option<oidc::Provider>,
}

/// Serves the page until a signal ends it; `told` is handed the address once it can be asked.
pub fn serve(project: &Project, wanted: &Wanted, told: &dyn Fn(&str)) -> Result<Exit> {
    let settings = &project.serve;
    let address = address(wanted.listen.as_deref().or(settings.listen.as_deref()).unwrap_or(ADDRESS))?;
    let certificate = wanted.certificate.clone().or_else(|| within(project, settings.certificate.as_deref()));
    let key = wanted.key.clone().or_else(|| within(project, settings.key.as_deref()));
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(Identity::read(&certificate, &key)?),
        (None, None) => None,
        _ => return Err(Error::usage("TLS needs both `certificate` and `key`").fix("name the other one too")),
    };
    let runtime = runtime::start()?;
    let done = runtime.block_on(async {
        let secure = identity.is_some();
        // What would let strangers in is refused before anybody can connect.
        Door::new(settings, address, secure, &project.folder)?;
        let listener = Listener::bind(address, identity).await?;
        let desk = desk(project, settings, (listener.address(), secure))?;
        told(&desk.door.origin);
        if !wanted.no_tick {
            tokio::spawn(tick::go_on(project.folder.clone(), desk.journal.clone()));
        }
        tokio::select! {
            served = axum::serve(listener, router(Arc::clone(&desk))) => served.map_err(|why| Error::io("the page broke off", &why)),
            ended = ended() => ended,
        }
    });
    // Streams to browsers have no end of their own.
    runtime.shutdown_background();
    done.map(|()| Exit::Done)
}

fn desk(project: &Project, settings: &Serve, (address, secure): (SocketAddr, bool)) -> Result<Arc<Desk>> {
    let folder = project.folder.clone();
    let journal = Journal::open(&folder)?;
    let hub = Hub::open(folder.clone())?;
    let door = Door::new(settings, address, secure, &folder)?;
    let oidc =
        settings.oidc.as_ref().map(|oidc| oidc::Provider::new(oidc, &door.origin, &folder)).transpose()?;
    Ok(Arc::new(Desk { folder, journal, hub, door, oidc }))
}

/// Waits for the signal that ends it.
async fn ended() -> Result<()> {
    let failed = |why: std::io::Error| Error::io("signals cannot be taken over", &why);
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt()).map_err(failed)?, signal(SignalKind::terminate()).map_err(failed)?);
    tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

fn address(text: &str) -> Result<SocketAddr> {
    let text = text.replace("localhost:", "127.0.0.1:");
    text.parse().map_err(|_| {
        Error::usage(format!("`{text}` is no address to listen at"))
            .fix("write an IP address and a port, for example 127.0.0.1:7420 or 0.0.0.0:443")
    })
}

fn within(project: &Project, path: Option<&Path>) -> Option<PathBuf> {
    path.map(|path| project.folder.join(path))
}

fn router(desk: Arc<Desk>) -> Router {
    let pages = Router::new()
        .route("/", get(list::runs))
        .route("/runs.part", get(list::part))
        .route("/events", get(stream::changes))
        .route("/runs/{run}", get(run::page))
        .route("/runs/{run}/events", get(stream::run))
        .route("/runs/{run}/timeline", get(run::timeline))
        .route("/runs/{run}/report", get(run::report))
        .route("/runs/{run}/gates", get(answer::gates).post(answer::answer))
        .route("/playbooks", get(history::all))
        .route("/playbooks/{*playbook}", get(history::one))
        .route("/metrics", get(metrics::metrics))
        .route("/sign-in", get(sign_in::page).post(sign_in::token))
        .route("/sign-out", post(sign_in::out))
        .route("/oidc/begin", get(sign_in::begin))
        .route("/oidc/callback", get(sign_in::callback))
        .route("/healthz", get(metrics::health))
        .route("/assets/{name}", get(assets::asset))
        .fallback(fault::nowhere);
    pages.layer(middleware::from_fn_with_state(Arc::clone(&desk), guard)).with_state(desk)
}

/// Lets in who may come in, and keeps out what another site makes a browser ask.
async fn guard(State(desk): State<Arc<Desk>>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let path = request.uri().path();
    let is_free =
        path == "/healthz" || ["/assets/", "/sign-in", "/oidc/"].iter().any(|begin| path.starts_with(begin));
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let by_machine = door::bearer(headers).is_some();
    let visitor = desk.door.visitor(headers);
    let response = if path != "/healthz" && !desk.door.is_host(headers) {
        let text = "this page is not served under that name; see `url` in [serve] of playbook.toml\n";
        (StatusCode::MISDIRECTED_REQUEST, text).into_response()
    } else if changes && !by_machine && !desk.door.is_own(headers) {
        (StatusCode::FORBIDDEN, "another site asked for this\n").into_response()
    } else if visitor.is_none() && !is_free {
        refused(&request, by_machine)
    } else {
        if let Some(visitor) = visitor {
            request.extensions_mut().insert(visitor);
        }
        next.run(request).await
    };
    sealed(response, desk.door.is_secure())
}

/// What somebody gets who has to sign in first.
fn refused(request: &Request, by_machine: bool) -> Response {
    let wants_page = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if wants_page.is_some_and(|accept| accept.contains("text/html")) && !by_machine {
        let to = request.uri().path_and_query().map_or("/", |to| to.as_str());
        return Redirect::to(&format!("/sign-in?to={}", look::encoded(to))).into_response();
    }
    let asks = [(header::WWW_AUTHENTICATE, "Bearer realm=\"playbook\"")];
    (StatusCode::UNAUTHORIZED, asks, "sign in, or send a token: Authorization: Bearer …\n").into_response()
}

/// The answer with what keeps a browser from doing anything else with it.
fn sealed(mut response: Response, secure: bool) -> Response {
    let headers = response.headers_mut();
    let mut add = |name: &'static str, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    add("content-security-policy", POLICY);
    add("x-content-type-options", "nosniff");
    add("x-frame-options", "DENY");
    add("referrer-policy", "same-origin");
    add("cross-origin-opener-policy", "same-origin");
    add("cross-origin-resource-policy", "same-origin");
    add("cache-control", "no-store");
    if secure {
        add("strict-transport-security", "max-age=31536000");
    }
    response
}

/// A message of a stream of events.
pub(super) fn message(event: &str, data: &str) -> Bytes {
    Bytes::from(format!("event: {event}\ndata: {data}\n\n"))
}

/// Does what waits for the disk on a thread that may wait.
async fn aside<T: Send + 'static>(
    desk: &Arc<Desk>,
    work: impl FnOnce(&Desk) -> Result<T> + Send + 'static,
) -> Result<T> {
    let desk = Arc::clone(desk);
    blocking::run(move || work(&desk)).await
}
