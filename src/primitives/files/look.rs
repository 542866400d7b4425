//! Whether the folder is there, may be written where the environment grants it, and how much room it has.

use super::Table;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::sys::files::{self, Space};
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
    if let Ok(space) = files::space(nearest) {
        health = health.fact(format!("{} free", text::show_size(space.free)));
        if let Some(full) = full(&space, &nearest.display().to_string()).filter(|_| writes) {
            return Ok(health.trouble(full));
        }
    }
    if !writes || files::is_writable(nearest) {
        return Ok(health.permitted());
    }
    let error = Error::remote(format!("{} may not be written by this user", nearest.display()));
    Ok(health.refused(error.fix("change the owner or mode of the folder")))
}

/// That nothing more fits there. What has no size, as some systems' folders, tells nothing.
fn full(space: &Space, place: &str) -> Option<Error> {
    let what = match (space.total > 0 && space.free == 0, space.inodes > 0 && space.inodes_free == 0) {
        (true, _) => format!("the disk of {place} is full"),
        (false, true) => format!("the disk of {place} has room for no more files"),
        (false, false) => return None,
    };
    Some(Error::remote(what).fix("free some space on that disk, or name a folder on another one as `path`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_full_by_its_bytes_or_by_its_files() {
        let space = Space { total: 100, used: 100, free: 0, inodes: 10, inodes_free: 5 };
        assert!(full(&space, "/data").unwrap().what.contains("is full"));
        let files = Space { free: 7, inodes_free: 0, ..space };
        assert!(full(&files, "/data").unwrap().what.contains("no more files"));
        assert!(full(&Space { free: 7, inodes: 0, inodes_free: 0, ..space }, "/data").is_none());
        assert!(full(&Space { total: 0, inodes: 0, inodes_free: 0, ..space }, "/proc").is_none());
    }
}
