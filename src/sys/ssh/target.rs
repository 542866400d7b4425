//! A machine, and what it takes to get in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::base::secret::Revealed;

/// One machine, and how to get in.
#[derive(Clone, Debug)]
pub struct Target {
    /// What people call it.
    pub name: String,
    /// Its address.
    pub address: Address,
    /// As whom.
    pub login: Arc<Login>,
    /// How it is known that it is the right machine.
    pub trust: Arc<Trust>,
    /// How long connecting may take, the login too.
    pub connect_within: Duration,
}

/// Where a machine listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The user, where it is another than that of the group.
    pub user: Option<String>,
    /// Its name or number.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// As whom to come, and what proves it.
#[derive(Debug, Default)]
pub struct Login {
    /// The user.
    pub user: String,
    /// Private keys, each with what it is called in messages.
    pub keys: Vec<(String, Revealed)>,
    /// What opens the private keys.
    pub passphrase: Option<Revealed>,
    /// The socket of an agent that holds keys.
    pub agent: Option<PathBuf>,
    /// A password.
    pub password: Option<Revealed>,
}

/// How it is known that a machine is the right one.
#[derive(Debug)]
pub struct Trust {
    /// The file of known keys.
    pub known_hosts: PathBuf,
    /// Whether the key of a machine that is not known yet is noted there and believed.
    pub first_use: bool,
}

impl Target {
    /// The user that this machine is entered as.
    #[must_use]
    pub fn user(&self) -> &str {
        self.address.user.as_deref().unwrap_or(&self.login.user)
    }

    /// The machine as messages name it: `web1 (10.0.0.5:22)`.
    #[must_use]
    pub fn shown(&self) -> String {
        let address = self.address.to_string();
        if self.name == address || self.name == self.address.host {
            address
        } else {
            format!("{} ({address})", self.name)
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
