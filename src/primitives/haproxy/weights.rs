//! `weights`, `set_weights`, `set_weight`: how much of a backend's traffic each of its servers gets.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::runtime::plain;
use super::servers::{self, Backend};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::effect::traffic::{self, Weights};

/// The largest weight that HAProxy knows.
const LARGEST: u32 = 256;

/// Reads the weights of a backend's servers: a map from name to weight.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadWeights {
    /// The backend
    backend: String,
}

impl Primitive for ReadWeights {
    const NAME: &'static str = "weights";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"haproxy("edge").weights("app")"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("read the weights of `{}`", self.backend)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Ok(json!(servers::weights(&Backend::read(&cx, &self.backend).await?.servers)))
    }
}

/// Gives servers of a backend their weights, from 0 to 256, in proportion to one another; the servers that are not named
/// keep theirs. What gets more is set first, so that somebody serves at every moment. It is refused when nobody would be
/// left to serve. Taken back by the weights that were there. Gives `#{ target, before, after, changed }` with the weights
/// of all servers, read back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetWeights {
    /// The backend
    backend: String,
    /// The servers with their weights: `#{ blue: 90, green: 10 }`
    weights: Weights,
    /// `true` when nobody shall be left to serve
    #[serde(default)]
    allow_empty: bool,
}

impl Primitive for SetWeights {
    const NAME: &'static str = "set_weights";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"haproxy("edge").set_weights("app", #{ blue: 90, green: 10 })"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("set the weights of `{}`: {}", self.backend, traffic::told(&self.weights))
    }

    fn touches(&self) -> Option<String> {
        Some(self.backend.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let backend = Backend::read(cx, &self.backend).await?;
        let wanted = wanted(&backend, &self.weights, self.allow_empty, cx)?;
        let before = servers::weights(&backend.servers);
        if before == wanted {
            return Ok(Inverse::Nothing);
        }
        let changed: Weights =
            before.into_iter().filter(|(name, _)| self.weights.contains_key(name)).collect();
        let call = Call::new(cx.resource().clone(), Self::NAME)
            .with("backend", self.backend.as_str())
            .with("weights", json!(changed));
        // What nobody served before may be left so again.
        Ok(Inverse::Call(if backend.is_served() { call } else { call.with("allow_empty", true) }))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let have = servers::weights(&Backend::read(cx, &self.backend).await?.servers);
        Ok(Some(self.weights.iter().all(|(name, weight)| have.get(name) == Some(weight))))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        set(&cx, &self.backend, &self.weights, self.allow_empty).await
    }
}

/// Gives one server of a backend its weight, from 0 to 256. Refused and taken back as `set_weights` is. Gives what
/// `set_weights` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetWeight {
    /// The backend
    backend: String,
    /// The server
    server: String,
    /// Its weight, in proportion to the others'
    weight: u32,
    /// `true` when nobody shall be left to serve
    #[serde(default)]
    allow_empty: bool,
}

impl SetWeight {
    fn many(&self) -> SetWeights {
        SetWeights {
            backend: self.backend.clone(),
            weights: Weights::from([(self.server.clone(), self.weight)]),
            allow_empty: self.allow_empty,
        }
    }
}

impl Primitive for SetWeight {
    const NAME: &'static str = "set_weight";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"haproxy("edge").set_weight("app", "green", 10)"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("set the weight of `{}/{}` to {}", self.backend, self.server, self.weight)
    }

    fn touches(&self) -> Option<String> {
        Some(self.backend.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        self.many().inverse(cx).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        self.many().probe(cx).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        self.many().run(cx).await
    }
}

/// The weights of all servers as they are to be, or why they may not.
fn wanted(backend: &Backend, weights: &Weights, allow_empty: bool, cx: &Cx) -> Result<Weights> {
    for (name, weight) in weights {
        plain(name, "server")?;
        if *weight > LARGEST {
            return Err(Error::usage(format!("{weight} is no weight for `{}/{name}`", backend.name))
                .fix(format!("give a whole number from 0 to {LARGEST}"))
                .unchanged());
        }
    }
    let whose = format!("the backend `{}` of `{}`", backend.name, cx.resource());
    let wanted = traffic::merged(&servers::weights(&backend.servers), weights, &whose)?;
    if !allow_empty {
        backend.keep_served(cx, |server| {
            server.weight = wanted.get(&server.name).copied().unwrap_or(server.weight);
        })?;
    }
    Ok(wanted)
}

async fn set(cx: &Cx, name: &str, weights: &Weights, allow_empty: bool) -> Result<Value> {
    let backend = Backend::read(cx, name).await?;
    let wanted = wanted(&backend, weights, allow_empty, cx)?;
    let before = servers::weights(&backend.servers);
    // By absolute numbers: a percentage is one of the initial weight, and of an initial 0 it stays 0.
    let mut changes: Vec<(&String, u32, bool)> = Vec::new();
    for (server, weight) in wanted.iter().filter(|(server, weight)| before.get(*server) != Some(weight)) {
        changes.push((server, *weight, before.get(server).is_none_or(|had| had < weight)));
    }
    changes.sort_by_key(|(_, _, grows)| !grows);
    if !changes.is_empty() {
        let command = |(server, weight, _): &(&String, u32, bool)| {
            format!("set server {name}/{server} weight {weight}")
        };
        backend.runtime.order(&changes.iter().map(command).collect::<Vec<_>>()).await?;
    }
    let after = servers::weights(&backend.runtime.servers(name).await?);
    if after != wanted {
        return Err(Error::remote(format!("`{}` did not take the weights of `{name}`", cx.resource()))
            .why(format!("wanted {}; it shows {}", traffic::told(&wanted), traffic::told(&after)))
            .fix("look whether somebody else changes them: an agent check, another run"));
    }
    Ok(traffic::receipt(name, &before, &after))
}
