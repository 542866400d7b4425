//! What a mail died of: the server's own words, and what the reader can do.

use lettre::transport::smtp::Error as Smtp;

use crate::base::error::{Error, Kind};
use crate::effect::cx::Cx;

/// The error for what the server at `place` did not let us do.
pub(super) fn told(cx: &Cx, place: &str, doing: &str, why: &Smtp) -> Error {
    let (name, table, words) = (cx.resource(), cx.table(), causes(why));
    if let Some(code) = why.status() {
        let number = code.to_string();
        let error = Error::remote(format!("`{name}` could not {doing}: the server answered {number}"))
            .why(words)
            .detail("code", number.clone())
            .unchanged();
        return match number.as_str() {
            "535" | "530" | "534" => {
                error.fix(format!("check `user` and `password` of {table}")).detail("status", 401)
            }
            _ if why.is_transient() => error.fix("try again later: the server says that it is for now only"),
            "550" | "551" | "553" => error.fix("check the addresses: the server does not take mail for them"),
            _ => error,
        };
    }
    if why.is_tls() || words.contains("certificate") || words.contains("UnknownIssuer") {
        return Error::remote(format!("`{name}` could not {doing}: no trust in {place}"))
            .why(words)
            .fix(format!("name the authority's PEM file as `ca` of {table}, or correct `host`"))
            .unchanged();
    }
    if words.contains("STARTTLS") {
        return Error::remote(format!("`{name}` could not {doing}: {place} offers no encryption"))
            .why(words)
            .fix(format!("set `encryption = \"tls\"` in {table}, or another `port`"))
            .unchanged();
    }
    if words.contains("refused") {
        return Error::remote(format!("`{name}` could not {doing}: nothing listens at {place}"))
            .why(words)
            .fix(format!("correct `host` and `port` of {table}"))
            .unchanged();
    }
    if why.is_timeout() {
        return Error::timeout(format!("`{name}` could not {doing}: {place} gives no answer")).why(words);
    }
    if why.is_client() {
        return Error::remote(format!("`{name}` could not {doing}")).why(words).unchanged();
    }
    // The connection broke: what was handed over by then nobody knows.
    Error::new(Kind::InDoubt, format!("`{name}` could not {doing}: the connection to {place} broke"))
        .why(words)
}

/// An error with what lies below it.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        next = cause.source();
    }
    words
}
