//! TLS for whatever speaks it below a protocol of its own: whom to trust, or nobody in particular.

use std::path::{Path, PathBuf};
use std::sync::Arc;
#[cfg(feature = "probes")]
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme, WantsVerifier,
};

#[cfg(feature = "probes")]
use super::net::{self, Address, Stream};
use super::{files, trust};
use crate::base::error::{Error, Result};
#[cfg(feature = "probes")]
use crate::base::text::show_duration;

/// A file of certificates larger than this is something else.
const LARGEST_CA: u64 = 4 * 1024 * 1024;

/// The one set of ciphers of all connections.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Connections to a server that proves who it is: to the authority in that file, or to those this machine trusts.
pub fn proven(ca: Option<&Path>) -> Result<ClientConfig> {
    Ok(begin(provider())?.with_root_certificates(roots(ca)?).with_no_client_auth())
}

/// Connections that are hidden from onlookers, whoever the server is; it still has to have the key of what it shows.
pub fn unproven() -> Result<ClientConfig> {
    let provider = provider();
    let verifier = Arc::new(Anybody(Arc::clone(&provider)));
    Ok(begin(provider)?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn begin(provider: Arc<CryptoProvider>) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| Error::bug("TLS cannot be set up").why(why.to_string()))
}

/// The authorities of that file, or those that this machine trusts; none at all is an error.
pub fn roots(ca: Option<&Path>) -> Result<RootCertStore> {
    let path = trust::authorities(ca)?;
    let text = files::read_text(&path, LARGEST_CA)?;
    let mut roots = RootCertStore::empty();
    let (added, _) =
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(text.as_bytes()).flatten());
    if added == 0 {
        return Err(Error::usage(format!("{} holds no certificate", path.display()))
            .fix("name a PEM file with at least one `BEGIN CERTIFICATE` with `ca`"));
    }
    Ok(roots)
}

/// Whom an encrypted connection trusts: the authority in that file, or those of this machine.
#[derive(Clone, Debug)]
pub struct Trust(pub Option<PathBuf>);

/// Connects, encrypted where it is said whom to trust. `named` is what errors call the other side.
#[cfg(feature = "probes")]
pub async fn connect(
    named: &str,
    address: &Address,
    trust: Option<&Trust>,
    within: Duration,
) -> Result<Stream> {
    let stream = net::connect(named, address, within).await?;
    let Some(Trust(ca)) = trust else { return Ok(Box::new(stream)) };
    let name = ServerName::try_from(address.host.clone())
        .map_err(|_| Error::usage(format!("`{}` is no name of a server", address.host)))?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(proven(ca.as_deref())?));
    let broken = |why: String| {
        Error::remote(format!("`{named}` at {address} does not shake hands")).why(why).fix(
            "check that this port speaks TLS, and that `ca` names who signed the certificate of that host",
        )
    };
    match tokio::time::timeout(within, connector.connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(why)) => Err(broken(why.to_string())),
        Err(_) => Err(broken(format!("nothing came within {}", show_duration(within)))),
    }
}

/// Takes whatever certificate is shown, and still makes sure that the server has its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
