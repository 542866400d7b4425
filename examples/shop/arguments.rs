//! The command line of the shop.

use std::path::PathBuf;

/// What each release reads of an order: `discount` came with 2.0.0; 2.1.0 wants a column that no migration makes.
const RELEASES: &[(&str, &str)] = &[
    ("1.0.0", "id, customer, cents"),
    ("2.0.0", "id, customer, cents, discount"),
    ("2.1.0", "id, customer, cents, discount, loyalty_points"),
];

/// What the command line says.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    /// The version that this process is.
    pub(crate) release: String,
    /// The columns of an order that this version reads.
    pub(crate) columns: &'static str,
    /// The port of 127.0.0.1 that it serves.
    pub(crate) port: u16,
    /// The database file; it must be there.
    pub(crate) database: PathBuf,
}

impl Arguments {
    /// Reads `--release X --port N --database PATH`, in any order.
    pub(crate) fn read(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut release, mut port, mut database) = (None, None, None);
        while let Some(name) = given.next() {
            let value = given.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--release" => release = Some(value),
                "--port" => port = Some(value),
                "--database" => database = Some(value),
                _ => return Err(format!("there is no {name}; give --release, --port and --database")),
            }
        }
        let release = release.ok_or("give --release")?;
        let port = port.ok_or("give --port")?;
        let columns = RELEASES.iter().find(|(name, _)| *name == release);
        Ok(Self {
            columns: columns.ok_or_else(|| format!("there is no release {release}"))?.1,
            release,
            port: port.parse().map_err(|_| format!("{port} is no port"))?,
            database: database.ok_or("give --database")?.into(),
        })
    }
}
