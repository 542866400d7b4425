//! How a dump is compressed in its store: chosen when it is made, told from its first bytes when it is read.

use std::io::{self, BufRead, BufReader, Read, Write};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::sys::pipe::{CHUNK, Inlet, Writer};

/// The fastest level: on rows of real tables the higher ones took up to twice as long and saved nothing.
const ZSTD: i32 = 1;
/// The same trade for those who want gzip.
const GZIP: u32 = 2;
/// What a Zstandard frame begins with.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What a gzip member begins with.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How a dump is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// By Zstandard, fast; `zstd -d` reads it.
    #[default]
    Zstd,
    /// By gzip, for machines without `zstd`; several times slower.
    Gzip,
    /// Not at all.
    None,
}

impl Compression {
    /// How the object that begins with these bytes is compressed.
    #[must_use]
    pub fn told_from(first: &[u8]) -> Self {
        let skippable = |first: &[u8; 4]| first[0] & 0xf0 == 0x50 && first[1..] == [0x2a, 0x4d, 0x18];
        match first.first_chunk::<4>() {
            Some(magic) if *magic == ZSTD_MAGIC || skippable(magic) => Self::Zstd,
            _ if first.starts_with(&GZIP_MAGIC) => Self::Gzip,
            _ => Self::None,
        }
    }
}

/// What is known of a stream once all of it has passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// How many bytes the object has.
    pub bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// How many bytes it has when it is not compressed.
    pub uncompressed: u64,
}

impl std::fmt::Display for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes, sha256 {}", self.bytes, self.sha256)
    }
}

/// Compresses on a thread that may block; `mark` comes before everything. Both sides are bounded.
pub(super) fn encode(how: Compression, mark: &[u8], mut from: Inlet, to: Writer) -> io::Result<Passed> {
    let mut to = Hashing::new(to);
    to.write_all(mark)?;
    let mut coder = match how {
        Compression::Zstd => {
            let mut coder = zstd::stream::write::Encoder::new(to, ZSTD)?;
            coder.include_checksum(true)?;
            Encoder::Zstd(coder)
        }
        Compression::Gzip => Encoder::Gzip(flate2::write::GzEncoder::new(to, flate2::Compression::new(GZIP))),
        Compression::None => Encoder::None(to),
    };
    let uncompressed = pour(&mut from, &mut coder)?;
    let (to, passed) = coder.finish()?.finish(uncompressed);
    to.end()?;
    Ok(passed)
}

/// Takes the compression off on a thread that may block, however the object is compressed.
pub(super) fn decode(mut from: Inlet, mut to: Writer) -> io::Result<Passed> {
    let mut decoded = || {
        let how = Compression::told_from(from.fill_buf()?);
        let mut from = Hashing::new(&mut from);
        let uncompressed = match how {
            Compression::Zstd => {
                let plain = zstd::stream::read::Decoder::with_buffer(&mut from)?;
                pour(&mut BufReader::with_capacity(CHUNK, plain), &mut to)?
            }
            Compression::Gzip => {
                let plain = flate2::bufread::MultiGzDecoder::new(&mut from);
                pour(&mut BufReader::with_capacity(CHUNK, plain), &mut to)?
            }
            Compression::None => pour(&mut from, &mut to)?,
        };
        Ok(from.finish(uncompressed).1)
    };
    match decoded() {
        Ok(passed) => to.end().map(|()| passed),
        Err(why) => {
            let why: io::Error = why;
            let again = io::Error::new(why.kind(), why.to_string());
            to.fail(why);
            Err(again)
        }
    }
}

/// Like [`io::copy`], in pieces as large as the reader has them.
fn pour<R: BufRead, W: Write>(from: &mut R, to: &mut W) -> io::Result<u64> {
    let mut bytes = 0;
    loop {
        let piece = from.fill_buf()?;
        if piece.is_empty() {
            return Ok(bytes);
        }
        to.write_all(piece)?;
        let count = piece.len();
        from.consume(count);
        bytes += count as u64;
    }
}

enum Encoder<W: Write> {
    Zstd(zstd::stream::write::Encoder<'static, W>),
    Gzip(flate2::write::GzEncoder<W>),
    None(W),
}

impl<W: Write> Encoder<W> {
    fn finish(self) -> io::Result<W> {
        match self {
            Self::Zstd(coder) => coder.finish(),
            Self::Gzip(coder) => coder.finish(),
            Self::None(to) => Ok(to),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Zstd(coder) => coder.write(bytes),
            Self::Gzip(coder) => coder.write(bytes),
            Self::None(to) => to.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Zstd(coder) => coder.flush(),
            Self::Gzip(coder) => coder.flush(),
            Self::None(to) => to.flush(),
        }
    }
}

/// Counts and hashes what passes.
struct Hashing<T> {
    inner: T,
    bytes: u64,
    digest: Sha256,
}

impl<T> Hashing<T> {
    fn new(inner: T) -> Self {
        Self { inner, bytes: 0, digest: Sha256::new() }
    }

    fn finish(self, uncompressed: u64) -> (T, Passed) {
        let sha256 = super::hexadecimal(self.digest.finalize().as_slice());
        (self.inner, Passed { bytes: self.bytes, sha256, uncompressed })
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.digest.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: BufRead> BufRead for Hashing<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        // What is consumed was filled before, so this neither waits nor fails.
        if let Ok(filled) = self.inner.fill_buf() {
            self.digest.update(&filled[..count]);
            self.bytes += count as u64;
        }
        self.inner.consume(count);
    }
}

impl<R: BufRead> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}
