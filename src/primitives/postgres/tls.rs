//! Encrypted connections: whom to trust, and how little of that `prefer` asks.

use tokio_postgres_rustls::MakeRustlsConnect;

use super::settings::{Target, Tls};
use crate::base::error::Result;
use crate::sys::tls;
pub(super) use crate::sys::trust::authorities;

/// What makes a connection as private as the settings ask. `prefer` asks nobody who they are, as PostgreSQL's own clients
/// do; with `disable` it is not used.
pub(super) fn connector(target: &Target) -> Result<MakeRustlsConnect> {
    let config = match target.tls {
        Tls::Verify => tls::proven(target.ca.as_deref())?,
        Tls::Prefer | Tls::Disable => tls::unproven()?,
    };
    Ok(MakeRustlsConnect::new(config))
}
