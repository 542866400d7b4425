//! `delete`: keys go, and what they held is recorded.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers;
use super::held::{self, Held};
use super::read::exists;
use super::restore;
use super::session::{Session, on};
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// More than this of all keys together is not kept for the way back; in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;
/// More keys than this are a pattern's business.
const MOST: usize = 10_000;

/// Removes a key, or several. Taken back by putting back what they held, of whatever kind, and their time to live, as far
/// as that is not too large to be kept. Gives `#{ removed }`, how many of them were there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Delete {
    /// The key, or an array of keys
    keys: Keys,
}

/// One or several.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Keys {
    /// A key
    One(String),
    /// Several keys
    Several(Vec<String>),
}

impl Primitive for Delete {
    const NAME: &'static str = "delete";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"redis("cache").delete(["maintenance", "banner"])"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("delete {} of {resource}", restore::listed(&self.keys()))
    }

    fn touches(&self) -> Option<String> {
        match self.keys().as_slice() {
            [key] => Some(key.clone()),
            _ => None,
        }
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let keys = self.keys();
        if keys.len() > MOST {
            return Err(Error::usage(format!("{} keys are too many for one call", keys.len()))
                .fix("use `invalidate` with a pattern, or several calls"));
        }
        let session = Session::open(cx).await?;
        let (mut entries, mut size) = (Vec::new(), 0);
        for key in &keys {
            match held::find(&session, key).await? {
                Held::Absent => {}
                Held::Unkept(why) => return Ok(Inverse::none(why)),
                Held::Entry(entry) => {
                    size += entry.size();
                    if size > LARGEST {
                        let most = text::show_size(LARGEST);
                        return Ok(Inverse::none(format!(
                            "the keys hold more than {most} together, which is not kept"
                        )));
                    }
                    entries.push(*entry);
                }
            }
        }
        if entries.is_empty() { Ok(Inverse::Nothing) } else { restore::call(cx, &entries, false) }
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let session = Session::open(cx).await?;
        for key in self.keys() {
            if exists(&session, &key).await? {
                return Ok(Some(false));
            }
        }
        Ok(Some(true))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let session = Session::open(&cx).await?;
        let mut removed = 0;
        for key in self.keys() {
            let answer = session.change(&key, on("UNLINK", &key)).await.map_err(|mut error| {
                error.unchanged &= removed == 0;
                error
            })?;
            removed += answers::count(&session.named, "UNLINK", &answer)?;
        }
        Ok(json!({ "removed": removed }))
    }
}

impl Delete {
    /// The keys, each once.
    fn keys(&self) -> Vec<String> {
        match &self.keys {
            Keys::One(key) => vec![key.clone()],
            Keys::Several(keys) => {
                let mut seen = BTreeSet::new();
                keys.iter().filter(|key| seen.insert(*key)).cloned().collect()
            }
        }
    }
}
