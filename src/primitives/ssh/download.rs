//! `download`: a file of a host into a store, streamed.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::script;
use crate::base::access::{Access, ResourceId};
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::arrival::arrived;
use crate::effect::cx::Cx;
use crate::effect::dump::{hexadecimal, next, until_stopped};
use crate::effect::hosts::Task;
use crate::effect::primitive::Primitive;
use crate::effect::store::{Content, Upload};
use crate::effect::witness::VALUE;

/// How long it may take.
const LONG: std::time::Duration = std::time::Duration::from_secs(1800);

/// Fetches a file of a host into a store, a folder (`files`) or a bucket, where it appears whole or not at all. Taken back
/// by removing it there. Gives `host`, `store`, `key`, `bytes` and `sha256`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Download {
    /// The path there; one that begins with `~/` begins in the user's home
    from: String,
    /// The store that gets it, as its handle
    into: ResourceId,
    /// The key that it gets there; default HOST/NAME
    name: Option<String>,
    /// The host, by name; needed when the group has more than one
    host: Option<String>,
    /// Whether an object that has that key already is replaced; that cannot be taken back
    #[serde(default)]
    replace: bool,
}

impl Download {
    async fn host(&self, cx: &Cx) -> Result<String> {
        let fleet = super::fleet(cx).await?;
        let chosen = fleet.choose(self.host.as_ref().map(std::slice::from_ref))?;
        match chosen.as_slice() {
            [only] => Ok(only.name.clone()),
            _ => Err(Error::usage(format!(
                "`{}` has {} hosts, and a file comes from one",
                cx.resource(),
                chosen.len()
            ))
            .fix(format!("name it: `#{{ host: \"{}\" }}`", chosen.first().map_or("", |host| &host.name)))),
        }
    }

    fn name(&self, host: &str) -> String {
        let plain = |text: &str| text.replace([':', '@'], "-");
        let own = self.from.rsplit('/').next().unwrap_or(&self.from);
        self.name.clone().unwrap_or_else(|| format!("{}/{own}", plain(host)))
    }
}

impl Primitive for Download {
    const NAME: &'static str = "download";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"ssh("web").download("/var/log/app.log", files("logs"), #{ host: "web1" })"#;
    const TIMEOUT: std::time::Duration = LONG;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        vec![Access::new(resource.clone(), Effect::Read), Access::new(self.into.clone(), Effect::Write)]
    }

    fn plan(&self, resource: &ResourceId) -> String {
        let host = self.host.as_ref().map_or_else(String::new, |host| format!("{host} of "));
        format!("download `{}` of {host}{resource} into {}", self.from, self.into)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let name = self.name(&self.host(cx).await?);
        let there = cx.store(&self.into, Effect::Write).await?.head(&name).await?;
        Ok(match there {
            None => {
                // Every store has this verb and this option.
                let delete = Call::new(self.into.clone(), "delete").with("key", name);
                Inverse::Call(delete.with("keep", false))
            }
            Some(_) if self.replace => Inverse::none(format!("what `{name}` of {} held is gone", self.into)),
            Some(_) => {
                return Err(Error::remote(format!("`{}` already holds `{name}`", self.into))
                    .fix("choose another `name`, or give `replace: true`"));
            }
        })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        arrived(cx, &self.into, &self.name(&self.host(cx).await?)).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let host = self.host(&cx).await.map_err(Error::unchanged)?;
        let name = self.name(&host);
        let door = super::door::hosts(cx.clone()).await?;
        let task =
            Task { arguments: script::get(&self.from), folder: None, variables: Vec::new(), within: LONG };
        let store = cx.store(&self.into, Effect::Write).await?;
        let mut upload = store.begin(&name).await.map_err(Error::unchanged)?;
        cx.close_gracefully();
        let unread = format!("`{}` on {host} of `{}` cannot be read", self.from, cx.resource());
        let received = until_stopped(&cx, async {
            let content = door.open(&host, task).await?;
            receive(&cx, content, &mut *upload, &unread).await
        });
        match received.await {
            Ok((bytes, sha256)) => {
                let receipt = json!({ "host": host, "store": self.into, "key": name, "bytes": bytes, "sha256": sha256 });
                cx.witness(json!({ VALUE: receipt }))?;
                upload.publish(&sha256, self.replace).await?;
                Ok(receipt)
            }
            Err(error) => {
                let _ = upload.discard().await;
                Err(error.unchanged())
            }
        }
    }
}

async fn receive(cx: &Cx, mut content: Content, to: &mut dyn Upload, what: &str) -> Result<(u64, String)> {
    const TELL_EVERY: u64 = 4 * 1024 * 1024;
    let (mut digest, mut got, mut told) = (Sha256::new(), 0, 0);
    while let Some(chunk) = next(&mut content, what).await? {
        digest.update(&chunk);
        got += chunk.len() as u64;
        to.write(chunk).await?;
        if got - told >= TELL_EVERY {
            told = got;
            cx.progress("download", got, None);
        }
    }
    to.seal().await?;
    Ok((got, hexadecimal(digest.finalize().as_slice())))
}
