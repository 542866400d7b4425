//! The settings of one database, and what follows from them: whom to connect to, as whom, and how privately.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::base::error::{Error, Result};
use crate::base::secret::{Reference, Secret, Setting};
use crate::base::text;
use crate::effect::cx::Cx;

/// A PostgreSQL database.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// Where the database is, as one URL: `postgres://app@db.example.com/shop`, or a reference such as
    /// `env:DATABASE_URL`. A password may stand only in a referenced URL.
    #[serde(default)]
    url: Option<Setting>,
    /// Instead of `url`: name or address of the server, or the folder of its socket; default 127.0.0.1.
    #[serde(default)]
    host: Option<String>,
    /// Instead of `url`: port of the server; default 5432.
    #[serde(default)]
    port: Option<u16>,
    /// Instead of `url`: the role to connect as.
    #[serde(default)]
    user: Option<String>,
    /// Instead of `url`: the database; default the name of the role.
    #[serde(default)]
    database: Option<String>,
    /// The role's password, as a reference: `env:PGPASSWORD`, `file:/run/secrets/db`.
    #[serde(default)]
    password: Option<Secret>,
    /// `verify`: encrypted, and the server proves who it is. `prefer`: encrypted when the server can, whoever it is.
    /// `disable`: never. Default `verify`, or `prefer` on this machine.
    #[serde(default)]
    tls: Option<Tls>,
    /// The authority that signed the server's certificate, as a PEM file; default those that the system trusts.
    #[serde(default)]
    ca: Option<String>,
    /// How many connections at most; default 4.
    #[serde(default)]
    pool: Option<usize>,
    /// How long connecting may take; default "10s".
    #[serde(default)]
    connect_timeout: Option<String>,
    /// How long a change may wait for a lock that somebody else holds, as "3s", before the server gives it up; default as
    /// long as the call may take. While an ALTER TABLE waits, everybody who reads the table queues behind it.
    #[serde(default)]
    lock_timeout: Option<String>,
    /// The name that the server shows for these connections; default "playbook".
    #[serde(default)]
    application_name: Option<String>,
    /// The folder of `pg_dump` and `pg_restore`; default wherever PATH finds them.
    #[serde(default)]
    programs: Option<String>,
    /// Whether dumps are tried out here, as `scratch` of `verify_restore`: then `playbook doctor` also sees whether the role
    /// may make databases.
    #[serde(default)]
    drills: bool,
}

/// How private a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tls {
    /// Never encrypted.
    Disable,
    /// Encrypted when the server can, whoever it is.
    Prefer,
    /// Encrypted, and the server proves who it is.
    Verify,
}

/// The settings made whole: secrets revealed, defaults filled in.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// What the client needs to connect.
    pub(super) config: Config,
    /// How private the connection is.
    pub(super) tls: Tls,
    /// The certificate authority trusted instead of those of the system.
    pub(super) ca: Option<PathBuf>,
    /// How many connections at most.
    pub(super) pool: usize,
    /// How long connecting may take.
    pub(super) connect_timeout: Duration,
    /// How long a change may wait for a lock.
    pub(super) lock_timeout: Option<Duration>,
    /// The folder of `pg_dump` and `pg_restore`.
    pub(super) programs: Option<PathBuf>,
    /// Whether dumps are tried out here.
    pub(super) drills: bool,
}

/// What is wrong with the table, as far as that can be told without a secret.
pub(super) fn check(value: &serde_json::Value) -> Result<(), String> {
    let shown = |error: Error| match error.fix.as_deref() {
        Some(fix) => format!("{}; {fix}", error.what),
        None => error.what.clone(),
    };
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    match &table.url {
        Some(_)
            if table.host.is_some()
                || table.port.is_some()
                || table.user.is_some()
                || table.database.is_some() =>
        {
            return Err(
                "`url` says host, port, user and database already; set either `url` or those four".into()
            );
        }
        Some(Setting::Plain(url)) if parse_url(url).map_err(shown)?.0.get_password().is_some() => {
            return Err(
                "`url` holds a password in clear; take it out and set `password = \"env:NAME\"`".into()
            );
        }
        None if table.user.is_none() => {
            return Err("neither `url` nor `user` is set; name the role to connect as".into());
        }
        _ => {}
    }
    if table.pool == Some(0) {
        return Err("`pool` must be at least 1".into());
    }
    table.lock_timeout().map(drop).map_err(shown)?;
    table.connect_timeout().map(drop).map_err(shown)
}

impl Table {
    fn connect_timeout(&self) -> Result<Duration> {
        self.connect_timeout.as_deref().map_or(Ok(Duration::from_secs(10)), text::parse_duration)
    }

    fn lock_timeout(&self) -> Result<Option<Duration>> {
        self.lock_timeout.as_deref().map(text::parse_duration).transpose()
    }

