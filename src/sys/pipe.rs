//! A bounded stream of bytes between tasks and threads, whose end is said: one that breaks off is never taken for whole.

use std::io::{self, BufRead, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};
use tokio::sync::mpsc;

/// How much goes through at once, in bytes.
pub const CHUNK: usize = 256 * 1024;
/// How many chunks may wait.
const DEPTH: usize = 4;

/// An empty chunk says that the stream has ended.
type Message = io::Result<Bytes>;

/// A pipe: what goes into the first comes out of the second.
#[must_use]
pub fn pipe() -> (Outlet, Inlet) {
    let (to, from) = mpsc::channel(DEPTH);
    (Outlet { to }, Inlet { from, now: Bytes::new(), over: false })
}

/// Where bytes are put in. Dropped without [`Outlet::end`], it breaks the stream off.
#[derive(Debug)]
pub struct Outlet {
    to: mpsc::Sender<Message>,
}

impl Outlet {
    /// Puts bytes in; `false` when nobody reads them any more.
    pub async fn send(&self, chunk: Bytes) -> bool {
        chunk.is_empty() || self.to.send(Ok(chunk)).await.is_ok()
    }

    /// Says that this was all.
    pub async fn end(self) {
        let _ = self.to.send(Ok(Bytes::new())).await;
    }

    /// Breaks the stream off for this reason.
    pub async fn fail(self, why: io::Error) {
        let _ = self.to.send(Err(why)).await;
    }

    /// The same on a thread that may block.
    #[must_use]
    pub fn blocking(self) -> Writer {
        Writer { to: self.to, chunk: BytesMut::with_capacity(CHUNK) }
    }
}

/// Where bytes are put in by a thread that may block, gathered into chunks.
#[derive(Debug)]
pub struct Writer {
    to: mpsc::Sender<Message>,
    chunk: BytesMut,
}

impl Writer {
    /// Says that this was all.
    pub fn end(mut self) -> io::Result<()> {
        self.flush()?;
        self.put(Ok(Bytes::new()))
    }

    /// Breaks the stream off for this reason.
    pub fn fail(self, why: io::Error) {
        let _ = self.put(Err(why));
    }

    fn put(&self, message: Message) -> io::Result<()> {
        self.to.blocking_send(message).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        if self.chunk.len() == CHUNK {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, BytesMut::with_capacity(CHUNK));
        self.put(Ok(chunk.freeze()))
    }
}

/// Where bytes come out: by tasks, and by threads that may block.
#[derive(Debug)]
pub struct Inlet {
    from: mpsc::Receiver<Message>,
    now: Bytes,
    over: bool,
}

impl Inlet {
    /// The next chunk; `None` at the end.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.now.is_empty() && !self.over {
            let message = self.from.recv().await;
            self.take(message)?;
        }
        Ok(Some(std::mem::take(&mut self.now)).filter(|chunk| !chunk.is_empty()))
    }

    fn take(&mut self, message: Option<Message>) -> io::Result<()> {
        let broken = || io::Error::new(io::ErrorKind::UnexpectedEof, "the stream broke off");
        self.now = message.unwrap_or_else(|| Err(broken()))?;
        self.over = self.now.is_empty();
        Ok(())
    }
}

impl BufRead for Inlet {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.now.is_empty() && !self.over {
            let message = self.from.blocking_recv();
            self.take(message)?;
        }
        Ok(&self.now)
    }

    fn consume(&mut self, count: usize) {
        self.now.advance(count);
    }
}

impl Read for Inlet {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = Read::read(&mut self.fill_buf()?, buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl AsyncRead for Inlet {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.now.is_empty() && !self.over {
            let message = ready!(self.from.poll_recv(cx));
            Self::take(&mut self, message)?;
        }
        let count = self.now.len().min(buffer.remaining());
        buffer.put_slice(&self.now.split_to(count));
        Poll::Ready(Ok(()))
    }
}

/// The next chunk of a stream; `None` at its end.
pub async fn chunk<R: AsyncRead + Send + Unpin + ?Sized>(source: &mut R) -> io::Result<Option<Bytes>> {
    let mut chunk = BytesMut::with_capacity(CHUNK);
    // A source may give few bytes at a time, and whoever takes them pays for each turn.
    while chunk.len() < CHUNK && source.read_buf(&mut chunk).await? > 0 {}
    Ok((!chunk.is_empty()).then(|| chunk.freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_goes_in_comes_out_and_its_end_is_said() {
        let (out, mut inlet) = pipe();
        let thread = tokio::task::spawn_blocking(move || {
            let mut writer = out.blocking();
            writer.write_all(&vec![7; CHUNK + 3]).unwrap();
            writer.end().unwrap();
        });
        let mut all = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut inlet, &mut all).await.unwrap();
        assert_eq!(all, vec![7; CHUNK + 3]);
        assert!(inlet.next().await.unwrap().is_none());
        thread.await.unwrap();
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_is_no_end() {
        let (out, mut inlet) = pipe();
        assert!(out.send(Bytes::from_static(b"ab")).await);
        drop(out);
        assert_eq!(inlet.next().await.unwrap().unwrap(), "ab");
        assert_eq!(inlet.next().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let (out, mut inlet) = pipe();
        out.fail(io::Error::other("the disk is gone")).await;
        let failed = tokio::task::spawn_blocking(move || inlet.fill_buf().unwrap_err().to_string());
        assert_eq!(failed.await.unwrap(), "the disk is gone");
    }

    #[tokio::test]
    async fn nobody_writes_to_a_reader_that_left() {
        let (out, inlet) = pipe();
        drop(inlet);
        assert!(!out.send(Bytes::from_static(b"ab")).await);
    }
}
