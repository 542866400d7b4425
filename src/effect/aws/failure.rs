//! What a refusal of AWS means: its code, its own words, the id of the request, and what the reader can do.

use super::Element;
use super::account::Account;
use super::ask::{Ask, Does};
use crate::base::error::{Error, Kind};
use crate::base::text;
use crate::sys::http::Answer;

/// A request without success, and whether another try may help.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) again: Again,
}

/// Whether another try may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    Never,
    /// It may have been bad luck.
    Passing,
    /// It took all the time that it was given, and may do so again.
    Slow,
    /// The other side asks for patience; it has done nothing.
    Throttled,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, again: Again::Never }
    }
}

/// What an answer says of its failure.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    code: String,
    message: String,
    request: String,
}

impl Account {
    /// The error for an answer that is none of success.
    pub(super) fn refused(&self, what: String, ask: &Ask, answer: &Answer) -> Failure {
        let said = said(answer);
        let status = answer.status;
        let again = again(&said.code, status, ask.does);
        let request =
            if said.request.is_empty() { String::new() } else { format!(", request {}", said.request) };
        let words: Vec<&str> =
            [said.code.as_str(), &said.message].into_iter().filter(|part| !part.is_empty()).collect();
        let words = if words.is_empty() { "no word".to_owned() } else { words.join(": ") };
        let why = format!("{words} (HTTP {status}{request})");
        let mut error = self.judge(what, ask, &said.code, status).why(why);
        let is_undone = (400..500).contains(&status) && status != 408 || again == Again::Throttled;
        if ask.does != Does::Read && is_undone {
            error = error.unchanged();
        } else if ask.does != Does::Read {
            error.kind = Kind::InDoubt;
        }
        let error = error.detail("code", said.code).detail("status", status);
        Failure { error: error.detail("request_id", said.request), again }
    }

    /// What is known by the code.
    fn judge(&self, what: String, ask: &Ask, code: &str, status: u16) -> Error {
        let table = &self.table;
        match code {
            "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" | "AuthFailure" => {
                Error::remote(what).fix(format!("correct the keys of {table}"))
            }
            "SignatureDoesNotMatch" | "InvalidSignatureException" | "IncompleteSignature" => {
                Error::remote(what)
                    .fix(format!("correct `secret_key` of {table}, and set the clock of this machine"))
            }
            "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
                Error::remote(what).fix(format!("get new keys; those of {table} are not valid any more"))
            }
            _ if is_throttling(code, status) => {
                Error::remote(what).fix(format!("{} asks for patience; try again later", ask.service.name))
            }
            _ if is_denial(code) || status == 403 => Error::remote(what).fix(format!(
                "let whom the keys of {table} belong to do `{}:{}`",
                ask.service.word, ask.action
            )),
            _ if is_missing(code) && ask.service.is_global => Error::missing(what)
                .fix(format!("correct its id, or the keys of {table}: another account has its own")),
            _ if is_missing(code) => Error::missing(what)
                .fix(format!("correct its name, or look in another region than that of {table}")),
            _ => Error::remote(what),
        }
    }
}

/// The code of the answer that an error came with.
#[must_use]
pub fn code(error: &Error) -> &str {
    error.details.get("code").and_then(serde_json::Value::as_str).unwrap_or_default()
}

/// Whether an error came with one of these codes.
#[must_use]
pub fn is(error: &Error, codes: &[&str]) -> bool {
    codes.contains(&code(error))
}

fn again(code: &str, status: u16, does: Does) -> Again {
    match status {
        _ if is_throttling(code, status) => Again::Throttled,
        500 | 502 | 503 | 504 if does != Does::ChangeOnce => Again::Passing,
        _ => Again::Never,
    }
}

fn is_throttling(code: &str, status: u16) -> bool {
    status == 429
        || code.contains("Throttl")
        || matches!(
            code,
            "TooManyRequestsException"
                | "RequestLimitExceeded"
                | "RequestThrottled"
                | "PriorRequestNotComplete"
                | "BandwidthLimitExceeded"
                | "SlowDown"
        )
}

