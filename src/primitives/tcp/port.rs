//! One connection to a port, and what it says first.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Table;
use crate::base::error::{Error, Result};
use crate::base::text::{headline, parse_duration, show_duration};
use crate::effect::cx::Cx;
use crate::sys::net::{self, Address};

/// More of a greeting is not read, in bytes.
const LONGEST_BANNER: usize = 4096;

/// The port of a resource.
pub(super) struct Port {
    address: Address,
    within: Duration,
}

impl Port {
    pub(super) fn of(cx: &Cx) -> Result<Self> {
        let table: Table = cx.settings()?;
        Ok(Self {
            address: Address::read(&table.address, None)?,
            within: parse_duration(&table.connect_timeout)?,
        })
    }

    /// Connects once; the value, and how long accepting took.
    pub(super) async fn connect(
        &self,
        cx: &Cx,
        expect: Option<&str>,
        send: Option<&str>,
    ) -> Result<(Value, Duration)> {
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

/// Milliseconds to three places.
pub(super) fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}
