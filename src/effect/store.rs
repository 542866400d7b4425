//! What every store of objects can do, so that a dump streams into any of them without knowing which.

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncRead;

use crate::base::error::{Error, Kind, Result};
use crate::base::text;

/// An object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its key: `/`-separated, no leading `/`.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last written, RFC 3339.
    pub modified: String,
    /// Its version, in a store that keeps every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Says so where a key would lead out of its store, which none allows.
pub fn stays_inside(key: &str) -> Result<()> {
    if !key.starts_with('/') && key.split('/').all(|part| part != "..") {
        return Ok(());
    }
    Err(no_key(key, Kind::Denied, "a key does not lead out of its store"))
}

/// The error for what cannot be a key.
#[must_use]
pub fn no_key(key: &str, kind: Kind, why: &str) -> Error {
    let shown = text::headline(&format!("{key:?}"), 60);
    Error::new(kind, format!("{shown} is no key")).why(why).fix("write it like `2026/11/main.dump`")
}

/// A stream of an object's bytes.
pub type Content = Box<dyn AsyncRead + Send + Unpin>;

/// A store of objects: a folder, a bucket.
#[async_trait]
pub trait Store: Send + Sync {
    /// Begins an object; nothing is visible under `key` until [`Upload::publish`].
    async fn begin(&self, key: &str) -> Result<Box<dyn Upload>>;
    /// The bytes of an object; `Missing` when there is none.
    async fn open(&self, key: &str) -> Result<Content>;
    /// The object, if there is one.
    async fn head(&self, key: &str) -> Result<Option<Object>>;
    /// The objects whose keys begin with `prefix`, sorted by key.
    async fn list(&self, prefix: &str) -> Result<Vec<Object>>;
    /// Removes an object; none there is no error.
    async fn remove(&self, key: &str) -> Result<()>;
    /// Removes what runs that are over, and earlier turns of this one, left half done.
    async fn tidy(&self) -> Result<()> {
        Ok(())
    }
}

/// An object that is being written and is not visible yet. Dropping it discards what was written.
#[async_trait]
pub trait Upload: Send {
    /// Appends bytes.
    async fn write(&mut self, chunk: Bytes) -> Result<()>;
    /// Says that all bytes were written, and makes them durable; still not visible.
    async fn seal(&mut self) -> Result<()>;
    /// The bytes as they were stored, for checking them before they are published. It may be asked for once before
    /// anything was written, when what is not stored yet is waited for, and the stream ends only after [`Upload::seal`]; and
    /// once after that.
    async fn read_back(&mut self) -> Result<Content>;
    /// Asks the store to tell checksums of what it takes in from now on. Whether it ever does.
    fn ask_for_checksums(&mut self) -> bool {
        false
    }
    /// Whether it told a checksum of every byte that was written, each that of what was sent. To be asked for after
    /// [`Upload::seal`]; who gets `false` has to read it back.
    fn vouches(&self) -> bool {
        false
    }
    /// Makes the object visible under its key, at once and as a whole. One that has the key already is an error unless
    /// `replace` is set. `sha256` is that of its bytes, hexadecimal; a store keeps it with the object where it can.
    async fn publish(self: Box<Self>, sha256: &str, replace: bool) -> Result<Object>;
    /// Gives the object up and returns when nothing of it is left, which dropping cannot wait for.
    async fn discard(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
