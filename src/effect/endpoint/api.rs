//! A system whose interface is JSON over HTTP: ask, send, and tell its refusals in its own words.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::Endpoint;
use crate::base::error::{Error, Kind, Result};
use crate::base::text::{headline, show_size};
use crate::effect::cx::Cx;
use crate::sys::http::{Answer, Client, Method, Request, path};

/// An answer longer than this is no answer to what is asked here.
const LARGEST: usize = 16 * 1024 * 1024;

/// Such a system, as one resource knows it.
#[derive(Debug)]
pub struct Api {
    client: Client,
    name: String,
    table: String,
}

impl Api {
    /// The system of the call's resource, whose settings are an [`Endpoint`]; connected at the first call of a run.
    pub async fn of(cx: &Cx) -> Result<Arc<Self>> {
        Self::at(cx, || cx.settings()).await
    }

    /// The same, where an [`Endpoint`] is only a part of the settings.
    pub async fn at(cx: &Cx, endpoint: impl FnOnce() -> Result<Endpoint>) -> Result<Arc<Self>> {
        let connect = async {
            let client = endpoint()?.connect(cx, 0).await?;
            Ok(Self { client, name: cx.resource().to_string(), table: cx.table() })
        };
        cx.shared(connect).await
    }

    /// The JSON that lies at a path below the base address.
    pub async fn get(&self, path: &str, query: &Map<String, Value>) -> Result<Value> {
        self.send(Method::GET, path, query, None).await
    }

    /// Sends a request as JSON and reads the answer; an empty one is null. A refusal of the system is an error that says
    /// it, with the status as the detail `status`.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        query: &Map<String, Value>,
        body: Option<&Value>,
    ) -> Result<Value> {
        let url = path::join(self.client.base(), path, query)?;
        let what = format!("{method} {} of `{}`", url.path(), self.name);
        let body = body.map(|body| ("application/json", Bytes::from(body.to_string())));
        let answer = self.client.send(Request::new(method, url, &BTreeMap::new(), body)?, LARGEST).await?;
        if !(200..300).contains(&answer.status) {
            return Err(self.refused(&what, &answer));
        }
        if answer.cut {
            let most = show_size(LARGEST as u64);
            return Err(Error::remote(format!("the answer to {what} is longer than {most}")));
        }
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).map_err(|_| {
            let begin = headline(&String::from_utf8_lossy(&answer.body), 200);
            Error::remote(format!("the answer to {what} is no JSON"))
                .why(begin)
                .fix(format!("check `url` in {} of playbook.toml: something else answers there", self.table))
        })
    }

    fn refused(&self, what: &str, answer: &Answer) -> Error {
        let text = String::from_utf8_lossy(&answer.body);
        let said = serde_json::from_slice(&answer.body).ok().and_then(|body| said(&body));
        let error = Error::remote(format!("{what} answered {}", answer.status_line))
            .why(said.unwrap_or_else(|| headline(&text, 400)))
            .detail("status", answer.status);
        match answer.status {
            401 => error
                .fix(format!("check `token`, or `user` and `password`, in {} of playbook.toml", self.table)),
            403 => error.fix(format!(
                "give more rights to the account that {} of playbook.toml logs in as",
                self.table
            )),
            300..=399 => {
                let to = answer.headers.iter().find(|(name, _)| name == "location");
                let to = to.map(|(_, to)| format!(", for example {to}")).unwrap_or_default();
                error.fix(format!("set `url` in {} of playbook.toml to where it leads{to}", self.table))
            }
            _ => error,
        }
    }
}

/// What the system says of its refusal, wherever it likes to say it.
fn said(body: &Value) -> Option<String> {
    if let Some(text) = body.as_str() {
        return Some(text.to_owned());
    }
    let fields = ["error", "message", "detail", "title"];
    fields.iter().find_map(|name| Some(body.get(name)?.as_str()?.to_owned()))
}

/// The error of a change that was sent and not answered: it may have happened all the same.
pub fn in_doubt(mut error: Error) -> Error {
    if error.details.get("sent") == Some(&Value::Bool(true)) {
        error.kind = Kind::InDoubt;
    }
    error
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_is_told_wherever_it_stands() {
        for (body, told) in [
            (json!({ "status": "error", "error": "parse error" }), Some("parse error")),
            (json!({ "message": "Unauthorized" }), Some("Unauthorized")),
            (json!("silence not found"), Some("silence not found")),
            (json!({ "code": 1 }), None),
        ] {
            assert_eq!(said(&body).as_deref(), told, "{body}");
        }
    }
}
