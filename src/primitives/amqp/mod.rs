//! A broker that speaks AMQP 0-9-1, RabbitMQ above all: whether it lets us in, its version, what waits in a queue.

mod coding;
mod session;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::secret::Secret;
use crate::base::text::parse_duration;
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::{Primitive, entry};
use crate::sys::net::Address;
use crate::sys::tls::Trust;
use session::{Login, Session};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "amqp",
    about: "A RabbitMQ server, or another that speaks AMQP 0-9-1: whether it lets us in, its version, the depth of a \
            queue and its consumers.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<Server>(), entry::<Queue>(), entry::<Drained>()],
    health: Examine::Reading("server", &[]),
    store: None,
    sql: None,
    hosts: None,
};

/// One virtual host of a server.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The host and port; without a port, 5672, or 5671 with `tls`
    address: String,
    /// Whether the connection is encrypted, and the server has to prove who it is
    #[serde(default)]
    tls: bool,
    /// The file of the authority's certificate, PEM, in place of those that the machine trusts
    ca: Option<String>,
    /// The user; by default `guest`
    #[serde(default = "guest")]
    user: String,
    /// The password; by default that of `guest` on a fresh server
    password: Option<Secret>,
    /// The virtual host
    #[serde(default = "slash")]
    vhost: String,
    /// How long connecting, and then each answer, may take
    #[serde(default = "five_seconds")]
    answer_within: Period,
}

fn guest() -> String {
    "guest".to_owned()
}

fn slash() -> String {
    "/".to_owned()
}

const fn five_seconds() -> Period {
    Period::of("5s")
}

/// Logs in and gives what the server says of itself: `#{ product, version, platform, cluster, ms }`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Server {}

impl Primitive for Server {
    const NAME: &'static str = "server";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "the broker lets us in", amqp("jobs").server().product == "RabbitMQ";"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("log in to {resource}")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let begin = cx.instant();
        let session = open(&cx).await?;
        let ms = (begin.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        let said = |name: &str| session.server.get(name).cloned();
        let value = json!({
            "product": said("product"), "version": said("version"), "platform": said("platform"),
            "cluster": said("cluster_name"), "ms": ms,
        });
        session.close().await;
        Ok(value)
    }
}

/// Reads how much waits in a queue and who takes from it: `#{ name, messages, consumers }`. `messages` are those that are
/// ready, not those that a consumer has taken and not acknowledged yet.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Queue {
    /// The queue
    name: String,
}

impl Primitive for Queue {
    const NAME: &'static str = "queue";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"metric "jobs that wait", amqp("jobs").queue("mails").messages < 1000;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read the depth of the queue {} of {resource}", self.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let mut session = open(&cx).await?;
        let depth = session.depth(&self.name).await?;
        session.close().await;
        Ok(json!({ "name": self.name, "messages": depth.messages, "consumers": depth.consumers }))
    }
}

/// Waits until at most so many messages wait in a queue; gives what `queue` gives, and `took_ms`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Drained {
    /// The queue
    name: String,
    /// How many may be left
    #[serde(default)]
    most: u32,
    /// How long it may take in all
    #[serde(default = "five_minutes")]
    within: Period,
    /// How long to pause between two looks
    #[serde(default = "a_second")]
    every: Period,
}

const fn five_minutes() -> Period {
    Period::of("5m")
}

const fn a_second() -> Period {
    Period::of("1s")
}

impl Primitive for Drained {
    const NAME: &'static str = "drained";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"amqp("jobs").drained("mails", #{ within: "10m" });"#;
    // It bounds itself by `within`.
    const TIMEOUT: Duration = Duration::from_secs(24 * 3600);
    const WAITS: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        let Self { name, most, within, .. } = self;
        format!("wait until at most {most} messages wait in the queue {name} of {resource}, at most {within}")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (within, every) = (parse_duration(&self.within)?, parse_duration(&self.every)?);
        let begin = cx.instant();
        let mut session = open(&cx).await?;
        loop {
            let depth = session.depth(&self.name).await?;
            if depth.messages <= self.most {
                session.close().await;
                let took = (begin.elapsed().as_secs_f64() * 1e6).round() / 1e3;
                return Ok(json!({
                    "name": self.name, "messages": depth.messages, "consumers": depth.consumers, "took_ms": took,
                }));
            }
            if begin.elapsed() + every >= within {
                let what = format!(
                    "{} messages still wait in the queue {} of `{}` after {}",
                    depth.messages,
                    self.name,
                    cx.resource(),
                    self.within
                );
                return Err(Error::timeout(what)
                    .why(format!("{} consumers take from it", depth.consumers))
                    .fix("see whether its consumers run, or give `within` more time")
                    .detail("messages", depth.messages));
            }
            cx.pause(every).await?;
        }
    }
}

async fn open(cx: &Cx) -> Result<Session> {
    let table: Table = cx.settings()?;
    let address = Address::read(&table.address, Some(if table.tls { 5671 } else { 5672 }))?;
    let trust = table.tls.then(|| Trust(table.ca.map(|ca| cx.trusted_path(&ca))));
    let within = parse_duration(&table.answer_within)?;
    let password = match &table.password {
        Some(password) => cx.reveal(password).await?.expose().to_owned(),
        None => "guest".to_owned(),
    };
    let login = Login { user: table.user, password, vhost: table.vhost, trust };
    Session::open(&cx.resource().to_string(), &address, &login, within).await
}
