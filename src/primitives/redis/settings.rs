//! The settings of one Redis, and what follows from them: which nodes, as whom, how privately, and how careful to be.

use std::path::Path;
use std::time::Duration;

use redis::{ClientTlsConfig, TlsCertificates};
use schemars::JsonSchema;
use serde::Deserialize;

use super::address::Address;
use crate::base::error::{Error, Result};
use crate::base::secret::{Revealed, Secret, Setting};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::sys::files;

/// A file of certificates larger than this is something else.
const LARGEST_PEM: u64 = 4 * 1024 * 1024;
/// The port of a server, unless it is said.
const SERVER_PORT: u16 = 6379;
/// The port of a sentinel, unless it is said.
const SENTINEL_PORT: u16 = 26379;

/// A Redis server, a cluster of them, or the master that sentinels name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// Name or address of the server; default 127.0.0.1.
    #[serde(default)]
    host: Option<String>,
    /// Port of the server; default 6379.
    #[serde(default)]
    port: Option<u16>,
    /// Instead of `host`: the nodes of a cluster, as "host:port". Some of them are enough, they know the others.
    #[serde(default)]
    cluster: Option<Vec<String>>,
    /// Instead of `host`: the sentinels that know which server is the master now.
    #[serde(default)]
    sentinel: Option<Sentinel>,
    /// Number of the database; default 0, the only one that a cluster has.
    #[serde(default)]
    database: u32,
    /// The user to connect as, where the server has more than one (ACL).
    #[serde(default)]
    user: Option<Setting>,
    /// The password, as a reference: `env:REDIS_PASSWORD`, `file:/run/secrets/redis`.
    #[serde(default)]
    password: Option<Secret>,
    /// Whether connections are encrypted and the server proves who it is.
    #[serde(default)]
    tls: bool,
    /// The authority that signed the server's certificate, as a PEM file; default those that the system trusts.
    #[serde(default)]
    ca: Option<String>,
    /// The certificate to show to a server that asks for one, as a PEM file.
    #[serde(default)]
    certificate: Option<String>,
    /// The private key of `certificate`, PEM, as a reference: `file:/run/secrets/redis.key`.
    #[serde(default)]
    key: Option<Secret>,
    /// How long connecting may take; default "10s".
    #[serde(default)]
    connect_timeout: Option<String>,
    /// Whether it serves live traffic: then `invalidate` wants a confirmation for a pattern that spares nothing. Default
    /// `true` in an environment named `production`, else `false`.
    #[serde(default)]
    production: Option<bool>,
}

/// Sentinels, and the name of the master they watch.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sentinel {
    /// The name under which they watch the master
    master: String,
    /// The sentinels, as "host:port"
    nodes: Vec<String>,
    /// The user to connect to the sentinels as
    #[serde(default)]
    user: Option<Setting>,
    /// The password of the sentinels
    #[serde(default)]
    password: Option<Secret>,
}

/// The settings made whole: secrets revealed, files read, defaults filled in.
#[derive(Debug)]
pub(super) struct Target {
    /// How the nodes are found.
    pub(super) reach: Reach,
    /// As whom to connect to a server.
    pub(super) login: Login,
    /// The certificates to trust and to show; `None` for a connection in clear.
    pub(super) tls: Option<TlsCertificates>,
    /// How long connecting may take.
    pub(super) connect_timeout: Duration,
    /// Whether it serves live traffic.
    pub(super) is_production: bool,
}

/// How the nodes are found.
#[derive(Debug)]
pub(super) enum Reach {
    /// This server.
    One(Address),
    /// These nodes of a cluster know all.
    Cluster(Vec<Address>),
    /// These sentinels know the master.
    Sentinel {
        /// The name of the master.
        master: String,
        /// The sentinels.
        nodes: Vec<Address>,
        /// As whom to connect to them.
        login: Login,
    },
}

/// As whom to connect, and to which database.
#[derive(Debug, Default)]
pub(super) struct Login {
    /// The user; `None` for the only one.
    pub(super) user: Option<Revealed>,
    /// The password.
    pub(super) password: Option<Revealed>,
    /// The database's number.
    pub(super) database: u32,
}

