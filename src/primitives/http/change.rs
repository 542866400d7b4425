//! Requests that change something: `post`, `put`, `patch`, `delete`, and how they are taken back.

use std::collections::BTreeMap;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::request::{Body, Send};
use super::service;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::endpoint::in_doubt;
use crate::effect::primitive::Primitive;
use crate::sys::http::{Method, path};

/// How a change is taken back: another request to the same service.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Undo {
    /// `post`, `put`, `patch` or `delete`
    method: UndoMethod,
    /// The path below the base address
    #[schemars(extend("format" = "path below an address"))]
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
            #[schemars(extend("format" = "path below an address"))]
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
            const NO_PROBE: Option<&'static str> =
                Some("what a request changes is the service's own matter, and HTTP does not tell it");

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

/// The body and its content type, of which one kind at most was given.
pub(super) fn body(
    json: Option<Value>,
    text: Option<String>,
    form: Option<Map<String, Value>>,
) -> Result<Body> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

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
