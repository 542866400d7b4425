//! Objects of any size as streams: in ranges, some ahead of the reader, each of them tried again when it breaks off.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::primitives::{ByteStream, ByteStreamError};
use bytes::{Bytes, BytesMut};
use futures::stream::{Stream, StreamExt as _};
use tokio_util::io::StreamReader;
use tokio_util::task::AbortOnDropHandle;

use super::bucket::Bucket;
use crate::base::error::{Error, Result};
use crate::effect::aws::chain;
use crate::effect::store::Content;
use crate::sys::clock;

/// How much one request reads, in bytes.
const RANGE: u64 = 1024 * 1024;
/// How many requests are under way.
const AHEAD: usize = 4;
/// How often a range whose answer breaks off is asked for again.
const TRIES: u32 = 5;

/// An object, or one part of what is read as a whole.
#[derive(Clone, Debug)]
pub(super) struct Span {
    /// Its key.
    pub(super) key: String,
    /// Its version, where a certain one is meant.
    pub(super) version: Option<String>,
    /// The content that is meant: another one is an error.
    pub(super) etag: String,
    /// Its size in bytes.
    pub(super) bytes: u64,
}

impl Bucket {
    /// The bytes of all spans, one after the other.
    pub(super) fn read(self: &Arc<Self>, spans: Vec<Span>) -> Content {
        self.read_as_it_comes(futures::stream::iter(spans.into_iter().map(Ok)))
    }

    /// The same of spans that are not all there yet.
    pub(super) fn read_as_it_comes(
        self: &Arc<Self>,
        spans: impl Stream<Item = Result<Span>> + Send + 'static,
    ) -> Content {
        let ranges = spans.flat_map(|span| {
            let ranges: Vec<Result<(Arc<Span>, u64)>> = match span.map(Arc::new) {
                Ok(span) => (0..span.bytes.div_ceil(RANGE))
                    .map(|number| Ok((Arc::clone(&span), number * RANGE)))
                    .collect(),
                Err(error) => vec![Err(error)],
            };
            futures::stream::iter(ranges)
        });
        let bucket = Arc::clone(self);
        let pieces = ranges.map(move |range| {
            let bucket = Arc::clone(&bucket);
            // A task of its own goes on while the reader is busy with the range before.
            AbortOnDropHandle::new(tokio::spawn(async move {
                let (span, from) = range?;
                bucket.range(&span, from).await
            }))
        });
        let pieces = pieces.buffered(AHEAD).map(|read| match read {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => Err(io::Error::other(spoken(&error))),
            Err(broken) => Err(io::Error::other(broken)),
        });
        Box::new(StreamReader::new(Box::pin(pieces)))
    }

    /// A small object, or a version of it, at once; `bytes` is its size.
    pub(super) async fn text(&self, key: &str, version: Option<String>, bytes: u64) -> Result<Bytes> {
        let asked = self.client.get_object().bucket(&self.name).key(self.whole(key));
        let answer = asked.set_version_id(version).send().await;
        let answer = answer.map_err(|why| self.failed(&format!("read `{key}`"), &why))?;
        let broken = |why: String| {
            Error::remote(format!("`{}` broke off while `{key}` was read", self.resource))
                .why(why)
                .fix("check the network and the server, and run it again")
        };
        let read = answer.body.collect().await.map_err(|why| broken(chain(&why)))?.into_bytes();
        if read.len() as u64 == bytes {
            return Ok(read);
        }
        Err(broken(format!("{} bytes came in place of {bytes}", read.len())))
    }

    async fn range(&self, span: &Span, from: u64) -> Result<Bytes> {
        let to = (from + RANGE).min(span.bytes);
        let mut tried = 1;
        loop {
            let asked = self.patient.get_object().bucket(&self.name).key(self.whole(&span.key));
            let asked = asked.set_version_id(span.version.clone()).if_match(&span.etag);
            let answer = asked.range(format!("bytes={from}-{}", to - 1)).send().await;
            let answer = answer.map_err(|why| self.failed(&format!("read `{}`", span.key), &why))?;
            let why = match gathered(answer.body, (to - from) as usize).await {
                Ok(bytes) if bytes.len() as u64 == to - from => return Ok(bytes),
                Ok(bytes) => format!("{} bytes came in place of {}", bytes.len(), to - from),
                Err(why) => chain(&why),
            };
            if tried == TRIES {
                return Err(Error::remote(format!(
                    "`{}` broke off while `{}` was read",
                    self.resource, span.key
                ))
                .why(why)
                .fix("check the network and the server, and run it again"));
            }
            clock::pause(Duration::from_millis(250 << tried)).await;
            tried += 1;
        }
    }
}

/// All of a body of about `bytes`, in one piece that was never two.
async fn gathered(mut body: ByteStream, bytes: usize) -> Result<Bytes, ByteStreamError> {
    let mut whole = BytesMut::with_capacity(bytes);
    while let Some(chunk) = body.try_next().await? {
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// An error in one line, for whoever hands on only a text.
fn spoken(error: &Error) -> String {
    error.why.as_ref().map_or_else(|| error.what.clone(), |why| format!("{}: {why}", error.what))
}
