//! The chain of hashes: each entry's hash covers the one before, so that nothing is changed or taken out unseen.

use sha2::{Digest as _, Sha256};

use crate::base::text::hexadecimal;

/// What stands before the very first run.
pub(super) const ROOT: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash of one link: SHA-256 over five lines, hexadecimal. Lines, so that an auditor can do it with `sha256sum`;
/// none of the five can hold a line end, so that no two links read the same.
pub(super) fn link(previous: &str, run: &str, seq: u64, at: &str, body: &str) -> String {
    sha256(&format!("{previous}\n{run}\n{seq}\n{at}\n{body}"))
}

/// SHA-256 of a text, hexadecimal.
pub(super) fn sha256(text: &str) -> String {
    hexadecimal(&Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected value was computed with `printf '%s\n%s\n%s\n%s\n%s' … | sha256sum`.
    #[test]
    fn a_link_is_what_sha256sum_says() {
        let hash = link(ROOT, "20251121-064518-3fa2", 1, "2025-11-21T06:45:18.000000Z", "{}");
        assert_eq!(hash, "d12e62fd07cbbc4463f3536d9516b22e5365c08c1118e0d657369d9384a58de5");
    }
}
