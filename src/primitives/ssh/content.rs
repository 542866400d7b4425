//! A file of the project that is to be sent.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::base::error::{Error, Result};
use crate::base::text;
use crate::sys::{blocking, files};

/// A file of the project that is to be sent.
pub(super) struct Content {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Content {
    pub(super) async fn read(path: PathBuf) -> Result<Self> {
        blocking::run(move || {
            let (mut file, bytes) = files::open(&path)?.ok_or_else(|| missing(&path))?;
            let mut digest = Sha256::new();
            files::copy_exactly(&mut file, bytes, &mut Hashing(&mut digest))
                .map_err(|why| Error::io(format!("{} cannot be read", path.display()), &why))?;
            Ok(Self { bytes, sha256: text::hexadecimal(&digest.finalize()), path })
        })
        .await
    }
}

fn missing(path: &Path) -> Error {
    Error::missing(format!("there is no file {}", path.display())).fix("build it first, or correct its path")
}

/// A digest as something that can be written to.
struct Hashing<'a>(&'a mut Sha256);

impl std::io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
