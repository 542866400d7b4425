//! The command line of the demo.

use std::path::PathBuf;

use crate::faults::Faults;
use crate::postgres::Address;

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arguments {
    /// Which part of the application it is.
    pub(crate) role: String,
    /// The port of 127.0.0.1 that it serves.
    pub(crate) port: u16,
    /// The version that this process is.
    pub(crate) release: String,
    /// The token that users come with; empty where nobody needs one.
    pub(crate) token: String,
    /// The folder that a site serves, or that a gateway shares with its pods.
    pub(crate) folder: PathBuf,
    /// Its database.
    pub(crate) database: Address,
    /// What is wrong with it on purpose.
    pub(crate) faults: Faults,
}

impl Arguments {
    /// Reads `ROLE --NAME VALUE …`, the names in any order.
    pub(crate) fn read(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let role = given.next().ok_or("name a role: api, worker, site, database or gateway")?;
        let mut read = Self { role, release: "none".to_owned(), ..Self::default() };
        while let Some(name) = given.next() {
            let value = given.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--port" => read.port = value.parse().map_err(|_| format!("{value} is no port"))?,
                "--release" => read.release = value,
                "--release-file" => {
                    let text = std::fs::read_to_string(&value)
                        .map_err(|why| format!("cannot read {value}: {why}"))?;
                    read.release = text.trim().to_owned();
                }
                "--token" => read.token = value,
                "--folder" => read.folder = value.into(),
                "--socket" => read.database.socket = value.into(),
                "--database" => read.database.name = value,
                "--faults" => read.faults.file = value.into(),
                _ => return Err(format!("there is no {name}")),
            }
        }
        read.faults.release.clone_from(&read.release);
        Ok(read)
    }
}
