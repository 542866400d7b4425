//! The listening side of the network: an address, TLS where there is a certificate, and connections that are ready to be used.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;

use super::files;
use crate::base::error::{Error, Result};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many handshakes go on at once; the others wait.
const HANDSHAKES: usize = 64;
/// How long to rest when the system gives no further connection.
const REST: Duration = Duration::from_millis(50);
/// More than this is no certificate.
const LARGEST: u64 = 1024 * 1024;

/// Both directions of a connection, with or without TLS.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection with the address of the other side.
type Made = (Box<dyn Duplex>, SocketAddr);

/// What proves to the others who we are.
#[derive(Clone)]
pub struct Identity(Arc<ServerConfig>);

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity")
    }
}

impl Identity {
    /// Reads a chain of certificates and the private key, both PEM.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self> {
        let wrong = |path: &Path, what: &str| Error::usage(format!("{} holds no {what}", path.display()));
        let chain = CertificateDer::pem_slice_iter(&files::read_bytes(certificate, LARGEST)?)
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|why| wrong(certificate, "certificate").why(why.to_string()))?;
        if chain.is_empty() {
            return Err(wrong(certificate, "certificate").fix("name a PEM file with BEGIN CERTIFICATE"));
        }
        let private = PrivateKeyDer::from_pem_slice(&files::read_bytes(key, LARGEST)?).map_err(|why| {
            wrong(key, "private key").why(why.to_string()).fix("name a PEM file with BEGIN PRIVATE KEY")
        })?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
            .map_err(|why| {
                Error::usage(format!("{} and {} do not fit", certificate.display(), key.display()))
                    .why(why.to_string())
                    .fix("name a certificate and the private key that belongs to it")
            })?;
        Ok(Self(Arc::new(config)))
    }
}

/// Takes connections at an address.
#[derive(Debug)]
pub struct Listener {
    made: mpsc::Receiver<Made>,
    address: SocketAddr,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Listener {
    /// Listens at `address`, with TLS when there is an identity.
    pub async fn bind(address: SocketAddr, identity: Option<Identity>) -> Result<Self> {
        let listener = TcpListener::bind(address).await.map_err(|why| {
            Error::io(format!("cannot listen at {address}"), &why)
                .fix("choose another address with --listen, or end the program that has this one")
        })?;
        let address = listener.local_addr().map_err(|why| Error::io("a listener has no address", &why))?;
        let (sender, made) = mpsc::channel(64);
        let accepting = tokio::spawn(accept(listener, identity, sender));
        Ok(Self { made, address, accepting })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl axum::serve::Listener for Listener {
    type Io = Box<dyn Duplex>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.made.recv().await {
            Some(made) => made,
            // The other end is gone only when all of it ends.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}

async fn accept(listener: TcpListener, identity: Option<Identity>, sender: mpsc::Sender<Made>) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let Ok((stream, from)) = listener.accept().await else {
            super::clock::pause(REST).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        match &identity {
            None => {
                if sender.send((Box::new(stream), from)).await.is_err() {
                    return;
                }
            }
            Some(identity) => {
                let Ok(turn) = Arc::clone(&handshakes).acquire_owned().await else { return };
                let (identity, sender) = (identity.clone(), sender.clone());
                tokio::spawn(async move {
                    let made = shake_hands(identity, stream).await;
                    drop(turn);
                    if let Some(stream) = made {
                        let _ = sender.send((stream, from)).await;
                    }
                });
            }
        }
    }
}

/// Who speaks no TLS, or too slowly, is let go.
async fn shake_hands(identity: Identity, stream: TcpStream) -> Option<Box<dyn Duplex>> {
    let shaken = tokio::time::timeout(HANDSHAKE, TlsAcceptor::from(identity.0).accept(stream)).await;
    Some(Box::new(shaken.ok()?.ok()?))
}
