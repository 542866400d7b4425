//! The facts of a certificate, read from its bytes.

use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;

use crate::base::error::{Error, Result};
use crate::base::text::hexadecimal;
use crate::sys::clock;

/// The server's own certificate.
pub(super) struct Leaf {
    pub(super) subject: String,
    pub(super) names: Vec<String>,
    pub(super) issuer: String,
    pub(super) serial: String,
    pub(super) sha256: String,
    pub(super) not_before: String,
    pub(super) not_after: String,
    /// Whole days; negative when it has expired.
    pub(super) days_left: i64,
    pub(super) key: String,
}

impl Leaf {
    /// Whether the certificate is for `name`.
    pub(super) fn matches(&self, name: &str) -> bool {
        self.names.iter().any(|have| is_for(have, name))
    }
}

/// The facts of the first certificate, and the subjects of all.
pub(super) fn read(resource: &str, certificates: &[CertificateDer<'_>]) -> Result<(Leaf, Vec<String>)> {
    let unreadable =
        |why: String| Error::remote(format!("the certificate of `{resource}` cannot be read")).why(why);
    let mut chain = Vec::new();
    let mut leaf = None;
    for bytes in certificates {
        let (_, certificate) =
            x509_parser::parse_x509_certificate(bytes).map_err(|why| unreadable(why.to_string()))?;
        chain.push(certificate.subject().to_string());
        if leaf.is_none() {
            leaf = Some(facts(bytes, &certificate));
        }
    }
    let leaf = leaf.ok_or_else(|| unreadable("the server showed none".to_owned()))?;
    Ok((leaf, chain))
}

fn facts(bytes: &CertificateDer<'_>, certificate: &X509Certificate<'_>) -> Leaf {
    let validity = certificate.validity();
    let left = validity.not_after.timestamp() - clock::now().as_second();
    Leaf {
        subject: certificate.subject().to_string(),
        names: names(certificate),
        issuer: certificate.issuer().to_string(),
        serial: certificate.raw_serial_as_string(),
        sha256: hexadecimal(&Sha256::digest(bytes)),
        not_before: time(validity.not_before),
        not_after: time(validity.not_after),
        days_left: left.div_euclid(86400),
        key: key(certificate),
    }
}

fn time(time: ASN1Time) -> String {
    jiff::Timestamp::from_second(time.timestamp()).map_or_else(|_| time.to_string(), |time| time.to_string())
}

fn key(certificate: &X509Certificate<'_>) -> String {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA {}", key.key_size()),
        Ok(PublicKey::EC(key)) => format!("EC {}", key.key_size()),
        _ => certificate.public_key().algorithm.algorithm.to_string(),
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|bytes| std::net::Ipv4Addr::from(bytes).to_string()),
        16 => <[u8; 16]>::try_from(bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
        _ => None,
    }
}

/// Whether the name of a certificate, which may begin with `*.` for one label, is for that of a server.
fn is_for(have: &str, name: &str) -> bool {
    match have.strip_prefix("*.") {
        Some(rest) => name
            .split_once('.')
            .is_some_and(|(label, tail)| !label.is_empty() && tail.eq_ignore_ascii_case(rest)),
        None => have.eq_ignore_ascii_case(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_label() {
        assert!(is_for("*.example.com", "api.example.com") && is_for("Example.com", "example.com"));
        assert!(!is_for("*.example.com", "example.com") && !is_for("*.example.com", "a.b.example.com"));
        assert_eq!(address(&[127, 0, 0, 1]).as_deref(), Some("127.0.0.1"));
    }
}
