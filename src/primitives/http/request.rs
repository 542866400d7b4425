//! Single requests: `get`, `post`, `put`, `patch`, `delete`.

use std::collections::BTreeMap;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Service, path, service};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Kind, Result};
use crate::base::text::{headline, show_size};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::sys::http::{Answer, Method, Request};

/// Asks for a path and returns the answer as `#{ status, headers, body, json, ms }`; `json` is there when the body is
/// JSON. A status of 400 and above is an error, unless `expect` lists it.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Get {
    /// The path below the base address
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

/// How a change is taken back: another request to the same service.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Undo {
    /// `post`, `put`, `patch` or `delete`
    method: UndoMethod,
    /// The path below the base address
    path: String,
    /// Its body, sent as JSON
    json: Option<Value>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum UndoMethod {
    Post,
    Put,
    Patch,
    Delete,
}

impl UndoMethod {
    const fn verb(self) -> &'static str {
        match self {
            Self::Post => Post::NAME,
            Self::Put => Put::NAME,
            Self::Patch => Patch::NAME,
            Self::Delete => Delete::NAME,
        }
    }
}

/// The inverse that a call states, since the protocol itself has none.
fn inverse(undo: Option<&Undo>, resource: &ResourceId) -> Inverse {
    let Some(undo) = undo else {
        return Inverse::none(
            "an HTTP request does not tell how it is taken back; say it with `undo: #{ method, path, json }`",
        );
    };
    let call = Call::new(resource.clone(), undo.method.verb()).with("path", undo.path.clone());
    Inverse::Call(match &undo.json {
        Some(body) => call.with("json", body.clone()),
        None => call,
    })
}

/// Declares a request that changes something; the methods differ in their name and in what people expect of them.
macro_rules! change {
    ($(#[$doc:meta])* $name:ident, $verb:literal, $method:ident, $effect:ident, $idempotent:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Clone, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            /// The path below the base address
            path: String,
            /// The body, sent as JSON
            json: Option<Value>,
            /// The body, sent as plain text
            text: Option<String>,
            /// The body, sent as the fields of a form
            form: Option<Map<String, Value>>,
            /// Names and values behind the `?`
            #[serde(default)]
            query: Map<String, Value>,
            /// Headers of this request
            #[serde(default)]
            headers: BTreeMap<String, String>,
            /// The statuses that are no error; empty for everything below 400
            #[serde(default)]
            expect: Vec<u16>,
            /// The request that takes this one back: `#{ method, path, json }`
            undo: Option<Undo>,
        }

        impl Primitive for $name {
            const NAME: &'static str = $verb;
            const EFFECT: Effect = Effect::$effect;
            const EXAMPLE: &'static str = $example;
            const IDEMPOTENT: bool = $idempotent;

            fn plan(&self, resource: &ResourceId) -> String {
                format!("{} {} of {resource}", Method::$method, self.path)
            }

            async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
                // What cannot be sent at all is refused before anything is begun.
                self.clone().send()?.request(&*service(cx).await?, Method::$method)?;
                Ok(inverse(self.undo.as_ref(), cx.resource()))
            }

            async fn run(self, cx: Cx) -> Result<Value> {
                self.send()?.run(&cx, Method::$method).await.map_err(in_doubt)
            }
        }

        impl $name {
            fn send(self) -> Result<Send> {
                let body = body(self.json, self.text, self.form)?;
                Ok(Send { path: self.path, query: self.query, headers: self.headers, expect: self.expect, body })
            }
        }
    };
}

change!(
    /// Sends a POST request. `undo` says how it is taken back, if it can be.
    Post, "post", POST, Write, false,
    r#"http("api").post("/maintenance", #{ json: #{ on: true }, undo: #{ method: "delete", path: "/maintenance" } });"#
);
change!(
    /// Sends a PUT request, which sets what lies at the path. `undo` says how it is taken back, if it can be.
    Put, "put", PUT, Write, true,
    r#"http("api").put("/limits/rate", #{ json: #{ per_second: 50 } });"#
);
change!(
    /// Sends a PATCH request, which changes a part of what lies at the path. `undo` says how it is taken back, if it can be.
    Patch, "patch", PATCH, Write, false,
    r#"http("api").patch("/users/7", #{ json: #{ active: false }, undo: #{ method: "patch", path: "/users/7", json: #{ active: true } } });"#
);
change!(
    /// Sends a DELETE request, which removes what lies at the path. `undo` says how it is taken back, if it can be.
    Delete, "delete", DELETE, Destroy, true,
    r#"http("api").delete("/sessions/stale");"#
);

type Body = Option<(&'static str, Bytes)>;

fn body(json: Option<Value>, text: Option<String>, form: Option<Map<String, Value>>) -> Result<Body> {
    Ok(match (json, text, form) {
        (None, None, None) => None,
        (Some(json), None, None) => Some(("application/json", Bytes::from(json.to_string()))),
        (None, Some(text), None) => Some(("text/plain; charset=utf-8", Bytes::from(text))),
        (None, None, Some(form)) => {
            Some(("application/x-www-form-urlencoded", Bytes::from(path::encode(&form)?)))
        }
        _ => return Err(Error::usage("a request has one body").fix("give one of `json`, `text` and `form`")),
    })
}

struct Send {
    path: String,
    query: Map<String, Value>,
    headers: BTreeMap<String, String>,
    expect: Vec<u16>,
    body: Body,
}

impl Send {
    fn request(&self, service: &Service, method: Method) -> Result<Request> {
        let url = path::join(service.client.base(), &self.path, &self.query)?;
        Request::new(method, url, &self.headers, self.body.clone())
    }

    async fn run(self, cx: &Cx, method: Method) -> Result<Value> {
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

/// A change that was sent and not answered may have happened all the same.
fn in_doubt(mut error: Error) -> Error {
    if error.details.get("sent") == Some(&Value::Bool(true)) {
        error.kind = Kind::InDoubt;
    }
    error
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undo_becomes_a_call_of_the_same_resource() {
        let resource = ResourceId::new("http", "api");
        let undo: Undo = serde_json::from_value(json!({ "method": "delete", "path": "/m" })).unwrap();
        assert_eq!(
            inverse(Some(&undo), &resource),
            Inverse::Call(Call::new(resource.clone(), "delete").with("path", "/m"))
        );
        assert!(matches!(inverse(None, &resource), Inverse::None { .. }));
        assert!(serde_json::from_value::<Undo>(json!({ "method": "get", "path": "/m" })).is_err());
    }

    #[test]
    fn a_request_has_one_body() {
        assert!(body(Some(json!(1)), Some("1".to_owned()), None).is_err());
        let form = json!({ "a": "x y" }).as_object().cloned();
        assert_eq!(body(None, None, form).unwrap().unwrap().1, "a=x+y");
    }
}
