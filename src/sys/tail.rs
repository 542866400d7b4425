//! A file that one process appends lines to while others read behind it: bounded, and private.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A file that has grown to this begins anew.
const LARGEST: u64 = 1024 * 1024;

/// The writing end.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    open: Mutex<Option<(File, u64)>>,
}

impl Tail {
    /// Will write to `path`; makes the file with the first line.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path, open: Mutex::new(None) }
    }

    /// Adds a line. Nobody depends on it, so that what cannot be written is left out.
    pub fn append(&self, line: &str) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.is_none() {
            let made =
                OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&self.path);
            *open = made.ok().map(|file| (file, 0));
        }
        let Some((file, length)) = open.as_mut() else { return };
        if *length > LARGEST && file.set_len(0).is_ok() && file.rewind().is_ok() {
            *length = 0;
        }
        let line = format!("{line}\n");
        if file.write_all(line.as_bytes()).is_ok() {
            *length += line.len() as u64;
        }
    }
}

/// The whole lines behind `from`, and where to read on; from the beginning where the file has begun anew.
#[must_use]
pub fn read_on(path: &Path, from: u64) -> (String, u64) {
    let read = || -> std::io::Result<(String, u64)> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let from = if length < from { 0 } else { from };
        if length == from {
            return Ok((String::new(), from));
        }
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(LARGEST * 2).read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        bytes.truncate(whole);
        Ok((String::from_utf8_lossy(&bytes).into_owned(), from + whole as u64))
    };
    read().unwrap_or((String::new(), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_follows_also_when_the_file_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it");
        assert_eq!(read_on(&path, 7), (String::new(), 0));
        let tail = Tail::new(path.clone());
        tail.append("one");
        let (text, at) = read_on(&path, 0);
        assert_eq!((text.as_str(), at), ("one\n", 4));
        assert_eq!(read_on(&path, at), (String::new(), 4));
        let long = "x".repeat(LARGEST as usize);
        tail.append(&long);
        let (_, at) = read_on(&path, at);
        tail.append("new");
        assert_eq!(read_on(&path, at), ("new\n".to_owned(), 4));
    }
}
