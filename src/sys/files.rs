//! Files and folders: small whole files, private ones, folders; streams are opened here and read elsewhere.

use std::fs::{self, OpenOptions};
use std::io::{BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::io::AsyncWriteExt as _;

use super::pipe::CHUNK;
use crate::base::error::{Error, Result};

pub(super) fn failed(doing: &str, path: &Path, why: &std::io::Error) -> Error {
    let error = Error::io(format!("cannot {doing} {}", path.display()), why);
    match why.kind() {
        std::io::ErrorKind::StorageFull => error.fix("free some space on that disk"),
        std::io::ErrorKind::PermissionDenied => error.fix("check the owner and mode of that path"),
        _ => error,
    }
}

/// Reads a whole text file of at most `most` bytes.
pub fn read_text(path: &Path, most: u64) -> Result<String> {
    let size = fs::metadata(path).map_err(|why| failed("read", path, &why))?.len();
    if size > most {
        return Err(Error::usage(format!("{} is too large: {size} bytes", path.display()))
            .fix(format!("at most {most} bytes are read")));
    }
    let bytes = fs::read(path).map_err(|why| failed("read", path, &why))?;
    String::from_utf8(bytes).map_err(|why| {
        Error::usage(format!("{} is not UTF-8 text", path.display()))
            .why(format!("the first wrong byte stands at offset {}", why.utf8_error().valid_up_to()))
            .fix("save the file as UTF-8")
    })
}

/// Reads a whole file of at most `most` bytes.
pub fn read_bytes(path: &Path, most: u64) -> Result<Vec<u8>> {
    let size = fs::metadata(path).map_err(|why| failed("read", path, &why))?.len();
    if size > most {
        return Err(Error::usage(format!("{} is too large: {size} bytes", path.display()))
            .fix(format!("at most {most} bytes are read")));
    }
    fs::read(path).map_err(|why| failed("read", path, &why))
}

/// Whether anything is there.
#[must_use]
pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Whether a folder is there, links followed.
#[must_use]
pub fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

/// Whether anything is there; an error where that cannot be told, as in a folder that may not be entered.
pub fn is_there(path: &Path) -> Result<bool> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(why) => Err(Error::io(format!("it cannot be told whether there is {}", path.display()), &why)),
    }
}

/// Whether this process may write there: into a folder, or over a file.
#[must_use]
pub fn is_writable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

/// How many bytes are free for this process on the disk that `path` lies on.
#[must_use]
pub fn free_space(path: &Path) -> Option<u64> {
    rustix::fs::statvfs(path).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The one true path, symbolic links followed; fails when nothing is there.
pub fn real_path(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|why| failed("find", path, &why))
}

/// Makes a folder, and those above it, that only its owner may enter.
pub fn make_private_folder(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|why| failed("make the folder", path, &why))
}

/// Gives a file that is there the length `bytes` by zeros at its end, so that writing over them later allocates nothing.
/// A file that is longer stays; where there is no room it stays as it was.
pub fn reserve(path: &Path, bytes: u64) -> Result<()> {
    let fail = |why: std::io::Error| failed("reserve room for", path, &why);
    let mut file = OpenOptions::new().append(true).open(path).map_err(fail)?;
    let have = file.metadata().map_err(fail)?.len();
    let zeros = vec![0; usize::try_from(bytes.saturating_sub(have)).unwrap_or(0)];
    file.write_all(&zeros).or_else(|why| file.set_len(have).and(Err(why))).map_err(fail)
}

/// Makes sure a file is there that only its owner may read, without changing what is in it. One that is there is never
/// opened: closing it again would let go of every lock that this process holds on it, as SQLite's are.
pub fn make_private_file(path: &Path) -> Result<()> {
    let make = || match OpenOptions::new().create_new(true).write(true).mode(0o600).open(path) {
        Err(why) if why.kind() == std::io::ErrorKind::AlreadyExists => {
            let mode = fs::metadata(path)?.permissions().mode();
            if mode & 0o077 == 0 {
                Ok(())
            } else {
                fs::set_permissions(path, fs::Permissions::from_mode(0o600))
            }
        }
        made => made.map(drop),
    };
    make().map_err(|why| failed("create", path, &why))
}

