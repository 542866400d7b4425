//! Where a node is: `host:port`, as people, sentinels and clusters write it.

use std::fmt;

/// Host and port of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Address {
    /// Name or IP address.
    pub(super) host: String,
    /// TCP port.
    pub(super) port: u16,
}

impl Address {
    /// Puts the two halves together.
    pub(super) fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// Reads `host`, `host:port`, `[ipv6]:port`, or the bare `ipv6:port` that clusters write; `port` where none is given.
    pub(super) fn parse(text: &str, port: u16) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => match rest.split_once(']')? {
                (host, "") => (host, port),
                (host, rest) => (host, rest.strip_prefix(':')?.parse().ok()?),
            },
            None => match text.rsplit_once(':') {
                Some((host, port)) => (host, port.parse().ok()?),
                None => (text, port),
            },
        };
        let is_host = !host.is_empty() && !host.contains(['/', '@']) && !host.contains(char::is_whitespace);
        (is_host && port > 0).then(|| Self::new(host, port))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_in_each_of_its_forms() {
        for (text, host, port) in [
            ("cache", "cache", 6379),
            ("cache.example.com:7000", "cache.example.com", 7000),
            ("[::1]:7000", "::1", 7000),
            ("[::1]", "::1", 6379),
            ("fe80::1:7000", "fe80::1", 7000),
        ] {
            assert_eq!(Address::parse(text, 6379), Some(Address::new(host, port)), "{text}");
        }
        for wrong in
            ["", ":7000", "a:0", "a:70000", "a:b", "redis://a:7000", "u:p@a:7000", "a b:1", "[::1", "[::1]x"]
        {
            assert_eq!(Address::parse(wrong, 6379), None, "{wrong}");
        }
        assert_eq!(Address::new("::1", 1).to_string(), "[::1]:1");
    }
}
