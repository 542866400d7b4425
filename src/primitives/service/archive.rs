//! `archive_to`: the log of a service as it is now, into a store.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::control::Control;
use crate::base::access::{Access, ResourceId};
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::archive::{self, Content};
use crate::effect::cx::Cx;
use crate::effect::dump::{Compression, Target};
use crate::effect::primitive::Primitive;
use crate::sys::{blocking, files};

/// Stores the log of the service as it is now, whether it runs or not; of one that runs, up to its present end. It is
/// compressed, read back, compared by SHA-256, and only then visible under its key. Gives `store`, `key`, `version`,
/// `bytes`, `uncompressed`, `sha256` (of what lies in the store), `lines`, `took_ms` and `mib_per_s`. The log is stored
/// as it is: a secret in it stays there. A service that has written nothing yet is an error. An archive stays when a
/// run is taken back. `zstd -dc < KEY` brings it back without playbook.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ArchiveTo {
    /// The store
    store: ResourceId,
    /// The key of the archive
    #[schemars(extend("format" = "key of a store"))]
    key: String,
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
}

impl Primitive for ArchiveTo {
    const NAME: &'static str = "archive_to";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"service("app").archive_to(files("backups"), "app.log.zst")"#;
    const TIMEOUT: std::time::Duration = archive::LONG;
    const ATOMIC: bool = true;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        self.target().needs(resource)
    }

    fn plan(&self, resource: &ResourceId) -> String {
        archive::plan(&self.target(), &format!("the log of {}", resource.name))
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        self.target().inverse(cx).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        self.target().probe(cx).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        // The turn at the service is not needed any longer: a slow store must not keep it from being restarted.
        let log = Control::take(&cx).await?.log().to_owned();
        let found = blocking::run(move || files::open(&log)).await.map_err(Error::unchanged)?;
        let none = || {
            let error = Error::missing(format!("`{}` has written no log yet", cx.resource()));
            error.fix("start it first").unchanged()
        };
        let (file, bytes) = found.filter(|(_, bytes)| *bytes > 0).ok_or_else(none)?;
        let short = format!("the log of `{}` cannot be read", cx.resource());
        archive::write(&cx, self.target(), Some(bytes), move |to| {
            files::copy_exactly(file, bytes, to).map_err(|why| Error::io(short, &why))?;
            Ok(Content::Text)
        })
        .await
    }
}
