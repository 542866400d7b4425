//! The keys of machines that are known: read from a file in OpenSSH's form, and judged before anything else is said.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ssh2::{CheckResult, HashType, KnownHostFileKind, MethodType};

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

/// One line of the file that speaks of the machine.
struct Line {
    number: usize,
    is_revoked: bool,
    /// It names the machine without its port, which OpenSSH believes too, but never holds against it.
    is_portless: bool,
    kind: String,
    key: String,
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

impl Line {
    /// Reads a line; `None` when it does not speak of `address`.
    fn read(number: usize, line: &str, address: &Address) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let mut first = words.next().filter(|word| !word.starts_with('#'))?;
        let mut is_revoked = false;
        if let Some(marker) = first.strip_prefix('@') {
            is_revoked = marker == "revoked";
            first = words.next().filter(|_| is_revoked)?;
        }
        let (kind, key) = (words.next()?, words.next()?);
        let with_port = speaks_of(first, &name_of(address));
        let is_portless = !with_port && speaks_of(first, &address.host);
        (with_port || is_portless).then(|| Self {
            number,
            is_revoked,
            is_portless,
            kind: kind.to_owned(),
            key: key.to_owned(),
        })
    }
}

/// The machine as the file names it: without the port when that is the usual one.
fn name_of(address: &Address) -> String {
    if address.port == 22 { address.host.clone() } else { format!("[{}]:{}", address.host, address.port) }
}

/// Whether the first word of a line means `name`: a list of patterns, or a hash.
fn speaks_of(patterns: &str, name: &str) -> bool {
    if patterns.starts_with("|1|") {
        return is_hash_of(patterns, name).unwrap_or(false);
    }
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(not) if matches(not, name) => return false,
            Some(_) => {}
            None => found |= matches(pattern, name),
        }
    }
    found
}

/// Only the library knows how the hash is made; it says "mismatch" of another key when the name is right.
fn is_hash_of(hash: &str, name: &str) -> Result<bool, ssh2::Error> {
    const ANY_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let session = ssh2::Session::new()?;
    let mut hosts = session.known_hosts()?;
    hosts.read_str(&format!("{hash} {ANY_KEY}"), KnownHostFileKind::OpenSSH)?;
    Ok(matches!(hosts.check(name, b"another key"), CheckResult::Mismatch | CheckResult::Match))
}

/// Whether a pattern with `*` and `?` means `name`, whose case is ignored.
fn matches(pattern: &str, name: &str) -> bool {
    fn go(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => {
                go(rest, name) || name.split_first().is_some_and(|(_, n)| go(pattern, n))
            }
            (Some((b'?', rest)), Some((_, n))) => go(rest, n),
            (Some((p, rest)), Some((c, n))) => p.eq_ignore_ascii_case(c) && go(rest, n),
            _ => false,
        }
    }
    go(pattern.as_bytes(), name.as_bytes())
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
    fn a_line_speaks_of_names_patterns_and_hashes() {
        for (patterns, name, yes) in [
            ("web1,10.0.0.1", "10.0.0.1", true),
            ("[web1]:2222", "[web1]:2222", true),
            ("[web1]:2222", "web1", false),
            ("*.example.com,!db.example.com", "WEB.example.com", true),
            ("*.example.com,!db.example.com", "db.example.com", false),
            ("web?", "web1", true),
            ("web?", "web12", false),
            // `ssh-keygen -H` made this of [127.0.0.1]:2222.
            ("|1|nope", "web1", false),
        ] {
            assert_eq!(speaks_of(patterns, name), yes, "{patterns} {name}");
        }
    }

    #[test]
    fn a_key_says_its_kind() {
        let key = "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(kind_of(key), "ssh-ed25519");
        assert_eq!(kind_of("AAAA"), "");
    }

    #[test]
    fn markers_are_understood_and_comments_are_none() {
        let address = Address { user: None, host: "web1".into(), port: 22 };
        let line = |text: &str| Line::read(1, text, &address);
        assert!(line("@revoked web1 ssh-ed25519 AAAA").unwrap().is_revoked);
        assert!(line("@cert-authority web1 ssh-ed25519 AAAA").is_none());
        assert!(line("# web1 ssh-ed25519 AAAA").is_none() && line("").is_none() && line("web1").is_none());
        assert!(!line("web1 ssh-ed25519 AAAA comment").unwrap().is_portless);
        let other = Address { port: 2222, ..address.clone() };
        assert!(Line::read(1, "web1 ssh-ed25519 AAAA", &other).unwrap().is_portless);
    }
}
