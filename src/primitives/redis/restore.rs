//! `restore`: keys put back as they were found, which is how changes of keys are taken back.

use redis::{Cmd, cmd};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::held::{Entry, now};
use super::read::exists;
use super::session::{Session, on};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Puts keys back as they were found, with what is left of their time: how `set`, `expire` and `delete` are taken back.
/// A key whose time is over by now is removed. Gives `#{ restored }`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Restore {
    /// The keys as they were: each with one of `text`, `base64` and `dump`, and with `expires` if it expires
    entries: Vec<Entry>,
    /// Whether a key that is there keeps its value, and gets back only its time
    #[serde(default)]
    time_only: bool,
}

impl Primitive for Restore {
    const NAME: &'static str = "restore";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"redis("cache").restore([#{ key: "maintenance", text: "off" }])"#;
    const NO_PROBE: Option<&'static str> = Some("to put something back twice is to put it back");
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        let keys: Vec<String> = self.entries.iter().map(|entry| format!("`{}`", entry.key)).collect();
        format!("put {} back in {resource} as it was", keys.join(", "))
    }

    fn touches(&self) -> Option<String> {
        match self.entries.as_slice() {
            [entry] => Some(entry.key.clone()),
            _ => None,
        }
    }

    async fn inverse(&self, _: &Cx) -> Result<Inverse> {
        for entry in &self.entries {
            entry.payload()?;
            entry.until()?;
        }
        Ok(Inverse::none("it puts back what an earlier change recorded, and records nothing itself"))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let session = Session::open(&cx).await?;
        for (number, entry) in self.entries.iter().enumerate() {
            restore(&session, entry, self.time_only).await.map_err(|mut error| {
                // Those before it are back already.
                error.unchanged &= number == 0;
                error
            })?;
        }
        Ok(json!({ "restored": self.entries.len() }))
    }
}

async fn restore(session: &Session, entry: &Entry, time_only: bool) -> Result<()> {
    let key = entry.key.as_str();
    let left = match entry.until()? {
        Some(until) => Some(until - now(session, key).await?),
        None => None,
    };
    let command = match (left, time_only && exists(session, key).await?) {
        (Some(..=0), _) => on("UNLINK", key),
        (Some(left), true) => pexpire(key, left),
        (None, true) => on("PERSIST", key),
        (left, false) => whole(entry, left)?,
    };
    session.change(key, command).await.map(drop)
}

fn pexpire(key: &str, left: i64) -> Cmd {
    let mut command = on("PEXPIRE", key);
    command.arg(left);
    command
}

/// The command that writes value and time at once.
fn whole(entry: &Entry, left: Option<i64>) -> Result<Cmd> {
    let (name, bytes) = entry.payload()?;
    let mut command = cmd(name);
    match name {
        "RESTORE" => command.arg(&entry.key).arg(left.unwrap_or(0)).arg(bytes).arg("REPLACE"),
        _ => match left {
            Some(left) => command.arg(&entry.key).arg(bytes).arg("PX").arg(left),
            None => command.arg(&entry.key).arg(bytes),
        },
    };
    Ok(command)
}

/// The call that puts these keys back.
pub(super) fn call(cx: &Cx, entries: &[Entry], time_only: bool) -> Result<Inverse> {
    let entries = serde_json::to_value(entries)
        .map_err(|why| Error::bug("an entry is no JSON").why(why.to_string()))?;
    let call = Call::new(cx.resource().clone(), Restore::NAME).with("entries", entries);
    Ok(Inverse::Call(if time_only { call.with("time_only", true) } else { call }))
}

/// Keys as a plan names them.
pub(super) fn listed(keys: &[String]) -> String {
    let shown: Vec<String> =
        keys.iter().take(5).map(|key| format!("`{}`", text::headline(key, 60))).collect();
    match keys.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
