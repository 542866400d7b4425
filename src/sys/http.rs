//! An HTTP client for one base address: bounded bodies, redirects that stay on the host, and causes told as they are.

use std::error::Error as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
pub use reqwest::{Method, Url};

use crate::base::error::{Error, Result};
use crate::base::secret::Revealed;
use crate::base::text::show_size;

/// How long a host may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);

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
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: Url,
    /// Headers of this request.
    pub headers: Vec<(String, String)>,
    /// The body and its content type.
    pub body: Option<(&'static str, Bytes)>,
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
            .user_agent(concat!("playbook/", env!("CARGO_PKG_VERSION")))
            .default_headers(all)
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
            Error::new(crate::base::error::Kind::Io, format!("no HTTP client for `{name}`")).why(causes(&why))
        })?;
        Ok(Self { inner, name, base })
    }

    /// The base address.
    #[must_use]
    pub const fn base(&self) -> &Url {
        &self.base
    }

    /// Sends a request and reads at most `most` bytes of the answer's body.
    pub async fn send(&self, request: Request, most: usize) -> Result<Answer> {
        let Request { method, url, headers, body } = request;
        let what = format!("{method} {} of `{}`", url.path(), self.name);
        let mut builder = self.inner.request(method, url);
        for (name, value) in &headers {
            builder = builder.header(header_name(name)?, header_value(name, value)?);
        }
        if let Some((kind, bytes)) = body {
            builder = builder.header("content-type", kind).body(bytes);
        }
        let mut response = builder.send().await.map_err(|why| self.failed(&what, why))?;
        let status = response.status();
        let mut read = BytesMut::new();
        let mut cut = false;
        while let Some(chunk) = response.chunk().await.map_err(|why| broke_off(&what, read.len(), why))? {
            let room = most - read.len();
            read.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                cut = true;
                break;
            }
        }
        Ok(Answer {
            status: status.as_u16(),
            status_line: status.to_string().replace(" <unknown status code>", ""),
            headers: join_headers(response.headers()),
            body: read.freeze(),
            cut,
        })
    }

    /// What a request that got no answer died of.
    fn failed(&self, what: &str, error: reqwest::Error) -> Error {
        let error = error.without_url();
        let why = causes(&error);
        let host = format!(
            "{}:{}",
            self.base.host_str().unwrap_or("?"),
            self.base.port_or_known_default().unwrap_or(0)
        );
        let said = |text: &str| why.contains(text);
        if error.is_redirect() {
            return Error::remote(format!("{what} was redirected too far")).why(why);
        }
        let io = io_kind(&error);
        let result = match io {
            Some(std::io::ErrorKind::ConnectionRefused) => Error::remote(format!("{what} failed: nothing listens at {host}"))
                .fix("start the server, or correct `url` of that resource in playbook.toml"),
            _ if said("dns error") => Error::remote(format!("{what} failed: the host `{}` was not found", self.base.host_str().unwrap_or("?")))
                .fix("correct `url` of that resource in playbook.toml, or check the name service"),
            _ if said("UnknownIssuer") || said("self-signed") => Error::remote(format!("{what} failed: the certificate of {host} is signed by nobody known here"))
                .fix("name the file of the signing authority's certificate as `ca` of that resource in playbook.toml"),
            _ if said("certificate") => Error::remote(format!("{what} failed: the certificate of {host} is not valid")),
            _ if error.is_connect() && error.is_timeout() => Error::remote(format!("{what} failed: {host} did not accept a connection within 10s"))
                .fix("check that the host runs and that no firewall is in between"),
            _ if error.is_connect() => Error::remote(format!("{what} failed: no connection to {host}")),
            _ if said("message completed") || said("connection closed") || io == Some(std::io::ErrorKind::ConnectionReset) => {
                Error::remote(format!("{what} failed: {host} closed the connection without an answer"))
            }
            _ => Error::remote(format!("{what} failed")),
        };
        result.why(why)
    }
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

fn broke_off(what: &str, after: usize, error: reqwest::Error) -> Error {
    Error::remote(format!("the answer to {what} broke off after {}", show_size(after as u64)))
        .why(causes(&error.without_url()))
        .fix("look at the server's log: it closed the connection before the end")
}

fn certificates(name: &str, pem: &str) -> Result<Vec<reqwest::Certificate>> {
    let wrong = || {
        Error::usage(format!("`ca` of `{name}` holds no certificate"))
            .fix("name a file in PEM form, with BEGIN CERTIFICATE")
    };
    let found =
        reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(|why| wrong().why(causes(&why)))?;
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

/// The causes below the library's own sentence, which says only that a request failed.
fn causes(error: &reqwest::Error) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Each layer likes to repeat the one below it.
        if !told.iter().any(|have| have.contains(&text)) {
            told.retain(|have| !text.contains(have.as_str()));
            told.push(text);
        }
        next = cause.source();
    }
    if told.is_empty() { error.to_string() } else { told.join(": ") }
}

fn io_kind(error: &reqwest::Error) -> Option<std::io::ErrorKind> {
    let mut next = error.source();
    let mut kind = None;
    while let Some(cause) = next {
        kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or(kind);
        next = cause.source();
    }
    kind
}
