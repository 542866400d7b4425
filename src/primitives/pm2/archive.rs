//! `archive_to`: the logs of an application as they are now, into a store.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::door::Pm2;
use super::process::Process;
use crate::base::access::{Access, ResourceId};
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::archive;
use crate::effect::cx::Cx;
use crate::effect::dump::{Compression, Dump, Source, Target, until_stopped};
use crate::effect::primitive::Primitive;

/// Stores the logs of an application as they are now: for each of its processes the output, then the errors. It is
/// compressed, read back, compared by SHA-256, and only then visible under its key. Gives `store`, `key`, `version`,
/// `bytes`, `uncompressed`, `sha256` (of what lies in the store), `lines`, `took_ms` and `mib_per_s`. The logs are stored
/// as they are: a secret in them stays there. An archive stays when a run is taken back. `zstd -dc < KEY` brings it back
/// without playbook.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ArchiveTo {
    /// The store
    store: ResourceId,
    /// The key of the archive
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// The application's name
    name: String,
    /// The host, by name; needed when pm2 runs on more than one
    host: Option<String>,
    /// Whether an object that has this key already may be replaced
    #[serde(default)]
    replace: bool,
    /// How it is compressed
    #[serde(default)]
    compression: Compression,
}

impl ArchiveTo {
    fn target(&self) -> Target {
        Target::archive(&self.store, &self.key, self.replace, self.compression)
    }

    /// The one host whose logs are meant.
    fn host(&self, pm2: &Pm2) -> Result<String> {
        match (&self.host, pm2.places.as_slice()) {
            (Some(host), places) if places.contains(host) => Ok(host.clone()),
            (None, [only]) => Ok(only.clone()),
            (_, places) => {
                Err(Error::usage(format!("pm2 runs on {} hosts, and an archive is of one", places.len()))
                    .fix(format!("name it: `#{{ host: \"{}\" }}`", places.first().map_or("", String::as_str)))
                    .unchanged())
            }
        }
    }
}

impl Primitive for ArchiveTo {
    const NAME: &'static str = "archive_to";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"pm2("app").archive_to(files("backups"), "api.log.zst", "api")"#;
    const TIMEOUT: std::time::Duration = archive::LONG;
    const ATOMIC: bool = true;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        self.target().needs(resource)
    }

    fn plan(&self, resource: &ResourceId) -> String {
        archive::plan(&self.target(), &format!("the logs of {} of {}", self.name, resource.name))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        self.target().inverse(cx).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        self.target().probe(cx).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let pm2 = Pm2::open(&cx, Effect::Read).await.map_err(Error::unchanged)?;
        let host = self.host(&pm2)?;
        let all = pm2.list(&host).await.map_err(Error::unchanged)?;
        let found = pm2.find(&self.name, &host, &all)?;
        let logs = |one: &Process| [one.out_log.clone(), one.err_log.clone()];
        let mut paths: Vec<String> = found.iter().flat_map(logs).filter(|path| !path.is_empty()).collect();
        // Instances may share their logs.
        paths.dedup();
        let mut content = pm2.content(&host, &paths).await.map_err(Error::unchanged)?;
        let mut dump = Dump::begin(&cx, self.target(), Source::default()).await?;
        let copied = archive::copy(&mut dump, &mut content, async { Ok(()) });
        let copied = until_stopped(&cx, copied).await;
        archive::publish(dump, copied).await
    }
}
