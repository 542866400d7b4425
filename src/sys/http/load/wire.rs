//! One kept-alive connection of a load, as thin as it can be: one request at a time, its answer read and thrown away.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use reqwest::header::{HOST, HeaderMap, HeaderValue, USER_AGENT};

use super::super::{Client, Request};
use super::broken;
use super::tally::Answered;
use crate::base::error::{Error, Result};
use crate::sys::net::{self, Address};

/// How a load reaches the server.
pub(super) enum Wire {
    /// A connection of its own.
    Direct(Option<SendRequest<Full<Bytes>>>),
    /// Whatever connections the client has: through TLS or a proxy.
    Shared,
}

/// What is sent again and again.
pub(super) struct Shot {
    client: Client,
    request: Request,
    direct: Option<(Address, hyper::Request<Full<Bytes>>)>,
}

impl Shot {
    /// Prepares a request.
    pub(super) fn new(client: &Client, request: Request) -> Result<Self> {
        let direct = client.is_direct().then(|| direct(client, &request)).transpose()?;
        Ok(Self { client: client.clone(), request, direct })
    }

    /// Whether each connection is one of its own, which may live on any thread.
    pub(super) const fn is_direct(&self) -> bool {
        self.direct.is_some()
    }

    /// A wire that is not connected yet.
    pub(super) const fn wire(&self) -> Wire {
        if self.is_direct() { Wire::Direct(None) } else { Wire::Shared }
    }

    /// Connects the wire, unless it is.
    pub(super) async fn connect(&self, wire: &mut Wire, within: Duration) -> Result<(), String> {
        let (Wire::Direct(open), Some((address, _))) = (wire, &self.direct) else { return Ok(()) };
        if open.as_ref().is_some_and(|sender| !sender.is_closed()) {
            return Ok(());
        }
        let stream = net::connect(&self.client.name, address, within).await.map_err(|error| told(&error))?;
        let (sender, connection) =
            Builder::new().handshake(TokioIo::new(stream)).await.map_err(|why| why.to_string())?;
        tokio::spawn(connection);
        *open = Some(sender);
        Ok(())
    }

    /// Sends the request once. After a failure the wire is not connected any more.
    pub(super) async fn send(&self, wire: &mut Wire, within: Duration) -> Answered {
        let sent = async {
            match (&mut *wire, &self.direct) {
                (Wire::Direct(Some(sender)), Some((_, request))) => exchange(sender, request.clone()).await,
                _ => self.send_shared().await,
            }
        };
        let answered = tokio::time::timeout(within, sent).await.unwrap_or_else(|_| {
            Err(format!("no answer within {}", crate::base::text::show_duration(within)))
        });
        if let (Err(_), Wire::Direct(open)) = (&answered, wire) {
            *open = None;
        }
        answered
    }

    async fn send_shared(&self) -> Answered {
        let answer =
            self.client.send(self.request.clone(), usize::MAX).await.map_err(|error| told(&error))?;
        Ok((answer.status, answer.body.len() as u64))
    }
}

async fn exchange(sender: &mut SendRequest<Full<Bytes>>, request: hyper::Request<Full<Bytes>>) -> Answered {
    let broken = |why: hyper::Error| match broken::is_end(&why) {
        true => "the connection was closed without an answer".to_owned(),
        false => broken::chain(&why),
    };
    sender.ready().await.map_err(broken)?;
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|why| format!("the answer broke off: {}", broken::chain(&why)))?;
        bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok((status, bytes))
}

fn direct(client: &Client, request: &Request) -> Result<(Address, hyper::Request<Full<Bytes>>)> {
    let url = &request.url;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let address = Address { host, port: url.port_or_known_default().unwrap_or(80) };
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let authority = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    let wrong = |why: String| Error::bug(format!("{url} cannot be asked for")).why(why);
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_str(&authority).map_err(|why| wrong(why.to_string()))?);
    headers.insert(USER_AGENT, HeaderValue::from_static(super::super::USER));
    for all in [&client.headers, &request.headers] {
        for (name, value) in all {
            headers.insert(name.clone(), value.clone());
        }
    }
    let mut made = hyper::Request::new(Full::new(request.body.clone().unwrap_or_default()));
    *made.method_mut() = request.method.clone();
    *made.uri_mut() = target.parse().map_err(|why| wrong(format!("{why}")))?;
    *made.headers_mut() = headers;
    Ok((address, made))
}

/// An error in one line.
fn told(error: &Error) -> String {
    match &error.why {
        Some(why) => format!("{}: {why}", error.what),
        None => error.what.clone(),
    }
}
