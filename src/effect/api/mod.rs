//! A product's HTTP API: JSON in and out, its own words where it refuses, its rate limits respected within the time-out.

mod limits;
mod reply;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

pub use reply::Reply;

use super::cx::Cx;
use crate::base::error::{Error, Kind, Result};
use crate::base::secret::{Reference, Revealed, Setting};
use crate::base::text::show_duration;
use crate::sys::files;
use crate::sys::http::{Client, Method, Request, Settings, Url};

/// An answer longer than this is cut; in bytes.
const LARGEST: usize = 4 * 1024 * 1024;
/// A file of certificates larger than this is a mistake.
const LARGEST_CA: u64 = 4 * 1024 * 1024;
/// How often a limit may ask to wait before it counts as a refusal.
const TURNS: u32 = 20;

/// How an API is reached.
#[derive(Debug, Default)]
pub struct Access {
    /// Headers that go with every request.
    pub headers: Vec<(String, Revealed)>,
    /// The whole `Authorization` header.
    pub authorization: Option<Revealed>,
    /// The file of a further authority's certificate, as it stands in `playbook.toml`.
    pub ca: Option<String>,
}

/// A product's API at one base address.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    /// The resource, for errors.
    pub name: String,
    /// The table of `playbook.toml` that declares it.
    pub table: String,
}

/// One request: a method, parts of a path, and what goes with it.
#[derive(Clone, Debug)]
pub struct Ask {
    method: Method,
    path: Vec<String>,
    query: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    body: Option<(&'static str, Bytes)>,
}

impl Ask {
    /// A request for the path of these parts, each of which may hold any characters.
    #[must_use]
    pub fn new(method: Method, path: &[&str]) -> Self {
        let path = path.iter().map(|&part| part.to_owned()).collect();
        Self { method, path, query: Vec::new(), headers: BTreeMap::new(), body: None }
    }

    /// A GET.
    #[must_use]
    pub fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }

    /// A POST of this JSON.
    #[must_use]
    pub fn post(path: &[&str], json: &Value) -> Self {
        Self::new(Method::POST, path).json(json)
    }

    /// The same with a body of JSON.
    #[must_use]
    pub fn json(self, json: &Value) -> Self {
        self.body("application/json", json.to_string())
    }

    /// The same with a body.
    #[must_use]
    pub fn body(mut self, kind: &'static str, bytes: impl Into<Bytes>) -> Self {
        self.body = Some((kind, bytes.into()));
        self
    }

    /// The same with one more name and value behind the `?`.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }
}

impl Api {
    /// The API at `base`; its client keeps connections.
    pub fn open(cx: &Cx, base: &str, access: Access) -> Result<Self> {
        let (name, table) = (cx.resource().to_string(), cx.table());
        let wrong = |fix: &str| Error::usage(format!("the address of `{name}` is none")).fix(fix);
        let base: Url = base.parse().map_err(|_| wrong("write for example \"https://api.example.com\""))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(wrong("begin it with `https://` and a host"));
        }
        let Access { headers, authorization, ca } = access;
        let authorities = ca.map(|path| files::read_text(&cx.trusted_path(&path), LARGEST_CA)).transpose()?;
        let settings = Settings { name: name.clone(), base, headers, authorization, authorities, follow: 5 };
        Ok(Self { client: Client::new(settings)?, name, table })
    }

    /// Sends a request and gives the answer, whatever it is. Where the product asks to wait it is waited for, if there
    /// is time for that. A change that was sent and not answered is in doubt.
    pub async fn send(&self, cx: &Cx, ask: &Ask) -> Result<Reply> {
        let reads = matches!(ask.method, Method::GET | Method::HEAD);
        for turn in 0.. {
            let request =
                Request::new(ask.method.clone(), self.address(ask)?, &ask.headers, ask.body.clone())?;
            let answer = self.client.send(request, LARGEST).await.map_err(|mut error| {
                if !reads && error.details.get("sent") == Some(&Value::Bool(true)) {
                    error.kind = Kind::InDoubt;
                }
                error
            })?;
            let reply = Reply::new(answer);
            let Some(wait) = limits::wait(&reply, turn) else { return Ok(reply) };
            if turn >= TURNS || cx.left().is_some_and(|left| left <= wait) {
                return Err(self.limited(&reply, wait, cx.left()));
            }
            cx.line(false, &format!("asked to wait {} ({})", show_duration(wait), reply.line));
            cx.pause(wait).await?;
        }
        Err(Error::bug("a loop without end ended"))
    }

    /// Sends a request whose answer must be one of success; `what` says what it was for, as "post the message".
    pub async fn ask(&self, cx: &Cx, ask: &Ask, what: &str) -> Result<Reply> {
        let reply = self.send(cx, ask).await?;
        if reply.is_fine() { Ok(reply) } else { Err(self.refused(&reply, what)) }
    }

    /// The error for an answer that refuses.
    #[must_use]
    pub fn refused(&self, reply: &Reply, what: &str) -> Error {
        let error = Error::remote(format!("`{}` could not {what}: it answered {}", self.name, reply.line))
            .why(reply.words())
            .detail("status", reply.status);
        match reply.status {
            401 => error.fix(format!("check the secret in {} of playbook.toml: it is refused", self.table)),
            403 => error.fix("give the token the right to do that, or use another"),
            _ => error,
        }
    }

    fn limited(&self, reply: &Reply, wait: Duration, left: Option<Duration>) -> Error {
        let left = left.map(|left| format!(", longer than the {} left for the call", show_duration(left)));
        let asked = format!("it asks to wait {}{}", show_duration(wait), left.unwrap_or_default());
        let words = reply.words();
        let why = if words.is_empty() { asked } else { format!("{asked}: {words}") };
        Error::remote(format!("`{}` limits how often it may be asked: {}", self.name, reply.line))
            .why(why)
            .fix("send less at once, or give the call longer with `#{ timeout: \"…\" }`")
            .detail("status", reply.status)
    }

    fn address(&self, ask: &Ask) -> Result<Url> {
        let mut url = self.client.base().clone();
        if !ask.path.is_empty() {
            let mut parts =
                url.path_segments_mut().map_err(|()| Error::bug("an address without a path was let in"))?;
            parts.pop_if_empty().extend(&ask.path);
        }
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&ask.query);
        }
        Ok(url)
    }
}

/// The error of a change that is a single request: what a server refuses it has not begun.
#[must_use]
pub fn refused_whole(error: Error) -> Error {
    let status = error.details.get("status").and_then(Value::as_u64);
    // 408 says that the server gave up waiting, perhaps for what it had begun.
    if status.is_some_and(|status| (400..500).contains(&status) && status != 408) {
        error.unchanged()
    } else {
        error
    }
}

/// Makes the parts of a secret address secrets as well: errors name the path without the host.
pub fn hide(cx: &Cx, of: &Setting, address: &str) {
    if let (Setting::Reference(of), Ok(url)) = (of, address.parse::<Url>()) {
        let reference = Reference { provider: of.provider.clone(), name: format!("{}, its path", of.name) };
        if url.path().len() > 8 {
            cx.redactor().learn(&reference, url.path());
        }
    }
}

#[cfg(test)]
mod tests;
