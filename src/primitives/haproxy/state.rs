//! `state`, `ready`, `drain`, `maintenance`: which servers of a backend take part.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::runtime::plain;
use super::servers::{Backend, Part};
use super::stats;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text::parse_duration;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// How often a server that is drained is asked for its sessions.
const LOOK: Duration = Duration::from_millis(200);

/// Reads the servers of a backend: a map from name to `#{ state, up, serves, weight, initial_weight, address }`. `state` is
/// "ready", "drain" or "maintenance"; `serves` tells whether it would get a request now.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadState {
    /// The backend
    backend: String,
}

impl Primitive for ReadState {
    const NAME: &'static str = "state";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"haproxy("edge").state("app").green.up"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("read the state of `{}`", self.backend)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let backend = Backend::read(&cx, &self.backend).await?;
        let each = backend.servers.iter().map(|server| (server.name.clone(), server.told()));
        Ok(Value::Object(each.collect::<Map<_, _>>()))
    }
}

/// Lets a server take its share again, after `drain` or `maintenance`. Taken back by the state that it had. Gives
/// `#{ backend, server, before, after }`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ready {
    /// The backend
    backend: String,
    /// The server
    server: String,
}

impl Primitive for Ready {
    const NAME: &'static str = "ready";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"haproxy("edge").ready("app", "green")"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("let `{}/{}` take its share", self.backend, self.server)
    }

    fn touches(&self) -> Option<String> {
        Some(self.backend.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        self.change().inverse(cx).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        self.change().probe(cx).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        self.change().run(&cx).await
    }
}

impl Ready {
    fn change(&self) -> Change<'_> {
        Change { backend: &self.backend, server: &self.server, part: Part::Ready, allow_empty: true }
    }
}

/// Gives a server nothing new, and lets it finish what it has. With `within` it waits until no session is left on it, and
/// fails when some are left then. It is refused when nobody would be left to serve. Taken back by the state that it had.
/// Gives `#{ backend, server, before, after }`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Drain {
    /// The backend
    backend: String,
    /// The server
    server: String,
    /// How long to wait for the end of its sessions, as "5m"; it is not waited when left out
    within: Option<Period>,
    /// `true` when nobody shall be left to serve
    #[serde(default)]
    allow_empty: bool,
}

impl Primitive for Drain {
    const NAME: &'static str = "drain";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"haproxy("edge").drain("app", "blue", #{ within: "2m" })"#;
    // It bounds itself by `within`.
    const TIMEOUT: Duration = Duration::from_secs(24 * 3600);
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        let wait = self.within.as_ref().map(|within| format!(", wait for its sessions at most {within}"));
        format!("drain `{}/{}`{}", self.backend, self.server, wait.unwrap_or_default())
    }

    fn touches(&self) -> Option<String> {
        Some(self.backend.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        self.within.as_deref().map(parse_duration).transpose()?;
        self.change().inverse(cx).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        self.change().probe(cx).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let receipt = self.change().run(&cx).await?;
        if let Some(within) = &self.within {
            self.wait(&cx, parse_duration(within)?).await?;
        }
        Ok(receipt)
    }
}

impl Drain {
    fn change(&self) -> Change<'_> {
        let allow_empty = self.allow_empty;
        Change { backend: &self.backend, server: &self.server, part: Part::Drain, allow_empty }
    }

    async fn wait(&self, cx: &Cx, within: Duration) -> Result<()> {
        let begin = cx.instant();
        loop {
            let left = stats::sessions(cx, &self.backend, &self.server).await?;
            if left == 0 {
                return Ok(());
            }
            if begin.elapsed() >= within {
                let (backend, server) = (&self.backend, &self.server);
                return Err(Error::remote(format!(
                    "`{backend}/{server}` of `{}` is not drained",
                    cx.resource()
                ))
                .why(format!("{left} sessions are left on it"))
                .fix("give `within` more time, or end the sessions at the server"));
            }
            cx.pause(LOOK.min(within.saturating_sub(begin.elapsed()))).await?;
        }
    }
}

/// Takes a server out: it gets nothing and is not checked any more. It is refused when nobody would be left to serve. Taken
/// back by the state that it had. Gives `#{ backend, server, before, after }`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Maintenance {
    /// The backend
    backend: String,
    /// The server
    server: String,
    /// `true` when nobody shall be left to serve
    #[serde(default)]
    allow_empty: bool,
}

impl Primitive for Maintenance {
    const NAME: &'static str = "maintenance";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"haproxy("edge").maintenance("app", "blue")"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, _: &ResourceId) -> String {
        format!("take `{}/{}` out for maintenance", self.backend, self.server)
    }

    fn touches(&self) -> Option<String> {
        Some(self.backend.clone())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        self.change().inverse(cx).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        self.change().probe(cx).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        self.change().run(&cx).await
    }
}

impl Maintenance {
    fn change(&self) -> Change<'_> {
        let allow_empty = self.allow_empty;
        Change { backend: &self.backend, server: &self.server, part: Part::Maintenance, allow_empty }
    }
}

/// A server is to take a part.
struct Change<'a> {
    backend: &'a str,
    server: &'a str,
    part: Part,
    allow_empty: bool,
}

impl Change<'_> {
    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let backend = self.judged(cx).await?;
        let before = backend.server(cx, self.server)?.part;
        if before == self.part {
            return Ok(Inverse::Nothing);
        }
        let call = Call::new(cx.resource().clone(), before.word())
            .with("backend", self.backend)
            .with("server", self.server);
        let may_be_empty = before != Part::Ready && !backend.is_served();
        Ok(Inverse::Call(if may_be_empty { call.with("allow_empty", true) } else { call }))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let backend = Backend::read(cx, self.backend).await?;
        Ok(Some(backend.server(cx, self.server)?.part == self.part))
    }

    async fn run(&self, cx: &Cx) -> Result<Value> {
        let backend = self.judged(cx).await?;
        let before = backend.server(cx, self.server)?.part;
        if before != self.part {
            let (name, server, state) = (self.backend, self.server, self.part.command());
            backend.runtime.order(&[format!("set server {name}/{server} state {state}")]).await?;
        }
        let after = Backend::read(cx, self.backend).await?.server(cx, self.server)?.part;
        if after != self.part {
            return Err(Error::remote(format!(
                "`{}/{}` of `{}` is {}, although it was set to {}",
                self.backend,
                self.server,
                cx.resource(),
                after.word(),
                self.part.word()
            ))
            .fix("look whether it tracks another server, or somebody else changes it"));
        }
        Ok(
            json!({ "backend": self.backend, "server": self.server, "before": before.word(), "after": after.word() }),
        )
    }

    /// The backend, if the change may be done to it.
    async fn judged(&self, cx: &Cx) -> Result<Backend> {
        plain(self.server, "server")?;
        let backend = Backend::read(cx, self.backend).await?;
        let before = backend.server(cx, self.server)?.part;
        if !self.allow_empty && before != self.part && backend.is_served() {
            backend.keep_served(cx, |server| {
                if server.name == self.server {
                    server.part = self.part;
                }
            })?;
        }
        Ok(backend)
    }
}
