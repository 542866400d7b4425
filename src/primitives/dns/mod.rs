//! Names: the records that name servers give, and whether a change of them has reached every one of them.

mod ask;
mod propagated;

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
use crate::effect::health::{Examine, Health};
use crate::effect::primitive::{Primitive, entry};
use crate::sys::files;
use ask::{Question, Server};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "dns",
    about: "Name servers: the records of a name, and whether a change has reached every one of several servers.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<Records>(), entry::<Resolves>(), entry::<propagated::Propagated>()],
    health: Examine::By(|cx| Box::pin(look(cx))),
    store: None,
    sql: None,
    hosts: None,
};

/// The system's own list of name servers.
const SYSTEM: &str = "/etc/resolv.conf";
const LARGEST_LIST: u64 = 1024 * 1024;

/// Name servers that are asked, and which names they may be asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The name servers, as addresses with or without a port: `["1.1.1.1", "127.0.0.1:5353"]`; by default this machine's own
    #[serde(default)]
    resolvers: Vec<String>,
    /// The zones whose names may be asked for: `["example.com"]`; by default any name
    #[serde(default)]
    zones: Vec<String>,
    /// How long one server may take to answer
    #[serde(default = "three_seconds")]
    answer_within: Period,
}

/// Asks for the first zone, or for a name that everybody knows.
async fn look(cx: Cx) -> Result<Health> {
    let table: Table = cx.settings()?;
    let name = table.zones.first().cloned().unwrap_or_else(|| "example.com".to_owned());
    let answer = Records { name: name.clone(), kind: "SOA".to_owned() }.run(cx).await?;
    Ok(Health::read(&answer).fact(format!("knows {name}")))
}

const fn three_seconds() -> Period {
    Period::of("3s")
}

fn address() -> String {
    "A".to_owned()
}

/// Asks the first of the servers that answers for the records of a name, and gives them sorted, each as `#{ name, kind, ttl,
/// value }`; empty when the name has none of that kind. A name that does not exist at all is an error. Nothing is kept
/// from one question to the next.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Records {
    /// The name, whole: `api.example.com`
    name: String,
    /// The kind of records: `A`, `AAAA`, `CNAME`, `MX`, `TXT`, `NS`, `SRV`, `CAA`, `SOA`, …
    #[serde(default = "address")]
    kind: String,
}

impl Primitive for Records {
    const NAME: &'static str = "records";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"let records = dns("public").records("example.com", "MX");"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("ask {resource} for {} of {}", self.kind, self.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (servers, question) = prepare(&cx, &self.name, &self.kind)?;
        let records = first(&cx, &servers, &question).await?;
        Ok(records.iter().map(ask::Record::value).collect())
    }
}

/// Makes sure that a name has exactly these values, no more and no fewer; gives `#{ values, ttl }`, `ttl` the shortest.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Resolves {
    /// The name, whole: `api.example.com`
    name: String,
    /// The values that it must have, in any order
    to: Vec<String>,
    /// The kind of records
    #[serde(default = "address")]
    kind: String,
}

impl Primitive for Resolves {
    const NAME: &'static str = "resolves";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"dns("public").resolves("api.example.com", ["192.0.2.10", "192.0.2.11"]);"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("make sure that {resource} gives {} for {} of {}", self.to.join(", "), self.kind, self.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (servers, question) = prepare(&cx, &self.name, &self.kind)?;
        let records = first(&cx, &servers, &question).await?;
        let (have, wanted) = (ask::values(&records), question.wanted(&self.to));
        if have != wanted {
            return Err(Error::remote(format!(
                "{} has other {} records than it should, asked of `{}`",
                self.name,
                question.kind,
                cx.resource()
            ))
            .why(format!("it has {}, wanted {}", listed(&have), listed(&wanted)))
            .fix("change the records at the name's own servers, or wait until what they held before has expired")
            .detail("values", json!(have)));
        }
        Ok(json!({ "values": have, "ttl": records.iter().map(|record| record.ttl).min() }))
    }
}

/// Values for people.
fn listed(values: &[String]) -> String {
    if values.is_empty() { "none".to_owned() } else { values.join(", ") }
}

/// The servers of the resource, and the question put to them.
fn prepare(cx: &Cx, name: &str, kind: &str) -> Result<(Vec<Server>, Question)> {
    let table: Table = cx.settings()?;
    let question = Question::read(name, kind)?;
    if !table.zones.is_empty() && !table.zones.iter().any(|zone| question.is_within(zone)) {
        return Err(Error::denied(format!("`{}` may not be asked for {name}", cx.resource()))
            .why(format!("its `zones` are {}", table.zones.join(", ")))
            .fix(format!("add the zone to `zones` of {}", cx.table())));
    }
    let within = parse_duration(&table.answer_within)?;
    let texts = if table.resolvers.is_empty() { system()? } else { table.resolvers };
    let servers = texts.iter().map(|text| Server::new(text, within)).collect::<Result<_>>()?;
    Ok((servers, question))
}

fn system() -> Result<Vec<String>> {
    let text = files::read_text(SYSTEM.as_ref(), LARGEST_LIST)?;
    let servers: Vec<String> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver")?.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    if servers.is_empty() {
        return Err(
            Error::missing(format!("{SYSTEM} names no server")).fix("set `resolvers` of that resource")
        );
    }
    Ok(servers)
}

/// What the first server says that can be asked.
async fn first(cx: &Cx, servers: &[Server], question: &Question) -> Result<Vec<ask::Record>> {
    let mut silent = None;
    for server in servers {
        match server.ask(&cx.resource().to_string(), question).await {
            Err(error) if error.details.contains_key("silent") => silent = silent.or(Some(error)),
            answered => return answered,
        }
    }
    Err(silent.unwrap_or_else(|| Error::bug("there is no server to ask")))
}
