//! What stands before a plain server: an end of TLS, and a gate that wants a login by SASL as a Kafka broker does.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener as Listener, TcpStream as Stream};
use tokio::runtime::Runtime;

/// The user that the gate lets in, and the password.
pub const USER: (&str, &str) = ("rig", "let me in, broker");

/// An end of TLS before a port of 127.0.0.1; it ends when dropped.
pub struct Tls {
    /// Its own port.
    pub port: u16,
    _runtime: Runtime,
}

impl Tls {
    /// Starts one with that certificate, whose key lies beside it.
    pub fn before(upstream: u16, certificate: &Path) -> Self {
        let certificates = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(certificate.with_extension("key")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(Listener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    let Ok(mut server) = Stream::connect(("127.0.0.1", upstream)).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { port, _runtime: runtime }
    }
}

/// Starts a gate before a broker: whoever does not log in by PLAIN as [`USER`] is cut off. Gives its port; it ends with the
/// test process.
pub fn gate(upstream: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || drop(guard(client, upstream)));
        }
    });
    port
}

fn guard(mut client: TcpStream, upstream: u16) -> std::io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", upstream))?;
    let mut is_in = false;
    loop {
        let asked = frame(&mut client)?;
        let number = i16::from_be_bytes([asked[0], asked[1]]);
        let client_id = usize::from(u16::from_be_bytes([asked[8], asked[9]]));
        let body = &asked[10 + client_id..];
        let answer = match number {
            17 => {
                let mechanism = &body[2..];
                let code: i16 = if mechanism == b"PLAIN" { 0 } else { 33 };
                let list = [&1_i32.to_be_bytes()[..], &5_i16.to_be_bytes(), b"PLAIN"].concat();
                [&asked[4..8], &code.to_be_bytes(), &list].concat()
            }
            36 => {
                is_in = body[4..] == *format!("\0{}\0{}", USER.0, USER.1).as_bytes();
                let code: i16 = if is_in { 0 } else { 58 };
                let words = b"Authentication failed: Invalid username or password";
                let length = i16::try_from(words.len()).unwrap();
                [&asked[4..8], &code.to_be_bytes(), &length.to_be_bytes(), words, &[0; 4], &[0; 8]].concat()
            }
            18 => passed(&mut server, &asked)?,
            _ if is_in => passed(&mut server, &asked)?,
            _ => return Ok(()),
        };
        send(&mut client, &answer)?;
    }
}

fn passed(server: &mut TcpStream, asked: &[u8]) -> std::io::Result<Vec<u8>> {
    send(server, asked)?;
    frame(server)
}

fn frame(from: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn send(to: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(&[&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat())
}
