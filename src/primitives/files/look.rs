//! Whether the folder is there, may be written where the environment grants it, and how much room it has.

use super::Table;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::sys::files;
use crate::sys::folder::Folder;

/// Opens the folder, and asks the system what may be done there.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let table: Table = cx.settings()?;
    let (path, writes) = (cx.trusted_path(&table.path), cx.granted() > Effect::Read);
    let is_there = Folder::open(&path)?.is_some();
    let Some(nearest) = path.ancestors().find(|path| files::exists(path)) else {
        return Err(Error::missing(format!("there is no folder {}", path.display())));
    };
    let mut health = Health::reached();
    if !is_there {
        health = health.fact("no folder yet: the first object makes it");
    }
    if let Some(free) = files::free_space(nearest) {
        health = health.fact(format!("{} free", text::show_size(free)));
    }
    if !writes || files::is_writable(nearest) {
        return Ok(health.permitted());
    }
    let error = Error::remote(format!("{} may not be written by this user", nearest.display()));
    Ok(health.refused(error.fix("change the owner or mode of the folder")))
}
