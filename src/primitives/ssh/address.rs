//! `user@host:port` as it stands in the settings.

use crate::base::error::{Error, Result};
use crate::sys::ssh::Address;

/// Reads an address; the port is 22 unless it is said.
pub(super) fn parse(text: &str) -> Result<Address> {
    let wrong = || {
        Error::usage(format!("`{text}` is no address of a host"))
            .fix("write \"host\", \"host:port\" or \"user@host:port\", an IPv6 address as \"[::1]:22\"")
    };
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user.to_owned()), rest),
        None => (None, text),
    };
    let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(wrong)?)),
        None => match rest.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        },
    };
    let port = port.map_or(Ok(22), |port| port.parse::<u16>().map_err(|_| wrong()))?;
    let odd = |text: &str| text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control());
    if odd(host) || port == 0 || user.as_deref().is_some_and(odd) {
        return Err(wrong());
    }
    Ok(Address { user, host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_perhaps_more() {
        let read = |text: &str| parse(text).map(|a| (a.user.unwrap_or_default(), a.host, a.port)).ok();
        let is = |user: &str, host: &str, port| Some((user.to_owned(), host.to_owned(), port));
        assert_eq!(read("web1"), is("", "web1", 22));
        assert_eq!(read("deploy@web1:2222"), is("deploy", "web1", 2222));
        assert_eq!(read("[::1]:2222"), is("", "::1", 2222));
        assert_eq!(read("[::1]"), is("", "::1", 22));
        for wrong in ["", "web1:", "web1:0", "web1:99999", "@web1", "we b", "::1"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
