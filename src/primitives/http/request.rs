//! A single request and its answer as a value; `get` is nothing more.

use std::collections::BTreeMap;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Service, service};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text::{headline, show_size};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::sys::http::{Answer, Method, Request, path};

/// Asks for a path and returns the answer as `#{ status, headers, body, json, ms }`; `json` is there when the body is
/// JSON. A status of 400 and above is an error, unless `expect` lists it.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Get {
    /// The path below the base address
    #[schemars(extend("format" = "path below an address"))]
    path: String,
    /// Names and values behind the `?`
    #[serde(default)]
    query: Map<String, Value>,
    /// Headers of this request
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The statuses that are no error; empty for everything below 400
    #[serde(default)]
    expect: Vec<u16>,
}

impl Primitive for Get {
    const NAME: &'static str = "get";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"let answer = http("api").get("/version");"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("GET {} of {resource}", self.path)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let send = Send {
            path: self.path,
            query: self.query,
            headers: self.headers,
            expect: self.expect,
            body: None,
        };
        send.run(&cx, Method::GET).await
    }
}

/// A body and its content type.
pub(super) type Body = Option<(&'static str, Bytes)>;

/// A request as a script gives it.
pub(super) struct Send {
    pub(super) path: String,
    pub(super) query: Map<String, Value>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) expect: Vec<u16>,
    pub(super) body: Body,
}

impl Send {
    /// The request, or why it cannot be sent.
    pub(super) fn request(&self, service: &Service, method: Method) -> Result<Request> {
        let url = path::join(service.client.base(), &self.path, &self.query)?;
        Request::new(method, url, &self.headers, self.body.clone())
    }

    /// Sends it and judges the answer.
    pub(super) async fn run(self, cx: &Cx, method: Method) -> Result<Value> {
        let service = service(cx).await?;
        let what = format!("{method} {} of `{}`", self.path, cx.resource());
        let request = self.request(&service, method)?;
        let begin = cx.instant();
        let answer = service.client.send(request, service.largest_body).await?;
        let ms = begin.elapsed().as_secs_f64() * 1e3;
        let fine =
            if self.expect.is_empty() { answer.status < 400 } else { self.expect.contains(&answer.status) };
        if !fine {
            return Err(refused(&what, &answer, &self.expect));
        }
        if answer.cut {
            return Err(Error::remote(format!(
                "the answer to {what} is longer than {}",
                show_size(service.largest_body as u64)
            ))
            .fix("ask for less, or raise `largest_body` of that resource in playbook.toml"));
        }
        value(&what, answer, ms)
    }
}

fn refused(what: &str, answer: &Answer, expect: &[u16]) -> Error {
    let wanted = match expect {
        [] => String::new(),
        _ => format!(", wanted {}", expect.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ")),
    };
    let body = headline(&String::from_utf8_lossy(&answer.body), 400);
    let error = Error::remote(format!("{what} answered {}{wanted}", answer.status_line))
        .why(body)
        .detail("status", answer.status);
    match answer.status {
        401 => error.fix("check `token`, or `user` and `password`, of that resource in playbook.toml"),
        403 => error.fix("give the account that it logs in with, in playbook.toml, the right to do that"),
        _ => error,
    }
}

fn value(what: &str, answer: Answer, ms: f64) -> Result<Value> {
    let body = String::from_utf8(answer.body.to_vec()).map_err(|why| {
        Error::remote(format!("the answer to {what} is not UTF-8 text"))
            .why(format!("the first wrong byte stands at offset {}", why.utf8_error().valid_up_to()))
            .detail("status", answer.status)
    })?;
    let headers: Map<String, Value> =
        answer.headers.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let mut value = json!({ "status": answer.status, "headers": headers, "ms": round(ms) });
    if let (Ok(json), Some(value)) = (serde_json::from_str::<Value>(&body), value.as_object_mut()) {
        value.insert("json".to_owned(), json);
    }
    value["body"] = Value::String(body);
    Ok(value)
}

/// Milliseconds to three places: below that the clock measures itself.
pub(super) fn round(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}
