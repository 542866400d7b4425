//! What a request's failure means: the server's own words with its request id, and what the reader can do.

use std::error::Error as StdError;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::bucket::Bucket;
use crate::base::error::{Error, Kind};
use crate::base::text;
use crate::effect::aws::chain;

/// What the server said of a request.
struct Answer<'a> {
    code: &'a str,
    status: u16,
    region: Option<&'a str>,
}

impl Bucket {
    /// The error for a request that failed while `doing` something.
    pub(super) fn failed<E>(&self, doing: &str, failure: &SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let what = format!("`{}` could not {doing}", self.resource);
        match failure {
            SdkError::ServiceError(context) => {
                let (raw, said) = (context.raw(), ProvideErrorMetadata::meta(context.err()));
                let header = |name: &str| raw.headers().get(name);
                let status = raw.status().as_u16();
                let code = said.code().unwrap_or(match status {
                    403 => "AccessDenied",
                    404 => "NotFound",
                    412 => "PreconditionFailed",
                    _ => "",
                });
                let request = header("x-amz-request-id").unwrap_or_default();
                let said = said.message().map_or_else(|| meaning(code, context.err()), str::to_owned);
                let why =
                    [code, if code.is_empty() { "" } else { ": " }, &said, " ", &trailer(status, request)];
                let why = why.concat();
                let error = self.judge(what, &Answer { code, status, region: header("x-amz-bucket-region") });
                error.why(why).detail("code", code).detail("status", status).detail("request_id", request)
            }
            SdkError::TimeoutError(_) => self.no_answer(what, failure),
            SdkError::DispatchFailure(reason) if reason.is_timeout() => self.no_answer(what, failure),
            SdkError::DispatchFailure(_) => {
                let (said, table) = (chain(failure), &self.table);
                let place = self.place();
                let is_untrusted = said.contains("certificate") || said.contains("UnknownIssuer");
                let fix = if is_untrusted {
                    format!("name the authority's PEM file as `ca` of {table}")
                } else if said.contains("InvalidContentType") {
                    format!("write `endpoint` of {table} with `http://`: what answers there speaks no TLS")
                } else {
                    format!("check `endpoint` and `region` of {table}, and the network")
                };
                Error::remote(what).why(format!("{place} cannot be reached: {said}")).fix(fix)
            }
            SdkError::ResponseError(context) => Error::remote(what)
                .why(format!("{} {}", chain(failure), trailer(context.raw().status().as_u16(), "")))
                .fix(format!("check that `endpoint` of {} is an S3 server", self.table)),
            _ => Error::remote(what).why(chain(failure)),
        }
    }

    /// Where the server is, as people read it.
    fn place(&self) -> &str {
        self.endpoint.as_deref().unwrap_or("AWS's address of the region")
    }

    /// The error for a bucket that is not there.
    pub(super) fn no_bucket(&self) -> Error {
        Error::missing(format!("there is no bucket `{}` for `{}`", self.name, self.resource))
            .fix(format!("make it, or correct `bucket` of {}", self.table))
    }

    fn no_answer<E: StdError + 'static>(&self, what: String, failure: &SdkError<E, HttpResponse>) -> Error {
        let waited = text::show_duration(self.bounds.request_timeout);
        Error::timeout(what)
            .why(format!("the server at {} gave no answer: {}", self.place(), chain(failure)))
            .fix(format!(
                "check the server; each try waits {waited}, which `request_timeout` of {} sets",
                self.table
            ))
    }

    /// What is known by the code of an answer.
    fn judge(&self, what: String, answer: &Answer<'_>) -> Error {
        let Self { table, name, .. } = self;
        let remote = |fix: String| Error::remote(what.clone()).fix(fix);
        match (answer.code, answer.status) {
            ("NoSuchBucket", _) => self.no_bucket(),
            ("NoSuchKey" | "NoSuchVersion", _) => Error::missing(what),
            ("InvalidAccessKeyId" | "NotSignedUp", _) => remote(format!("correct `access_key` of {table}")),
            ("SignatureDoesNotMatch", _) => remote(format!("correct `secret_key` of {table}")),
            ("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired", _) => {
                remote(format!("get new keys; `session_token` of {table} is not valid any more"))
            }
            ("RequestTimeTooSkewed", _) => remote("set the clock of this machine".to_owned()),
            (
                "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException",
                _,
            )
            | (_, 301) => remote(match answer.region {
                Some(region) => format!("set `region = \"{region}\"` in {table}"),
                None => format!("correct `region` and `endpoint` of {table}"),
            }),
            ("PreconditionFailed" | "ConditionalRequestConflict", _) => {
                remote("look at who else writes there, and run it again".to_owned())
            }
            ("NotImplemented" | "MethodNotAllowed", _) => {
                remote(format!("the server of {table} cannot do that"))
            }
            // S3 refuses to say what is not there to keys that may not list.
            (_, 403) => {
                remote(format!("let the keys of {table} do that in the bucket `{name}`, and list it"))
            }
            (_, 429 | 503) => remote("the server has too much to do; try again later".to_owned()),
            _ => Error::remote(what),
        }
    }
}

/// What a refusal without words of its own means.
fn meaning(code: &str, error: &(dyn StdError + 'static)) -> String {
    match code {
        "SignatureDoesNotMatch" => "the signature does not fit the secret key".to_owned(),
        "InvalidAccessKeyId" => "the server does not know the access key".to_owned(),
        "AccessDenied" => "the keys may not do that".to_owned(),
        "NoSuchBucket" => "there is no such bucket".to_owned(),
        "" => chain(error),
        _ => "the server says no more".to_owned(),
    }
}

fn trailer(status: u16, request: &str) -> String {
    if request.is_empty() {
        format!("(HTTP {status})")
    } else {
        format!("(HTTP {status}, request {request})")
    }
}

/// The status of the server's answer, where an error came with one.
pub(super) fn status(error: &Error) -> Option<u64> {
    error.details.get("status").and_then(serde_json::Value::as_u64)
}

/// Whether the server refused, so that nothing was changed by that request.
pub(super) fn is_refusal(error: &Error) -> bool {
    status(error).is_some_and(|status| (400..500).contains(&status) && status != 408)
}

/// Whether a server that speaks only a part of the protocol cannot do this at all.
pub(super) fn is_unknown_to_server(error: &Error) -> bool {
    let code = error.details.get("code").and_then(serde_json::Value::as_str);
    matches!(code, Some("NotImplemented" | "MethodNotAllowed")) || matches!(status(error), Some(405 | 501))
}

/// The same error, of a change that a refusal left undone.
pub(super) fn unless_refused(error: Error) -> Error {
    if is_refusal(&error) || error.kind == Kind::Missing { error.unchanged() } else { error }
}
