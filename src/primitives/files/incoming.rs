//! An object while it is written: under a hidden name, and gone when it is given up.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, TryStreamExt as _};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::watch;
use tokio_util::io::{ReaderStream, StreamReader};

use super::bucket::object;
use crate::base::error::{Error, Result};
use crate::effect::store::{Content, Object, Upload};
use crate::sys::blocking;
use crate::sys::folder::Folder;
use crate::sys::pipe::CHUNK;

/// An object that is not visible yet.
pub(super) struct Incoming {
    folder: Arc<Folder>,
    file: Option<File>,
    sealed: watch::Sender<bool>,
    /// The same file, open until all is over: its lock says that somebody works on it.
    _held: std::fs::File,
    temporary: Option<String>,
    key: String,
}

impl Incoming {
    /// An object that will be `key`, and is written to `file`, which is called `temporary` until then.
    pub(super) fn new(folder: Folder, file: std::fs::File, temporary: String, key: String) -> Result<Self> {
        let held = file.try_clone().map_err(|why| folder.failed("write", &key, &why))?;
        let (file, sealed) = (Some(File::from_std(file)), watch::Sender::new(false));
        Ok(Self { folder: Arc::new(folder), file, sealed, _held: held, temporary: Some(temporary), key })
    }

    fn failed(&self, why: &std::io::Error) -> Error {
        self.folder.failed("write", &self.key, why)
    }
}

#[async_trait]
impl Upload for Incoming {
    async fn write(&mut self, chunk: Bytes) -> Result<()> {
        let Some(file) = &mut self.file else {
            return Err(Error::bug("an object was written to after its end"));
        };
        file.write_all(&chunk).await.map_err(|why| self.failed(&why))
    }

    async fn seal(&mut self) -> Result<()> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        file.flush().await.map_err(|why| self.failed(&why))?;
        file.sync_all().await.map_err(|why| self.failed(&why))?;
        self.sealed.send_replace(true);
        Ok(())
    }

    async fn read_back(&mut self) -> Result<Content> {
        let (folder, name) = (Arc::clone(&self.folder), self.temporary.clone().unwrap_or_default());
        let mut sealed = self.sealed.subscribe();
        let gone = || io::Error::new(io::ErrorKind::NotFound, "it was removed while it was written");
        let file = async move {
            sealed.wait_for(|sealed| *sealed).await.map_err(|_| gone())?;
            let file = blocking::run(move || folder.read(&name)).await.map_err(io::Error::other)?;
            Ok::<_, io::Error>(ReaderStream::with_capacity(File::from_std(file.ok_or_else(gone)?), CHUNK))
        };
        Ok(Box::new(StreamReader::new(Box::pin(stream::once(file).try_flatten()))))
    }

    async fn publish(mut self: Box<Self>, _: &str, replace: bool) -> Result<Object> {
        self.seal().await?;
        blocking::run(move || {
            let temporary = self.temporary.clone().unwrap_or_default();
            if !replace && self.folder.status(&self.key)?.is_some() {
                return Err(Error::remote(format!("there is an object `{}` already", self.key))
                    .fix("choose another key, or give `replace: true`"));
            }
            self.folder.rename(&temporary, &self.key)?;
            self.temporary = None;
            let status = self.folder.status(&self.key)?;
            let status = status.ok_or_else(|| {
                Error::remote(format!("`{}` was removed as soon as it was written", self.key))
            })?;
            Ok(object(&self.key, &status))
        })
        .await
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = self.folder.remove(temporary);
        }
    }
}
