//! One line of a file of known keys, in OpenSSH's form.

use ssh2::{CheckResult, KnownHostFileKind};

use super::Address;

/// One line of the file that speaks of the machine.
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) is_revoked: bool,
    /// It names the machine without its port, which OpenSSH believes too, but never holds against it.
    pub(super) is_portless: bool,
    pub(super) kind: String,
    pub(super) key: String,
}

impl Line {
    /// Reads a line; `None` when it does not speak of `address`.
    pub(super) fn read(number: usize, line: &str, address: &Address) -> Option<Self> {
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
pub(super) fn name_of(address: &Address) -> String {
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