fn is_denial(code: &str) -> bool {
    matches!(
        code,
        "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedOperation"
            | "AuthorizationError"
            | "NotAuthorized"
    )
}

fn is_missing(code: &str) -> bool {
    code.starts_with("NoSuch") || code.contains("NotFound") || code.contains("DoesNotExist")
}

fn said(answer: &Answer) -> Said {
    let header = |name: &str| {
        let found = answer.headers.iter().find(|(have, _)| have == name);
        found.map(|(_, value)| value.clone())
    };
    let body = String::from_utf8_lossy(&answer.body);
    let mut said = if body.trim_start().starts_with('{') { of_json(&body) } else { of_xml(&body) };
    if let Some(code) = header("x-amzn-errortype") {
        said.code = code.split(':').next().unwrap_or_default().to_owned();
    }
    if let Some(request) = header("x-amzn-requestid").or_else(|| header("x-amz-request-id")) {
        said.request = request;
    }
    said.message = text::headline(&said.message, 400);
    said
}

fn of_json(body: &str) -> Said {
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let code = text("__type").or_else(|| text("code")).unwrap_or_default();
    Said {
        code: code.rsplit('#').next().unwrap_or_default().to_owned(),
        message: text("message").or_else(|| text("Message")).unwrap_or_default(),
        request: String::new(),
    }
}

fn of_xml(body: &str) -> Said {
    let Ok(root) = Element::read(body) else { return Said { message: body.to_owned(), ..Said::default() } };
    let anywhere = |name: &str| root.anywhere(name).unwrap_or_default().to_owned();
    // Route 53 names the mistake by the outermost element, and may tell several.
    let code = root.anywhere("Code").map_or_else(|| root.name.clone(), str::to_owned);
    let request = root.anywhere("RequestId").or_else(|| root.anywhere("RequestID")).unwrap_or_default();
    Said { code, message: anywhere("Message"), request: request.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_says_its_mistake_in_its_own_way() {
        for (body, code, message, request) in [
            (
                r#"{"__type":"com.amazonaws.ecs#ClusterNotFoundException","message":"no cluster"}"#,
                "ClusterNotFoundException",
                "no cluster",
                "",
            ),
            (
                r#"{"__type":"AccessDeniedException","Message":"not you"}"#,
                "AccessDeniedException",
                "not you",
                "",
            ),
            (
                "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not  you</Message></Error><RequestId>r1</RequestId></ErrorResponse>",
                "AccessDenied",
                "not you",
                "r1",
            ),
            (
                "<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code><Message>none</Message></Error></Errors><RequestID>r2</RequestID></Response>",
                "InvalidInstanceID.NotFound",
                "none",
                "r2",
            ),
            (
                "<InvalidChangeBatch><Messages><Message>exists</Message></Messages></InvalidChangeBatch>",
                "InvalidChangeBatch",
                "exists",
                "",
            ),
            ("Bad Gateway", "", "Bad Gateway", ""),
        ] {
            let answer = Answer {
                status: 400,
                status_line: String::new(),
                headers: Vec::new(),
                body: body.to_owned().into(),
                cut: false,
            };
            let expected =
                Said { code: code.to_owned(), message: message.to_owned(), request: request.to_owned() };
            assert_eq!(said(&answer), expected);
        }
    }

    #[test]
    fn what_may_be_asked_again() {
        assert_eq!(again("ThrottlingException", 400, Does::ChangeOnce), Again::Throttled);
        assert_eq!(again("", 503, Does::Change), Again::Passing);
        assert_eq!(again("", 503, Does::ChangeOnce), Again::Never);
        assert_eq!(again("AccessDenied", 403, Does::Read), Again::Never);
        assert!(is_missing("InvalidInstanceID.NotFound") && is_missing("NoSuchDistribution"));
    }
}
