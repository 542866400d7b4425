//! The record of the run itself, as something that can be stored.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::base::access::{Access, ResourceId};
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::archive::{self, Content};
use crate::effect::cx::Cx;
use crate::effect::dump::{Compression, Target};
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::{Primitive, entry};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "journal",
    about: "The record of the run itself, `journal()`. Every run has it: it stands neither in `playbook.toml` nor in \
            `uses`.",
    settings: Settings {
        schema: || schemars::schema_for!(Table),
        check: |_| Err("every run has its journal, `journal()`, so leave this table out".to_owned()),
    },
    entries: &[entry::<ArchiveTo>()],
    health: Examine::Never("the journal is looked at by itself, not as a resource"),
    store: None,
    sql: None,
    hosts: None,
};

/// Nothing can be set.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Table {}

/// Stores what the run has journalled so far, so that the last step of a deployment can keep its record elsewhere: each
/// entry as a line of JSON, the same that `playbook show RUN --output json` lists, without secrets. The last of them is
/// the beginning of this call. It is compressed, read back, compared by SHA-256, and only then visible under its key.
/// Gives `store`, `key`, `version`, `bytes`, `uncompressed`, `sha256`, `lines`, `took_ms` and `mib_per_s`. An archive
/// stays when a run is taken back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ArchiveTo {
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
    const EXAMPLE: &'static str = r#"journal().archive_to(files("backups"), `runs/${run.id}.jsonl.zst`)"#;
    const TIMEOUT: std::time::Duration = archive::LONG;
    const ATOMIC: bool = true;

    fn needs(&self, _: &ResourceId) -> Vec<Access> {
        // Its own record every run may read: who may run it may `playbook show` it.
        vec![Access::new(self.store.clone(), Effect::Write)]
    }

    fn plan(&self, _: &ResourceId) -> String {
        archive::plan(&self.target(), "the journal of the run so far")
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        self.target().inverse(cx).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        self.target().probe(cx).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let own = cx.clone();
        archive::write(&cx, self.target(), None, move |to| {
            own.write_journal(to)?;
            Ok(Content::Text)
        })
        .await
    }
}