/// Replaces a file as a whole: whoever reads it sees the old or the new, never half. Only its owner may read it.
pub fn replace(path: &Path, content: &[u8]) -> Result<()> {
    replace_as(path, content, 0o600)
}

/// Replaces a file as a whole by one that everybody may read, or whoever might read the old one.
pub fn replace_public(path: &Path, content: &[u8]) -> Result<()> {
    let mode = fs::metadata(path).map_or(0o644, |meta| meta.permissions().mode() & 0o777);
    replace_as(path, content, mode)
}

/// How long ago a file was changed; `None` when it is not there.
#[must_use]
pub fn changed_ago(path: &Path) -> Option<std::time::Duration> {
    fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()
}

fn replace_as(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(mode).open(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|why| {
        let _ = fs::remove_file(&beside);
        failed("write", path, &why)
    })
}

/// Removes a file; nothing there is no error.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(failed("remove", path, &why)),
        _ => Ok(()),
    }
}

/// The files right in a folder whose names end in `.` and `extension`, sorted; no folder means none.
pub fn list(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|why| failed("list", folder, &why))?,
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    found.sort();
    Ok(found)
}

/// A file open for reading, and its size in bytes; `None` when nothing is there.
pub fn open(path: &Path) -> Result<Option<(fs::File, u64)>> {
    let open = || -> std::io::Result<_> {
        let file = fs::File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok((file, bytes))
    };
    match open() {
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some).map_err(|why| failed("read", path, &why)),
    }
}

/// Copies the first `bytes` bytes of a file that others may write to meanwhile. One that became shorter is an error.
pub fn copy_exactly(from: impl Read, bytes: u64, to: &mut dyn Write) -> std::io::Result<()> {
    let mut from = BufReader::with_capacity(CHUNK, from.take(bytes));
    if std::io::copy(&mut from, to)? == bytes {
        return Ok(());
    }
    Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "it became shorter while it was read"))
}

/// A file open for reading as a stream, and its size in bytes.
pub async fn open_stream(path: &Path) -> Result<(tokio::fs::File, u64)> {
    let open = async {
        let file = tokio::fs::File::open(path).await?;
        let bytes = file.metadata().await?.len();
        Ok((file, bytes))
    };
    open.await.map_err(|why| failed("read", path, &why))
}

/// A new file that only its owner may read, open for writing as a stream.
pub async fn create_stream(path: &Path) -> Result<tokio::fs::File> {
    let mut options = tokio::fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(path).await;
    opened.map_err(|why| failed("create", path, &why))
}

/// Appends to a stream.
pub async fn append(file: &mut tokio::fs::File, path: &Path, chunk: &[u8]) -> Result<()> {
    file.write_all(chunk).await.map_err(|why| failed("write", path, &why))
}

/// Makes sure that all that was appended has reached the file.
pub async fn finish(mut file: tokio::fs::File, path: &Path) -> Result<()> {
    file.flush().await.map_err(|why| failed("write", path, &why))
}

/// Writes a file that anybody may read, with the folder it lies in.
pub fn write_public(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|why| failed("make the folder", folder, &why))?;
    }
    fs::write(path, content).map_err(|why| failed("write", path, &why))
}

/// How much room a file system has, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// All of it.
    pub total: u64,
    /// What is taken.
    pub used: u64,
    /// What an ordinary user may still take.
    pub free: u64,
    /// How many files it can hold; 0 when it does not count them.
    pub inodes: u64,
    /// How many more files it can hold.
    pub inodes_free: u64,
}

/// How much room the file system has that holds `path`.
pub fn space(path: &Path) -> Result<Space> {
    let have = rustix::fs::statvfs(path).map_err(|why| failed("read the room of", path, &why.into()))?;
    Ok(Space {
        total: have.f_blocks.saturating_mul(have.f_frsize),
        used: have.f_blocks.saturating_sub(have.f_bfree).saturating_mul(have.f_frsize),
        free: have.f_bavail.saturating_mul(have.f_frsize),
        inodes: have.f_files,
        inodes_free: have.f_favail,
    })
}
