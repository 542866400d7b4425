//! What a request died of, told from the chain of causes that the HTTP library keeps below its own sentence.

use std::error::Error as _;
use std::io::ErrorKind;

use reqwest::Url;

use crate::base::error::Error;
use crate::base::text::show_size;

/// A request that got no answer. The detail `sent` says whether the other side may have acted on it.
pub(super) fn unanswered(what: &str, base: &Url, error: reqwest::Error) -> Error {
    let error = error.without_url();
    let why = causes(&error);
    let told = if error.is_redirect() {
        Error::remote(format!("{what} was redirected where it does not go"))
    } else if error.is_connect() {
        unconnected(what, base, &error, &why)
    } else if is_closed(&error, &why) {
        Error::remote(format!("{what} failed: {} closed the connection without an answer", host(base)))
    } else {
        Error::remote(format!("{what} failed"))
    };
    let told = told.why(why).detail("sent", !error.is_connect());
    if error.is_connect() { told.unchanged() } else { told }
}

/// An answer whose end never came.
pub(super) fn broke_off(what: &str, after: usize, error: reqwest::Error) -> Error {
    Error::remote(format!("the answer to {what} broke off after {}", show_size(after as u64)))
        .why(causes(&error.without_url()))
        .fix("look at the server's log: it closed the connection before the end")
        .detail("sent", true)
}

/// The causes below the library's own sentences, which say only that a request failed.
pub(super) fn causes(error: &reqwest::Error) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        next = cause.source();
        let says_nothing = text.starts_with("client error (") || text == "error sending request";
        // Each layer likes to repeat the one below it.
        if !says_nothing && !told.iter().any(|have| have.contains(&text)) {
            told.retain(|have| !text.contains(have.as_str()));
            told.push(text);
        }
    }
    if told.is_empty() { error.to_string() } else { told.join(": ") }
}

/// There was no connection, so that nothing was sent.
fn unconnected(what: &str, base: &Url, error: &reqwest::Error, why: &str) -> Error {
    let host = host(base);
    let told = |text: String| Error::remote(format!("{what} failed: {text}"));
    let said = |text: &str| why.contains(text);
    if io_kind(error) == Some(ErrorKind::ConnectionRefused) {
        return told(format!("nothing listens at {host}"))
            .fix("start the server, or correct `url` of that resource in playbook.toml");
    }
    if said("dns error") {
        return told(format!("the host `{}` was not found", base.host_str().unwrap_or("?")))
            .fix("correct `url` of that resource in playbook.toml, or check the name service");
    }
    if said("UnknownIssuer") || said("self-signed") {
        return told(format!("the certificate of {host} is signed by nobody known here")).fix(
            "name the file of the signing authority's certificate as `ca` of that resource in playbook.toml",
        );
    }
    if said("CaUsedAsEndEntity") {
        return told(format!("{host} shows the certificate of an authority as its own"))
            .fix("give the server a certificate of its own, made with `basicConstraints=CA:FALSE`");
    }
    if said("certificate") {
        return told(format!("the certificate of {host} is not valid"));
    }
    if error.is_timeout() {
        return told(format!("{host} did not accept a connection in time"))
            .fix("check that the host runs and that no firewall is in between");
    }
    told(format!("no connection to {host}"))
}

fn is_closed(error: &reqwest::Error, why: &str) -> bool {
    let ends = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::UnexpectedEof];
    why.contains("message completed")
        || why.contains("connection closed")
        || io_kind(error).is_some_and(|kind| ends.contains(&kind))
}

fn host(base: &Url) -> String {
    format!("{}:{}", base.host_str().unwrap_or("?"), base.port_or_known_default().unwrap_or(0))
}

/// The innermost error of the operating system, if there is one.
fn io_kind(error: &reqwest::Error) -> Option<ErrorKind> {
    let mut next = error.source();
    let mut kind = None;
    while let Some(cause) = next {
        kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or(kind);
        next = cause.source();
    }
    kind
}
