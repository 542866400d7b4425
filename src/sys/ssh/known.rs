//! The keys of machines that are known: read from a file in OpenSSH's form, and judged before anything else is said.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ssh2::{HashType, MethodType};

use super::known_line::{Line, name_of};
use super::{Address, Target, Trust};
use crate::base::error::{Error, Result};
use crate::sys::files;

/// A file of known keys larger than this is something else; in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;

/// What a server may sign with, and the kind of key that it shows then.
const SIGNATURES: [(&str, &str); 7] = [
    ("ssh-ed25519", "ssh-ed25519"),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"),
    ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"),
    ("ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "ssh-rsa"),
    ("rsa-sha2-256", "ssh-rsa"),
    ("ssh-rsa", "ssh-rsa"),
];

/// Held by whoever notes a key.
static NOTING: Mutex<()> = Mutex::new(());

/// What is known of one machine's keys.
pub(super) struct Known {
    shown: String,
    address: Address,
    trust: Arc<Trust>,
    lines: Vec<Line>,
}

impl Known {
    /// Reads what the file says of a machine; no file is an empty one.
    pub(super) fn read(target: &Target) -> Result<Self> {
        let path = &target.trust.known_hosts;
        let text = if files::exists(path) { files::read_text(path, LARGEST)? } else { String::new() };
        let lines =
            text.lines().enumerate().filter_map(|(at, line)| Line::read(at + 1, line, &target.address));
        Ok(Self {
            shown: target.shown(),
            address: target.address.clone(),
            trust: Arc::clone(&target.trust),
            lines: lines.collect(),
        })
    }

    /// Asks the machine for a key of a kind that is known, where it has more than one.
    pub(super) fn prefer(&self, session: &ssh2::Session) -> Result<(), ssh2::Error> {
        let knows = |kind: &str| self.lines.iter().any(|line| !line.is_revoked && line.kind == kind);
        let (first, rest): (Vec<_>, Vec<_>) = SIGNATURES.iter().partition(|(_, kind)| knows(kind));
        let names: Vec<&str> = first.iter().chain(&rest).map(|(name, _)| *name).collect();
        session.method_pref(MethodType::HostKey, &names.join(","))
    }

    /// Says whether the machine is the right one; one that is not known is noted, where that is allowed.
    pub(super) fn judge(&self, session: &ssh2::Session) -> Result<()> {
        let key = session.host_key().map(|(key, _)| STANDARD.encode(key)).unwrap_or_default();
        let print = session.host_key_hash(HashType::Sha256).map(|hash| STANDARD_NO_PAD.encode(hash));
        let shows = format!("it shows {} SHA256:{}", kind_of(&key), print.unwrap_or_default());
        let (file, name) = (self.file(), name_of(&self.address));
        let matching = |line: &&Line| line.key == key;
        if let Some(line) = self.lines.iter().filter(|line| line.is_revoked).find(matching) {
            return Err(Error::remote(format!("{} shows a revoked key", self.shown))
                .why(format!("{shows}, which line {} of {file} revokes", line.number))
                .fix("do not log in there: find out why the key was revoked"));
        }
        let mut said = self.lines.iter().filter(|line| !line.is_revoked);
        if said.clone().any(|line| line.key == key) {
            return Ok(());
        }
        if let Some(line) = said.find(|line| !line.is_portless) {
            return Err(Error::remote(format!("{} shows another key than before", self.shown))
                .why(format!("{shows}; line {} of {file} says otherwise: somebody may stand in between", line.number))
                .fix(format!(
                    "ask who runs it; when its key was really renewed, forget the old one: ssh-keygen -R '{name}' -f {file}"
                )));
        }
        if self.trust.first_use {
            return self.note(&kind_of(&key), &key);
        }
        let port = if self.address.port == 22 { String::new() } else { format!("-p {} ", self.address.port) };
        Err(Error::remote(format!("the key of {} is not known", self.shown))
            .why(format!("{shows}, and {file} says nothing of it"))
            .fix(format!(
                "compare that with `ssh-keygen -lf` on the machine itself, then note it: ssh-keyscan {port}{} >> {file}; \
                 or set `trust_on_first_use = true` where nobody can stand in between",
                self.address.host
            )))
    }

    fn file(&self) -> String {
        self.trust.known_hosts.display().to_string()
    }

    fn note(&self, kind: &str, key: &str) -> Result<()> {
        let _turn = NOTING.lock();
        let path: &PathBuf = &self.trust.known_hosts;
        path.parent().map_or(Ok(()), files::make_private_folder)?;
        let before = if files::exists(path) { files::read_text(path, LARGEST)? } else { String::new() };
        let end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        let line = format!("{} {kind} {key}\n", name_of(&self.address));
        if before.contains(&line) {
            return Ok(());
        }
        files::replace(path, format!("{before}{end}{line}").as_bytes())
    }
}

/// The kind of a key, which it says itself in front.
fn kind_of(key: &str) -> String {
    let bytes = STANDARD.decode(key).unwrap_or_default();
    let kind = bytes.get(..4).and_then(|length| {
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        bytes.get(4..4 + length)
    });
    String::from_utf8_lossy(kind.unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_its_kind() {
        let key = "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(kind_of(key), "ssh-ed25519");
        assert_eq!(kind_of("AAAA"), "");
    }
}
