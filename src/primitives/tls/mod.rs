//! What a server shows when a connection is encrypted: its certificate, for how long, and whether it can be trusted.

mod certificate;
mod handshake;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text::parse_duration;
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::{Primitive, entry};
use crate::sys::net::{self, Address};
use certificate::Leaf;
use handshake::{Seen, Trust};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "tls",
    about: "The certificate that a server shows: its names, its issuer, how long it is valid, and whether its chain \
            leads to somebody whom this machine trusts.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<Certificate>(), entry::<Verify>()],
    health: Examine::Reading("certificate", &[]),
    store: None,
    sql: None,
    hosts: None,
};

/// One port that speaks TLS from its first byte.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The host and port; without a port, 443
    address: String,
    /// The name that is asked for and that the certificate must have; by default the host
    server_name: Option<String>,
    /// The file of the authority's certificate, PEM, in place of those that the machine trusts
    ca: Option<String>,
    /// How long connecting, and then the handshake, may take
    #[serde(default = "five_seconds")]
    connect_timeout: Period,
}

const fn five_seconds() -> Period {
    Period::of("5s")
}

/// Reads the certificate that the server shows, whether it can be trusted or not, and gives `#{ subject, names, issuer,
/// serial, sha256, not_before, not_after, days_left, expired, key, chain, protocol, cipher, name, name_matches, verified,
/// why, ms }`. `days_left` is negative once it has expired; `chain` is the subjects as they were sent, the server's own first;
/// `why` says why the chain or the name does not hold where `verified` is false.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Certificate {}

impl Primitive for Certificate {
    const NAME: &'static str = "certificate";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"metric "days until the certificate expires", tls("api").certificate().days_left >= 21;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read the certificate of {resource}")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Ok(Looked::at(&cx).await?.value())
    }
}

/// Makes sure that the certificate can be trusted, has the name, and is valid for so many more days; gives what
/// `certificate` gives.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Verify {
    /// For how many more days it must be valid
    #[serde(default)]
    days: i64,
}

impl Primitive for Verify {
    const NAME: &'static str = "verify";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"tls("api").verify(#{ days: 21 });"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("verify the certificate of {resource}, valid for {} more days", self.days)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let looked = Looked::at(&cx).await?;
        if let Some(why) = &looked.distrust {
            return Err(Error::remote(format!("the certificate of `{}` cannot be trusted", cx.resource()))
                .why(why.as_str())
                .fix(looked.fix(&cx)));
        }
        if looked.leaf.days_left < self.days {
            return Err(Error::remote(format!(
                "the certificate of `{}` is valid for {} more days, wanted {}",
                cx.resource(),
                looked.leaf.days_left,
                self.days
            ))
            .why(format!("it ends at {}", looked.leaf.not_after))
            .fix("renew it")
            .detail("days_left", looked.leaf.days_left));
        }
        Ok(looked.value())
    }
}

/// One handshake, and what was found.
struct Looked {
    name: String,
    seen: Seen,
    leaf: Leaf,
    chain: Vec<String>,
    distrust: Option<String>,
    took: Duration,
}

impl Looked {
    async fn at(cx: &Cx) -> Result<Self> {
        let table: Table = cx.settings()?;
        let address = Address::read(&table.address, Some(443))?;
        let name = table.server_name.clone().unwrap_or_else(|| address.host.clone());
        let within = parse_duration(&table.connect_timeout)?;
        let trust = Trust::of(table.ca.as_ref().map(|ca| cx.trusted_path(ca)).as_deref())?;
        let resource = cx.resource().to_string();
        let begin = cx.instant();
        let stream = net::connect(&resource, &address, within).await?;
        let seen = handshake::shake((&resource, &name), stream, within).await?;
        let took = begin.elapsed();
        let (leaf, chain) = certificate::read(&resource, &seen.certificates)?;
        let distrust = trust.judge(&seen.certificates, &name).err();
        Ok(Self { name, seen, leaf, chain, distrust, took })
    }

    fn fix(&self, cx: &Cx) -> String {
        if self.leaf.days_left < 0 {
            return "renew it, and make the server read the new one".to_owned();
        }
        if !self.leaf.matches(&self.name) {
            return format!("have it issued for `{}`, or set `server_name` in {}", self.name, cx.table());
        }
        format!(
            "name the authority's file as `ca` in {}, or have the server send its whole chain",
            cx.table()
        )
    }

    fn value(&self) -> Value {
        let Self { name, seen, leaf, chain, distrust, took } = self;
        json!({
            "subject": leaf.subject,
            "names": leaf.names,
            "issuer": leaf.issuer,
            "serial": leaf.serial,
            "sha256": leaf.sha256,
            "not_before": leaf.not_before,
            "not_after": leaf.not_after,
            "days_left": leaf.days_left,
            "expired": leaf.days_left < 0,
            "key": leaf.key,
            "chain": chain,
            "protocol": seen.protocol,
            "cipher": seen.cipher,
            "name": name,
            "name_matches": leaf.matches(name),
            "verified": distrust.is_none(),
            "why": distrust,
            "ms": (took.as_secs_f64() * 1e6).round() / 1e3,
        })
    }
}
