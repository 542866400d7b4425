//! An HTTP client for one base address: bounded bodies, redirects that stay on the host, and causes told as they are.

mod failure;
pub mod load;
pub mod path;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
pub use reqwest::{Method, Url};

use crate::base::error::{Error, Result};
use crate::base::secret::Revealed;
use crate::sys::environment;

/// How long a host may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How it calls itself.
const USER: &str = concat!("playbook/", env!("CARGO_PKG_VERSION"));

tokio::task_local! {
    /// The W3C `traceparent` of the call for which requests are sent.
    static TRACE: HeaderValue;
}

/// Does `work`, whose requests name the trace that they belong to, where there is one.
pub async fn traced<T>(parent: Option<String>, work: impl Future<Output = T>) -> T {
    match parent.and_then(|parent| HeaderValue::from_str(&parent).ok()) {
        Some(parent) => TRACE.scope(parent, work).await,
        None => work.await,
    }
}

/// What a client is made of.
#[derive(Debug)]
pub struct Settings {
    /// What errors call the other side: `http.api`.
    pub name: String,
    /// The base address.
    pub base: Url,
    /// Headers that go with every request.
    pub headers: Vec<(String, Revealed)>,
    /// The whole `Authorization` header.
    pub authorization: Option<Revealed>,
    /// Certificates of further authorities, PEM.
    pub authorities: Option<String>,
    /// How many redirects are followed; only on the same host.
    pub follow: usize,
}

/// A client for one base address; clones share its connections.
#[derive(Clone, Debug)]
pub struct Client {
    inner: reqwest::Client,
    name: String,
    base: Url,
    headers: HeaderMap,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Request {
    /// A request with headers of its own and a body of some content type.
    pub fn new(
        method: Method,
        url: Url,
        headers: &BTreeMap<String, String>,
        body: Option<(&'static str, Bytes)>,
    ) -> Result<Self> {
        let mut all = HeaderMap::new();
        if let Some((kind, _)) = &body {
            all.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        for (name, value) in headers {
            all.insert(header_name(name)?, header_value(name, value)?);
        }
        Ok(Self { method, url, headers: all, body: body.map(|(_, bytes)| bytes) })
    }

    /// A plain GET.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: HeaderMap::new(), body: None }
    }

    /// Where it goes.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }
}

/// An answer with its body read.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The status as people know it: `503 Service Unavailable`.
    pub status_line: String,
    /// The headers, lower-case names, repeated ones joined.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Whether the body was longer than asked for and is cut there.
    pub cut: bool,
}

impl Client {
    /// Makes a client; for a plain `http` address no certificates are loaded.
    pub fn new(settings: Settings) -> Result<Self> {
        let Settings { name, base, headers, authorization, authorities, follow } = settings;
        let mut all = HeaderMap::new();
        for (header, value) in &headers {
            all.append(header_name(header)?, header_value(header, value.expose())?);
        }
        if let Some(value) = &authorization {
            all.insert(AUTHORIZATION, header_value("authorization", value.expose())?);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(USER)
            .default_headers(all.clone())
            .connect_timeout(CONNECT)
            .referer(false)
            .redirect(redirects(&base, follow));
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        builder = match authorities {
            _ if base.scheme() == "http" => builder.tls_certs_only([]),
            Some(pem) => builder.tls_certs_merge(certificates(&name, &pem)?),
            None => builder,
        };
        let inner = builder.build().map_err(|why| {
            Error::new(crate::base::error::Kind::Io, format!("no HTTP client for `{name}`"))
                .why(failure::causes(&why))
        })?;
        Ok(Self { inner, name, base, headers: all })
    }

    /// The base address.
    #[must_use]
    pub const fn base(&self) -> &Url {
        &self.base
    }

    /// Whether it reaches the server without TLS and without a proxy.
    fn is_direct(&self) -> bool {
        let is_proxied = || {
            ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
                .iter()
                .any(|name| environment::variable(name).is_some_and(|value| !value.is_empty()))
        };
        self.base.scheme() == "http" && (is_loopback(&self.base) || !is_proxied())
    }

    /// Sends a request and reads at most `most` bytes of the answer's body.
    pub async fn send(&self, request: Request, most: usize) -> Result<Answer> {
        let Request { method, url, mut headers, body } = request;
        if let Ok(parent) = TRACE.try_with(Clone::clone) {
            headers.entry("traceparent").or_insert(parent);
        }
        let what = format!("{method} {} of `{}`", url.path(), self.name);
        let mut builder = self.inner.request(method, url).headers(headers);
        if let Some(bytes) = body {
            builder = builder.body(bytes);
        }
        let mut response = builder.send().await.map_err(|why| failure::unanswered(&what, &self.base, why))?;
        let status = response.status();
        let mut read = BytesMut::new();
        let mut cut = false;
        while let Some(chunk) =
            response.chunk().await.map_err(|why| failure::broke_off(&what, read.len(), why))?
        {
            let room = most - read.len();
            read.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                cut = true;
                break;
            }
        }
        Ok(Answer {
            status: status.as_u16(),
            status_line: status_line(status.as_u16()),
            headers: join_headers(response.headers()),
            body: read.freeze(),
            cut,
        })
    }
}

/// A status as people know it: `503 Service Unavailable`.
#[must_use]
pub fn status_line(status: u16) -> String {
    let known = reqwest::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    known.map_or_else(|| status.to_string(), |reason| format!("{status} {reason}"))
}

/// Follows at most `most` redirects, all to the host it began with: what is sent is meant for that host alone.
fn redirects(base: &Url, most: usize) -> Policy {
    if most == 0 {
        return Policy::none();
    }
    let origin = base.origin();
    Policy::custom(move |attempt| {
        if attempt.url().origin() != origin {
            let to = attempt.url().origin().ascii_serialization();
            return attempt.error(format!("it points to {to}, which is another host than that resource's"));
        }
        if attempt.previous().len() > most {
            return attempt.error(format!("more than {most} redirects"));
        }
        attempt.follow()
    })
}

fn certificates(name: &str, pem: &str) -> Result<Vec<reqwest::Certificate>> {
    let wrong = || {
        Error::usage(format!("`ca` of `{name}` holds no certificate"))
            .fix("name a file in PEM form, with BEGIN CERTIFICATE")
    };
    let found = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
        .map_err(|why| wrong().why(failure::causes(&why)))?;
    if found.is_empty() { Err(wrong()) } else { Ok(found) }
}

fn header_name(name: &str) -> Result<HeaderName> {
    name.parse().map_err(|_| Error::usage(format!("`{name}` is no name of a header")))
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        Error::usage(format!("the value of the header `{name}` has characters that a header cannot carry"))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn join_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let joined = |name: &HeaderName| {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        values.join(", ")
    };
    headers.keys().map(|name| (name.as_str().to_owned(), joined(name))).collect()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
