//! Whom this machine trusts to sign certificates.

use std::path::{Path, PathBuf};

use super::{environment, files};
use crate::base::error::{Error, Result};

/// Where systems keep the certificate authorities that they trust.
const SYSTEM_BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/opt/homebrew/etc/ca-certificates/cert.pem",
];

/// The file of certificate authorities that a verified connection trusts: the one set, else the system's.
pub fn authorities(ca: Option<&Path>) -> Result<PathBuf> {
    if let Some(ca) = ca {
        return Ok(ca.to_owned());
    }
    let named = environment::variable("SSL_CERT_FILE").map(PathBuf::from);
    named
        .into_iter()
        .chain(SYSTEM_BUNDLES.iter().map(PathBuf::from))
        .find(|path| files::exists(path))
        .ok_or_else(|| {
            Error::missing("this machine has no list of certificate authorities to verify the server with")
                .fix("install the package `ca-certificates`, or name the authority's PEM file with `ca`")
        })
}