    /// Makes the settings of the call's resource whole.
    pub(super) async fn resolve(self, cx: &Cx) -> Result<Target> {
        let (mut config, asked) = match &self.url {
            Some(url) => {
                let (config, asked) = parse_url(cx.text(url).await?.expose())?;
                hide_password(cx, url, &config);
                (config, asked)
            }
            None => (self.address(), None),
        };
        if let Some(password) = &self.password {
            config.password(cx.reveal(password).await?.expose());
        }
        if self.application_name.is_some() || config.get_application_name().is_none() {
            config.application_name(self.application_name.as_deref().unwrap_or("playbook"));
        }
        let tls = self.tls.or(asked).unwrap_or(if is_local(&config) { Tls::Prefer } else { Tls::Verify });
        config.ssl_mode(match tls {
            Tls::Disable => SslMode::Disable,
            Tls::Prefer => SslMode::Prefer,
            Tls::Verify => SslMode::Require,
        });
        let (connect_timeout, lock_timeout) = (self.connect_timeout()?, self.lock_timeout()?);
        // A server that has gone without a word is noticed within two minutes, not within two hours.
        config.connect_timeout(connect_timeout).keepalives_idle(Duration::from_secs(60));
        config.keepalives_interval(Duration::from_secs(15)).keepalives_retries(4);
        let path = |path: &Option<String>| path.as_deref().map(|path| cx.trusted_path(path));
        let (ca, programs, pool) = (path(&self.ca), path(&self.programs), self.pool.unwrap_or(4));
        Ok(Target { config, tls, ca, pool, connect_timeout, lock_timeout, programs, drills: self.drills })
    }

    fn address(&self) -> Config {
        let mut config = Config::new();
        config.host(self.host.as_deref().unwrap_or("127.0.0.1")).port(self.port.unwrap_or(5432));
        if let Some(user) = &self.user {
            config.user(user);
        }
        if let Some(database) = &self.database {
            config.dbname(database);
        }
        config
    }
}

impl Target {
    /// The database, as people read it.
    pub(super) fn database(&self) -> &str {
        self.config.get_dbname().or_else(|| self.config.get_user()).unwrap_or("postgres")
    }

    /// Where the server is, as people read it: `db.example.com:5432`, `/run/postgresql`.
    pub(super) fn place(&self) -> String {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate().map(|(n, host)| match host {
            Host::Tcp(name) => format!("{name}:{}", ports.get(n).or(ports.first()).unwrap_or(&5432)),
            Host::Unix(path) => path.display().to_string(),
        });
        hosts.collect::<Vec<_>>().join(", ")
    }
}

/// Reads a URL, and the privacy that its `sslmode` asks for. What would be encrypted to nobody in particular
/// (`require`) is verified all the same: whoever wants less says so in `tls`.
fn parse_url(url: &str) -> Result<(Config, Option<Tls>)> {
    let wrong = |why: String| {
        Error::usage("`url` is no PostgreSQL URL").why(why).fix("write postgres://USER@HOST:PORT/DATABASE")
    };
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(wrong("it does not begin with postgres://".into()));
    }
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let mut tls = None;
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", mode)) => {
                tls = Some(match mode {
                    "disable" => Tls::Disable,
                    "allow" | "prefer" => Tls::Prefer,
                    "require" | "verify-ca" | "verify-full" => Tls::Verify,
                    _ => return Err(wrong(format!("it knows no sslmode `{mode}`"))),
                });
            }
            _ => kept.push(pair),
        }
    }
    let clean = if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) };
    let config: Config =
        clean.parse().map_err(|why: tokio_postgres::Error| wrong(super::errors::chain(&why)))?;
    if config.get_hosts().is_empty() {
        return Err(wrong("it names no host".into()));
    }
    Ok((config, tls))
}

/// A password within a secret URL is a secret of its own: it also travels alone.
fn hide_password(cx: &Cx, url: &Setting, config: &Config) {
    if let (Setting::Reference(of), Some(password)) = (url, config.get_password()) {
        let reference =
            Reference { provider: of.provider.clone(), name: format!("{}, its password", of.name) };
        cx.redactor().learn(&reference, &String::from_utf8_lossy(password));
    }
}

fn is_local(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_password_in_clear_is_refused_without_repeating_it() {
        let why = check(&json!({ "url": "postgres://app:hunter2@db/shop" })).unwrap_err();
        assert!(why.contains("password = \"env:NAME\"") && !why.contains("hunter2"), "{why}");
        check(&json!({ "url": "postgres://app@db/shop", "password": "env:PW" })).unwrap();
        check(&json!({ "url": "env:DATABASE_URL" })).unwrap();
    }

    #[test]
    fn half_and_contradicting_settings_are_refused() {
        for (table, says) in [
            (json!({}), "user"),
            (json!({ "url": "postgres://db/shop", "port": 1 }), "either"),
            (json!({ "url": "mysql://db/shop" }), "postgres://USER"),
            (json!({ "user": "app", "pool": 0 }), "pool"),
            (json!({ "user": "app", "connect_timeout": "soon" }), "duration"),
            (json!({ "user": "app", "lock_timeout": "soon" }), "duration"),
            (json!({ "user": "app", "tls": "maybe" }), "maybe"),
            (json!({ "user": "app", "passwrod": "env:X" }), "passwrod"),
        ] {
            assert!(check(&table).unwrap_err().contains(says), "{table}");
        }
    }

    #[test]
    fn privacy_follows_the_url_and_the_host() {
        let of = |url| parse_url(url).unwrap();
        assert_eq!(of("postgres://a@db/x?sslmode=require").1, Some(Tls::Verify));
        assert_eq!(
            of("postgres://a@db/x?sslmode=disable&options=-csearch_path%3Da").0.get_options(),
            Some("-csearch_path=a")
        );
        assert!(is_local(&of("postgres://a@127.0.0.1/x").0) && !is_local(&of("postgres://a@10.0.0.1/x").0));
        assert!(is_local(&of("postgres://a@%2Frun%2Fpostgresql/x").0));
    }
}
