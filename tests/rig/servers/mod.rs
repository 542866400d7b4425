//! Real servers: each starts its own binary on a free port of 127.0.0.1 in a temporary folder and ends it when dropped.

pub mod alertmanager;
#[cfg(feature = "serve")]
pub mod browser;
pub mod demo;
#[cfg(feature = "probes")]
pub mod dns;
#[cfg(feature = "s3")]
pub mod faults;
#[cfg(feature = "probes")]
pub mod front;
pub mod grafana;
#[cfg(feature = "probes")]
pub mod grpc;
pub mod haproxy;
pub mod http;
#[cfg(feature = "serve")]
pub mod issuer;
#[cfg(feature = "probes")]
pub mod kafka;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
#[cfg(any(feature = "s3", feature = "aws"))]
pub mod moto;
pub mod nginx;
pub mod otlp;
pub mod pm2;
pub mod postgres;
pub mod prometheus;
pub mod proxy;
#[cfg(feature = "probes")]
pub mod rabbit;
#[cfg(feature = "redis")]
pub mod redis;
pub mod registry;
pub mod release;
#[cfg(feature = "s3")]
pub mod s3s;
#[cfg(feature = "mail")]
pub mod smtp;
#[cfg(feature = "ssh")]
pub mod ssh;
#[cfg(feature = "postgres")]
pub mod standby;
#[cfg(feature = "probes")]
pub mod tls;
pub mod vault;
pub mod warden;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// Asks an HTTP server on a port of 127.0.0.1: the status and the body of its answer, `None` when there is none.
pub fn ask(port: u16, method: &str, path: &str, headers: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}Content-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}
