//! The room that is left on a disk of this machine.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text::{parse_size, show_size};
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::primitive::{Primitive, entry};
use crate::sys::{blocking, files};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "disk",
    about: "A folder of this machine: how much room is left on the disk that holds it.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<Space>(), entry::<HasSpace>()],
    store: None,
    sql: None,
    hosts: None,
};

/// A folder of this machine.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The folder, or any file, relative to the project or absolute
    path: String,
}

/// Reads how much room there is: `#{ total, used, free, used_ratio, inodes, inodes_free }`, sizes in bytes. `free` is
/// what an ordinary user may still fill; `used_ratio` is 0 to 1, as `df` counts it. A file system that does not count its
/// inodes gives 0 for both.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Space {}

impl Primitive for Space {
    const NAME: &'static str = "space";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"metric "disk used", disk("data").space().used_ratio < 0.85;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read how much room is left on {resource}")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Ok(value(read(&cx).await?))
    }
}

/// Makes sure that so much room is left; gives what `space` gives.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HasSpace {
    /// How much must be free: "5 GiB"
    free: String,
}

impl Primitive for HasSpace {
    const NAME: &'static str = "has_space";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"disk("data").has_space("5 GiB");"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("make sure that {} are free on {resource}", self.free)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let wanted = parse_size(&self.free)?;
        let space = read(&cx).await?;
        if space.free < wanted {
            return Err(Error::remote(format!(
                "`{}` has {} free, wanted {}",
                cx.resource(),
                show_size(space.free),
                self.free
            ))
            .fix("remove what is not needed any more, or give the disk more room")
            .detail("free", space.free));
        }
        Ok(value(space))
    }
}

async fn read(cx: &Cx) -> Result<files::Space> {
    let table: Table = cx.settings()?;
    let path = cx.trusted_path(&table.path);
    // A mount that hangs shall hang nothing else.
    blocking::run(move || files::space(&path)).await
}

fn value(space: files::Space) -> Value {
    let files::Space { total, used, free, inodes, inodes_free } = space;
    json!({
        "total": total, "used": used, "free": free,
        "used_ratio": used as f64 / (used + free).max(1) as f64,
        "inodes": inodes, "inodes_free": inodes_free,
    })
}
