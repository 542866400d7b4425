//! A TCP port: whether something listens there, how fast, and whether it greets as it should.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text::{headline, parse_duration, show_duration};
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::primitive::{Primitive, entry};
use crate::sys::net::{self, Address};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "tcp",
    about: "A TCP port of a host: whether something listens there, how fast it accepts, and how it greets.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<Connect>(), entry::<IsOpen>(), entry::<Wait>()],
    store: None,
    sql: None,
};

/// More of a greeting is not read, in bytes.
const LONGEST_BANNER: usize = 4096;

/// One port of one host.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The host and port: `smtp.internal:25`
    address: String,
    /// How long the host may take to accept a connection, and then to greet
    #[serde(default = "five_seconds")]
    connect_timeout: String,
}

fn five_seconds() -> String {
    "5s".to_owned()
}

/// Connects, and gives `#{ address, ms, banner }`: how long the host took to accept, and what it said. It waits for a
/// greeting only where `expect` asks for one; a service that speaks second is sent `send` first.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Connect {
    /// Text that the greeting must contain
    expect: Option<String>,
    /// Text that is sent first
    send: Option<String>,
    /// The time that accepting must stay under: "50ms"
    under: Option<String>,
}

impl Primitive for Connect {
    const NAME: &'static str = "connect";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"metric "connect (ms)", tcp("smtp").connect(#{ expect: "220" }).ms < 100;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("connect to {resource}{}", wanted(self.expect.as_deref()))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let under = self.under.as_deref().map(parse_duration).transpose()?;
        let port = Port::of(&cx)?;
        let (value, took) = port.connect(&cx, self.expect.as_deref(), self.send.as_deref()).await?;
        match under {
            Some(under) if took > under => Err(Error::remote(format!(
                "`{}` took {} to accept a connection, wanted under {}",
                cx.resource(),
                show_duration(took),
                show_duration(under)
            ))
            .detail("ms", value["ms"].clone())),
            _ => Ok(value),
        }
    }
}

/// Whether something accepts connections there. Gives `false` where nothing listens or nobody answers in time; a host
/// whose name is not known is an error.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct IsOpen {}

impl Primitive for IsOpen {
    const NAME: &'static str = "is_open";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "the old port is closed", !tcp("legacy").is_open();"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("see whether {resource} is open")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        match Port::of(&cx)?.connect(&cx, None, None).await {
            Ok(_) => Ok(Value::Bool(true)),
            Err(error) if error.details.get("reason").is_some_and(|reason| reason != "name") => {
                Ok(Value::Bool(false))
            }
            Err(error) => Err(error),
        }
    }
}

/// Waits until a connection is accepted, and greeted as it should be; gives `#{ address, ms, banner, attempts, took_ms }`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wait {
    /// How long it may take in all
    #[serde(default = "half_a_minute")]
    within: String,
    /// How long to pause between two tries
    #[serde(default = "half_a_second")]
    every: String,
    /// Text that the greeting must contain
    expect: Option<String>,
    /// Text that is sent first
    send: Option<String>,
}

fn half_a_minute() -> String {
    "30s".to_owned()
}

fn half_a_second() -> String {
    "500ms".to_owned()
}

impl Primitive for Wait {
    const NAME: &'static str = "wait";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"tcp("smtp").wait(#{ within: "60s", expect: "220" });"#;
    // It bounds itself by `within`.
    const TIMEOUT: Duration = Duration::from_secs(24 * 3600);
    const WAITS: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("wait until {resource} is open{}, at most {}", wanted(self.expect.as_deref()), self.within)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (within, every) = (parse_duration(&self.within)?, parse_duration(&self.every)?);
        let port = Port::of(&cx)?;
        let begin = cx.instant();
        let (mut attempts, mut last) = (0_u64, None);
        loop {
            attempts += 1;
            let left = within.saturating_sub(begin.elapsed());
            let tried = tokio::select! {
                tried = port.connect(&cx, self.expect.as_deref(), self.send.as_deref()) => tried,
                stopped = cx.pause(left) => { stopped?; break }
            };
            match tried {
                Ok((mut value, _)) => {
                    value["attempts"] = attempts.into();
                    value["took_ms"] = milliseconds(begin.elapsed()).into();
                    return Ok(value);
                }
                Err(error) => last = Some(error),
            }
            if begin.elapsed() + every >= within {
                break;
            }
            cx.pause(every).await?;
        }
        let what = format!("`{}` was not open within {}, in {attempts} tries", cx.resource(), self.within);
        let why = last.map(|error| {
            error.why.as_ref().map_or(error.what.clone(), |why| format!("{}: {why}", error.what))
        });
        Err(Error::timeout(what)
            .why(why.unwrap_or_else(|| "no try came to an end".to_owned()))
            .fix("look at the service's own log, or give `within` more time"))
    }
}

fn wanted(expect: Option<&str>) -> String {
    expect.map(|expect| format!(" and greets with `{}`", headline(expect, 40))).unwrap_or_default()
}

/// The port of a resource.
struct Port {
    address: Address,
    within: Duration,
}

impl Port {
    fn of(cx: &Cx) -> Result<Self> {
        let table: Table = cx.settings()?;
        Ok(Self {
            address: Address::read(&table.address, None)?,
            within: parse_duration(&table.connect_timeout)?,
        })
    }

    /// Connects once; the value, and how long accepting took.
    async fn connect(&self, cx: &Cx, expect: Option<&str>, send: Option<&str>) -> Result<(Value, Duration)> {
        let name = cx.resource().to_string();
        let begin = cx.instant();
        let mut stream = net::connect(&name, &self.address, self.within).await?;
        let took = begin.elapsed();
        let lost = |why: &std::io::Error| {
            Error::remote(format!("`{name}` closed the connection")).why(why.to_string())
        };
        if let Some(send) = send {
            stream.write_all(send.as_bytes()).await.map_err(|why| lost(&why))?;
        }
        let mut banner = Vec::new();
        if let Some(expect) = expect {
            let read = read_until(&mut stream, &mut banner, expect);
            let ended = tokio::time::timeout(self.within, read).await;
            if !contains(&banner, expect) {
                let why = match ended {
                    Ok(Err(why)) => why.to_string(),
                    Ok(Ok(())) => "it closed the connection, or said too much".to_owned(),
                    Err(_) => format!("nothing more came within {}", show_duration(self.within)),
                };
                let said = match shown(&banner).as_str() {
                    "" => "said nothing".to_owned(),
                    said => format!("said `{}`", headline(said, 120)),
                };
                return Err(Error::remote(format!("`{name}` {said}, wanted `{}`", headline(expect, 80)))
                    .why(why)
                    .fix("check that this is the service that is meant, and its state"));
            }
        }
        let value = json!({
            "address": self.address.to_string(), "ms": milliseconds(took), "banner": shown(&banner),
        });
        Ok((value, took))
    }
}

async fn read_until(stream: &mut net::TcpStream, banner: &mut Vec<u8>, expect: &str) -> std::io::Result<()> {
    while !contains(banner, expect) && banner.len() < LONGEST_BANNER {
        if stream.read_buf(banner).await? == 0 {
            break;
        }
    }
    Ok(())
}

fn contains(bytes: &[u8], text: &str) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}
