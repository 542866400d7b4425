//! Plain connections: a TCP connection to a host and port, and why there is none.

use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
pub use tokio::net::TcpStream;

use crate::base::error::{Error, Result};

/// A host, by name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The name or address, an IPv6 one without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Address {
    /// Reads `host:port` or `[::1]:port`; without a port, `port` is meant.
    pub fn read(text: &str, port: Option<u16>) -> Result<Self> {
        let wrong = || {
            Error::usage(format!("`{text}` is no address"))
                .fix("write \"host:port\", for example \"db.internal:5432\" or \"[::1]:5432\"")
        };
        let is_bare = text.parse::<std::net::Ipv6Addr>().is_ok();
        let (host, digits) = match text.rsplit_once(':') {
            Some((host, digits)) if !is_bare && !host.ends_with(':') => (host, Some(digits)),
            _ => (text, None),
        };
        let port = match digits {
            Some(digits) => digits.parse().map_err(|_| wrong())?,
            None => port.ok_or_else(wrong)?,
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() || host.contains(['/', ' ', '@', '[', ']']) {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port })
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

/// Both ways of a connection.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection, encrypted or not.
pub type Stream = Box<dyn Duplex>;

/// Connects to `address`, whatever takes longer than `within` is given up. `named` is what errors call the other side.
pub async fn connect(named: &str, address: &Address, within: Duration) -> Result<TcpStream> {
    let told = |what: String| Error::remote(format!("`{named}` cannot be reached: {what}")).unchanged();
    let made = async {
        let found = tokio::net::lookup_host((address.host.as_str(), address.port)).await;
        let found: Vec<_> = found
            .map_err(|why| {
                told(format!("the host `{}` was not found", address.host))
                    .why(why.to_string())
                    .fix(format!(
                        "correct the address of `{named}` in playbook.toml, or check the name service"
                    ))
                    .detail("reason", "name")
            })?
            .collect();
        let stream =
            TcpStream::connect(found.as_slice()).await.map_err(|why| unconnected(&told, address, &why))?;
        let _ = stream.set_nodelay(true);
        Ok(stream)
    };
    tokio::time::timeout(within, made).await.unwrap_or_else(|_| {
        Err(told(format!(
            "{address} did not accept a connection within {}",
            crate::base::text::show_duration(within)
        ))
        .fix("check that the host runs and that no firewall is in between")
        .detail("reason", "timeout"))
    })
}

fn unconnected(told: &impl Fn(String) -> Error, address: &Address, why: &std::io::Error) -> Error {
    match why.kind() {
        ErrorKind::ConnectionRefused => told(format!("nothing listens at {address}"))
            .why(why.to_string())
            .fix("start the server, or correct its address in playbook.toml")
            .detail("reason", "refused"),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            told(format!("there is no way to {address}"))
                .why(why.to_string())
                .fix("check the network between this machine and that host")
                .detail("reason", "unreachable")
        }
        _ => told(format!("no connection to {address}")).why(why.to_string()).detail("reason", "failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_and_write() {
        for (text, host, port) in [
            ("db.internal:5432", "db.internal", 5432),
            ("[::1]:80", "::1", 80),
            ("::1", "::1", 443),
            ("h", "h", 443),
        ] {
            assert_eq!(
                Address::read(text, Some(443)).unwrap(),
                Address { host: host.to_owned(), port },
                "{text}"
            );
        }
        assert_eq!(Address::read("[::1]:80", None).unwrap().to_string(), "[::1]:80");
        for wrong in ["", ":80", "h:", "h:99999", "http://h:80", "u@h:1"] {
            assert!(Address::read(wrong, None).is_err(), "{wrong}");
        }
    }
}
