//! Keys: what may be one, which are the store's own, and how they travel in a copy's source.

use std::sync::LazyLock;

use crate::base::error::{Kind, Result};
use crate::effect::store::{no_key, stays_inside};

/// The folder, below the prefix of the resource, that is the store's own.
pub(super) const OWN: &str = ".playbook/";
/// Where objects lie until they are published: a folder for each run.
pub(super) const INCOMING: &str = ".playbook/incoming/";
/// Where the earlier content of replaced and deleted objects lies: a folder for each run.
pub(super) const UNDO: &str = ".playbook/undo/";
/// The longest key, in bytes.
const LONGEST: usize = 1024;

/// Says what is wrong with a key, if anything. One that would lead out of the prefix is a denial.
pub(super) fn check(key: &str) -> Result<()> {
    check_prefix(key)?;
    if key.is_empty() {
        return wrong(key, Kind::Usage, "it is empty");
    }
    if key.starts_with(OWN) {
        return wrong(key, Kind::Denied, "`.playbook/` is the store's own");
    }
    Ok(())
}

/// Says what is wrong with the beginning of a key, if anything.
pub(super) fn check_prefix(key: &str) -> Result<()> {
    // To S3 these are keys like any other, but not to every server and proxy on the way.
    stays_inside(key)?;
    if key.split('/').any(|part| part == ".") {
        return wrong(key, Kind::Denied, "a key has no part `.`");
    }
    if key.len() > LONGEST || key.chars().any(char::is_control) {
        return wrong(key, Kind::Usage, "a key has at most 1024 bytes and no control characters");
    }
    Ok(())
}

fn wrong(key: &str, kind: Kind, why: &str) -> Result<()> {
    Err(no_key(key, kind, why))
}

/// Where a run stages something; what lies there adds to it.
pub(super) fn stage(run: &str) -> String {
    // Short, because some servers make names of files of it; its own, because a run may write one key twice at once.
    format!("{INCOMING}{run}/{}{}-", turn(), random(10))
}

/// What the name of everything begins with that this process stages: a run that goes on after a crash has another one than
/// before it.
pub(super) fn turn() -> &'static str {
    static TURN: LazyLock<String> = LazyLock::new(|| random(6));
    &TURN
}

fn random(digits: usize) -> String {
    let own = uuid::Uuid::now_v7().simple().to_string();
    own[own.len() - digits..].to_owned()
}

/// The source of a copy as its header wants it: `bucket/key`, escaped, and the version behind it.
pub(super) fn source(bucket: &str, key: &str, version: Option<&str>) -> String {
    let mut source = format!("{}/{}", escape(bucket), escape(key));
    if let Some(version) = version {
        source.push_str("?versionId=");
        source.push_str(&escape(version));
    }
    source
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/:".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_could_lead_out_or_are_the_stores_own_are_refused() {
        for good in ["a", "2026/11/x y+z?.dump", "a//b", "a..b", "ä/ß", "folder/", "x/.playbook/y"] {
            assert!(check(good).is_ok(), "{good}");
        }
        let long = "x".repeat(1025);
        for bad in ["", "/a", "..", "a/../b", "./a", "a/.", ".playbook/x", "a\nb", "a\0b", &long] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_source_of_a_copy_is_escaped() {
        assert_eq!(source("b", "a b/ä+?.txt", Some("v=1")), "b/a%20b/%C3%A4%2B%3F.txt?versionId=v%3D1");
    }
}
