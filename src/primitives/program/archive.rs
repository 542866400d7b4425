//! `archive_to`: what a program says on its standard output, streamed into a store.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::settings::Table;
use super::{failed, spoken};
use crate::base::access::{Access, ResourceId};
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::archive;
use crate::effect::cx::Cx;
use crate::effect::dump::{Compression, Dump, Source, Target};
use crate::effect::environment::Resource;
use crate::effect::output::{kept, shown};
use crate::effect::primitive::Primitive;
use crate::sys::process::{self, Ended, Line, Status, Stdin};

/// Streams the standard output of the program into a store, however long it is, with arguments that the list `read`
/// allows. It is compressed, read back, compared by SHA-256, and only then visible under its key, and only when the
/// program ended with an exit code of `ok`; its standard error is shown as it comes. Gives `store`, `key`, `version`,
/// `bytes`, `uncompressed`, `sha256` (of what lies in the store), `lines`, `took_ms` and `mib_per_s`. The output is
/// stored as it is: a secret in it stays there. No output at all is an error. An archive stays when a run is taken
/// back. `zstd -dc < KEY` brings it back without playbook.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ArchiveTo {
    /// The store
    store: ResourceId,
    /// The key of the archive
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// The arguments, one by one
    arguments: Vec<String>,
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
    const EXAMPLE: &'static str =
        r#"program("journalctl").archive_to(files("backups"), "api.log.zst", ["-u", "api"])"#;
    const TIMEOUT: std::time::Duration = archive::LONG;
    const ATOMIC: bool = true;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        self.target().needs(resource)
    }

    fn plan(&self, resource: &ResourceId) -> String {
        archive::plan(&self.target(), &format!("the output of {}", spoken(resource, &self.arguments)))
    }

    fn forbidden(&self, resource: &Resource, environment: &str) -> Option<Error> {
        Table::forbids(resource, environment, Effect::Read, [&self.arguments])
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let table: Table = cx.settings()?;
        table.permit_archive(cx, &self.arguments)?;
        table.find(cx)?;
        self.target().inverse(cx).await
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        self.target().probe(cx).await
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let target = self.target();
        let table: Table = cx.settings()?;
        table.permit_archive(&cx, &self.arguments)?;
        let called = spoken(cx.resource(), &self.arguments);
        let command = table.command(&cx, self.arguments).await?;
        let mut dump = Dump::begin(&cx, target, Source::default()).await?;
        let copied = async {
            let mut running = process::spawn(&command, Stdin::Null)?;
            let mut stdout = running.take_stdout()?;
            let tell = |line: Line<'_>| cx.line(line.error, &shown(&cx, line));
            let ended = async {
                let ended = running.finish(cx.stop(), &tell).await?;
                well(&cx, &table, &called, &ended)
            };
            archive::copy(&mut dump, &mut stdout, ended).await
        };
        let copied = copied.await;
        archive::publish(dump, copied).await
    }
}

/// Whether the program ended as it should.
fn well(cx: &Cx, table: &Table, called: &str, ended: &Ended) -> Result<()> {
    match ended.status {
        Status::Code(code) if table.ok.contains(&code) => Ok(()),
        _ => Err(failed(called, ended, "", &kept(cx, &ended.stderr)).fix("nothing was stored")),
    }
}