/// What is wrong with the table, as far as that can be told without a secret.
pub(super) fn check(value: &serde_json::Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    let shown = |error: Error| match error.fix.as_deref() {
        Some(fix) => format!("{}; {fix}", error.what),
        None => error.what.clone(),
    };
    table.consistent().and_then(|()| table.addresses().map(drop)).map_err(shown)?;
    table.connect_timeout().map(drop).map_err(shown)
}

impl Table {
    /// Whether the settings go together.
    fn consistent(&self) -> Result<()> {
        let has_host = self.host.is_some() || self.port.is_some();
        let ways = usize::from(has_host)
            + usize::from(self.cluster.is_some())
            + usize::from(self.sentinel.is_some());
        let sentinel = self.sentinel.as_ref();
        let wrong = [
            (
                ways > 1,
                "`host` and `port`, `cluster` and `sentinel` are three ways to say where it is",
                "set one of them",
            ),
            (
                self.cluster.is_some() && self.database != 0,
                "a cluster has no database but 0",
                "take `database` out",
            ),
            (
                self.user.is_some() && self.password.is_none(),
                "`user` is set and `password` is not",
                "set `password = \"env:NAME\"`",
            ),
            (
                sentinel.is_some_and(|one| one.user.is_some() && one.password.is_none()),
                "`user` of `sentinel` is set and its `password` is not",
                "set its `password = \"env:NAME\"`",
            ),
            (
                !self.tls && (self.ca.is_some() || self.certificate.is_some() || self.key.is_some()),
                "certificates are named, but the connection is not encrypted",
                "set `tls = true`",
            ),
            (
                self.certificate.is_some() != self.key.is_some(),
                "`certificate` and `key` go together",
                "set both",
            ),
        ];
        let mistakes = wrong.iter().filter(|(is_wrong, ..)| *is_wrong);
        Error::all(mistakes.map(|(_, what, fix)| Error::usage(*what).fix(*fix)).collect())
    }

    /// The addresses that are named: the server's, the nodes', or the sentinels'.
    fn addresses(&self) -> Result<Vec<Address>> {
        let (setting, texts, port) = match (&self.cluster, &self.sentinel) {
            (Some(nodes), _) => ("cluster", nodes.clone(), SERVER_PORT),
            (_, Some(sentinel)) => ("sentinel.nodes", sentinel.nodes.clone(), SENTINEL_PORT),
            _ => {
                let host = self.host.as_deref().unwrap_or("127.0.0.1");
                let port = self.port.unwrap_or(SERVER_PORT);
                // A host alone may be a bare IPv6 address, which only the port makes ambiguous.
                let is_plain = !host.is_empty() && !host.contains(['/', '@', '[', ' ']) && port > 0;
                let is_name = is_plain && (!host.contains(':') || host.parse::<std::net::Ipv6Addr>().is_ok());
                return match is_name {
                    true => Ok(vec![Address::new(host, port)]),
                    false => Err(Error::usage(format!("`{host}` is no name and no address of a server"))
                        .fix("write `host = \"cache.example.com\"` and `port = 6379`")),
                };
            }
        };
        if texts.is_empty() {
            return Err(Error::usage(format!("`{setting}` names no node"))
                .fix("write for example [\"cache-1:6379\"]"));
        }
        let read = |text: &String| {
            Address::parse(text, port).ok_or_else(|| {
                Error::usage(format!("`{text}` of `{setting}` is no address"))
                    .fix("write it like \"cache-1:6379\"")
            })
        };
        texts.iter().map(read).collect()
    }

    fn connect_timeout(&self) -> Result<Duration> {
        self.connect_timeout.as_deref().map_or(Ok(Duration::from_secs(10)), text::parse_duration)
    }

