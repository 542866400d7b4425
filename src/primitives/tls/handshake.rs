//! A handshake that looks at whatever the server shows, and the judgement on it afterwards.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::CertificateError;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

use crate::base::error::{Error, Result};
use crate::base::text::show_duration;
use crate::sys::net::TcpStream;
use crate::sys::tls;

/// What the server showed.
pub(super) struct Seen {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) protocol: String,
    pub(super) cipher: String,
}

/// Shakes hands on a fresh connection, whoever the server is. `named` is the resource, and the name that is asked for.
pub(super) async fn shake(named: (&str, &str), stream: TcpStream, within: Duration) -> Result<Seen> {
    let (resource, name) = named;
    let asked = server_name(name)?;
    let shaken = TlsConnector::from(Arc::new(tls::unproven()?)).connect(asked, stream);
    let shaken = tokio::time::timeout(within, shaken).await.map_err(|_| {
        Error::remote(format!("`{resource}` accepted the connection and did not shake hands"))
            .why(format!("nothing came within {}", show_duration(within)))
            .fix("check that this port speaks TLS from its first byte, and that the server is not hanging")
    })?;
    let stream = shaken.map_err(|why| {
        Error::remote(format!("`{resource}` does not shake hands"))
            .why(why.to_string())
            .fix("check that this port speaks TLS 1.2 or later from its first byte")
    })?;
    let (_, connection) = stream.get_ref();
    Ok(Seen {
        certificates: connection
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|one| one.clone().into_owned())
            .collect(),
        protocol: connection
            .protocol_version()
            .and_then(|version| version.as_str())
            .map_or_else(String::new, |version| version.replace("TLSv1_", "TLS 1.")),
        cipher: connection
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or_default()
            .to_owned(),
    })
}

fn server_name(name: &str) -> Result<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        Error::usage(format!("`{name}` is no name of a server"))
            .fix("correct `address` or `server_name` in playbook.toml")
    })
}

/// Whom a chain must lead to.
pub(super) struct Trust(Arc<WebPkiServerVerifier>);

impl Trust {
    /// The authorities of that file, or those that this machine trusts.
    pub(super) fn of(ca: Option<&Path>) -> Result<Self> {
        let roots = Arc::new(tls::roots(ca)?);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, tls::provider()).build();
        verifier.map(Self).map_err(|why| Error::bug("TLS cannot be set up").why(why.to_string()))
    }

    /// Why the certificates do not prove the name now, if they do not.
    pub(super) fn judge(&self, certificates: &[CertificateDer<'_>], name: &str) -> Result<(), String> {
        let (leaf, others) = certificates.split_first().ok_or("the server showed no certificate")?;
        let name = server_name(name).map_err(|error| error.what.clone())?;
        let judged = self.0.verify_server_cert(leaf, others, &name, &[], UnixTime::now());
        judged.map(drop).map_err(|why| match why {
            rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::Other(_),
            ) if is_self_signed(leaf) => {
                "it is signed by itself, and not among the authorities that are trusted".to_owned()
            }
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
                "its chain does not lead to an authority that is trusted".to_owned()
            }
            rustls::Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            ) => "it has expired".to_owned(),
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
            ) => "it is not valid yet".to_owned(),
            rustls::Error::InvalidCertificate(why) => why.to_string(),
            why => why.to_string(),
        })
    }
}

fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    x509_parser::parse_x509_certificate(certificate)
        .is_ok_and(|(_, certificate)| certificate.subject().as_raw() == certificate.issuer().as_raw())
}
