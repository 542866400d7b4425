//! One run at a time for each environment and lock name: two people cannot deploy over each other on one machine.

use std::path::Path;

use crate::base::error::{Error, Result};
use crate::sys::files;
use crate::sys::lock::FileLock;

/// More than this says no holder.
const LARGEST: u64 = 4096;

/// Takes the lock `name` of `environment` for `holder`, in words; it is let go when the value is dropped, or when the
/// process is gone, however it ended.
pub fn hold(project: &Path, environment: &str, name: &str, holder: &str) -> Result<FileLock> {
    let folder = project.join(".playbook/locks");
    files::make_private_folder(&folder)?;
    let file = folder.join(file_name(environment, name));
    let told = file.with_extension("holder");
    let Some(lock) = FileLock::try_hold(&file)? else {
        let holder = files::read_text(&told, LARGEST).unwrap_or_else(|_| "another run".to_owned());
        return Err(Error::usage(format!(
            "the lock `{name}` of `{environment}` is held by {}",
            holder.trim()
        ))
        .fix("wait until that run has ended: `playbook runs` shows how it stands"));
    };
    files::replace(&told, holder.as_bytes())?;
    Ok(lock)
}

/// A name of its own for each pair, whatever letters they have.
fn file_name(environment: &str, name: &str) -> String {
    let plain = |text: &str| -> String {
        text.chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() {
                    letter.to_string()
                } else {
                    format!("%{:x}", letter as u32)
                }
            })
            .collect()
    };
    format!("{}-{}.lock", plain(environment), plain(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_told_who_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let held = hold(folder.path(), "local", "api", "ada@laptop since 10:00").unwrap();
        let refused = hold(folder.path(), "local", "api", "bob").unwrap_err();
        assert_eq!(refused.what, "the lock `api` of `local` is held by ada@laptop since 10:00");
        assert!(
            hold(folder.path(), "local", "api/2", "bob").is_ok()
                && hold(folder.path(), "other", "api", "bob").is_ok()
        );
        drop(held);
        assert!(hold(folder.path(), "local", "api", "bob").is_ok());
    }
}