    /// Makes the settings of the call's resource whole.
    pub(super) async fn resolve(self, cx: &Cx) -> Result<Target> {
        self.consistent()?;
        let addresses = self.addresses()?;
        let connect_timeout = self.connect_timeout()?;
        let tls = if self.tls { Some(self.certificates(cx).await?) } else { None };
        let mut login = login(cx, self.user.as_ref(), self.password.as_ref()).await?;
        login.database = self.database;
        let is_production = self.is_production(cx.environment());
        let reach = match (self.cluster, self.sentinel, addresses) {
            (None, None, mut one) => match one.pop() {
                Some(address) => Reach::One(address),
                None => return Err(Error::bug("a server without an address")),
            },
            (_, Some(Sentinel { master, user, password, .. }), nodes) => Reach::Sentinel {
                master,
                nodes,
                login: self::login(cx, user.as_ref(), password.as_ref()).await?,
            },
            (Some(_), None, nodes) => Reach::Cluster(nodes),
        };
        Ok(Target { reach, login, tls, connect_timeout, is_production })
    }

    /// Whether it serves live traffic in that environment.
    pub(super) fn is_production(&self, environment: &str) -> bool {
        self.production.unwrap_or(environment == "production")
    }

    async fn certificates(&self, cx: &Cx) -> Result<TlsCertificates> {
        let root_cert = self.ca.as_deref().map(|path| pem(&cx.trusted_path(path))).transpose()?;
        let client_tls = match (&self.certificate, &self.key) {
            (Some(path), Some(key)) => Some(ClientTlsConfig {
                client_cert: pem(&cx.trusted_path(path))?,
                client_key: cx.reveal(key).await?.expose().as_bytes().to_vec(),
            }),
            _ => None,
        };
        Ok(TlsCertificates { client_tls, root_cert })
    }
}

async fn login(cx: &Cx, user: Option<&Setting>, password: Option<&Secret>) -> Result<Login> {
    let user = match user {
        Some(user) => Some(cx.text(user).await?),
        None => None,
    };
    let password = match password {
        Some(password) => Some(cx.reveal(password).await?),
        None => None,
    };
    Ok(Login { user, password, database: 0 })
}

fn pem(path: &Path) -> Result<Vec<u8>> {
    let text = files::read_text(path, LARGEST_PEM)?;
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(Error::usage(format!("{} holds no certificate", path.display()))
            .fix("name a PEM file with at least one `BEGIN CERTIFICATE`"));
    }
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_that_go_together_are_accepted() {
        for table in [
            json!({}),
            json!({ "host": "cache", "port": 6380, "database": 3 }),
            json!({ "host": "::1" }),
            json!({ "cluster": ["a:7000", "b:7000"], "user": "app", "password": "env:PW" }),
            json!({ "sentinel": { "master": "main", "nodes": ["a", "b:26380"] }, "database": 1 }),
            json!({ "tls": true, "ca": "ca.pem", "certificate": "me.pem", "key": "file:me.key" }),
        ] {
            check(&table).unwrap_or_else(|why| panic!("{table}: {why}"));
        }
    }

    #[test]
    fn half_and_contradicting_settings_are_refused() {
        for (table, says) in [
            (json!({ "host": "a", "cluster": ["b:1"] }), "three ways"),
            (json!({ "cluster": ["b:1"], "database": 2 }), "no database but 0"),
            (json!({ "cluster": [] }), "names no node"),
            (json!({ "cluster": ["redis://b:1"] }), "is no address"),
            (json!({ "host": "redis://b" }), "is no name and no address"),
            (json!({ "host": "b:6379" }), "is no name and no address"),
            (json!({ "user": "app" }), "`password` is not"),
            (json!({ "sentinel": { "master": "m", "nodes": ["a"], "user": "app" } }), "its `password`"),
            (json!({ "ca": "ca.pem" }), "tls = true"),
            (json!({ "tls": true, "key": "file:k" }), "go together"),
            (json!({ "password": "hunter2" }), "env:NAME"),
            (json!({ "connect_timeout": "soon" }), "duration"),
            (json!({ "hots": "a" }), "hots"),
        ] {
            let why = check(&table).unwrap_err();
            assert!(why.contains(says) && !why.contains("hunter2"), "{table}: {why}");
        }
    }
}
