//! The staged objects of an upload: small ones first, each on its way by itself, so that what the server has can be
//! read back while the rest is still written.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use futures::stream::{Stream, StreamExt as _, unfold};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::bucket::{Attributes, Bucket};
use super::leftovers;
use super::parts::Parts;
use super::reading::Span;
use super::room::Room;
use super::vouching::Vouching;
use crate::base::error::{Error, Result};

/// So many staged objects have one size before they become larger: what was staged last is read back last, so it has to
/// stay a small share of the whole; and an object is put together of at most 10,000.
const OF_ONE_SIZE: u64 = 4;

/// How long what is on its way may still arrive when all is given up: a request that was ended here may be carried out
/// there.
const LAST_MOMENT: Duration = Duration::from_secs(10);

/// A staged object, now or as soon as the server has it.
type Segment = Shared<BoxFuture<'static, Result<Span>>>;

/// Staged objects in their order. Nothing of them is left after [`Staging::clear`].
#[derive(Debug)]
pub(super) struct Staging {
    bucket: Arc<Bucket>,
    /// Where they lie; each adds its number.
    stage: String,
    open: Option<Parts>,
    segments: Vec<Segment>,
    /// The markers of those that nobody would find otherwise.
    marked: Vec<String>,
    /// How many of them are known to be there.
    arrived: usize,
    tasks: JoinSet<()>,
    /// Where the buffers of the parts come from.
    pub(super) room: Room,
    stop: CancellationToken,
    reader: Option<UnboundedSender<Segment>>,
    is_whole: bool,
    /// What is taken in of the checksums that the server tells, where that was asked for.
    vouching: Option<Vouching>,
}

impl Staging {
    /// Nothing yet; what comes will lie in `stage`.
    pub(super) fn new(bucket: Arc<Bucket>, stage: String) -> Self {
        let room = Room::of(bucket.bounds.part);
        Self {
            bucket,
            stage,
            open: None,
            segments: Vec::new(),
            marked: Vec::new(),
            arrived: 0,
            tasks: JoinSet::new(),
            room,
            stop: CancellationToken::new(),
            reader: None,
            is_whole: false,
            vouching: None,
        }
    }

    /// Takes in, from now on, what checksums the server tells.
    pub(super) fn vouch(&mut self) {
        self.vouching = Some(Vouching::begin());
    }

    /// Whether the server vouches for all that was sent.
    pub(super) fn vouches(&self) -> bool {
        self.vouching.as_ref().is_some_and(Vouching::is_whole)
    }

    /// Where they lie.
    pub(super) fn stage(&self) -> &str {
        &self.stage
    }

    /// Takes in a part; all but the last have the bucket's size. Waits while too many are on their way.
    pub(super) async fn send(&mut self, part: Bytes) -> Result<()> {
        self.look()?;
        let size = self.size();
        if self.open.is_none() && part.len() as u64 >= size {
            return self.send_whole(part).await;
        }
        let parts = match &mut self.open {
            Some(parts) => parts,
            None => {
                let (key, room) = (self.key(self.segments.len()), self.room.clone());
                let mut parts = Parts::begin_in(&self.bucket, (&key, None), 0, room).await?;
                parts.vouch(self.vouching.clone());
                if !leftovers::lists_uploads(&self.bucket) {
                    // Nobody would find it after a crash; its name has to be known before it takes room.
                    self.marked.push(leftovers::marker(&key));
                    leftovers::mark(&self.bucket, &key, &key, Some(parts.upload())).await?;
                }
                self.open.insert(parts)
            }
        };
        parts.send(part).await?;
        if parts.bytes >= size {
            self.close();
        }
        Ok(())
    }

    /// The last part, however small; then waits until the server has all of them.
    pub(super) async fn end(&mut self, part: Bytes) -> Result<()> {
        if !self.is_whole {
            match &self.open {
                Some(_) if part.is_empty() => {}
                Some(_) => self.send(part).await?,
                None if part.is_empty() && !self.segments.is_empty() => {}
                None => self.send_whole(part).await?,
            }
            self.close();
            self.is_whole = true;
            self.reader = None;
        }
        self.spans().await.map(drop)
    }

    /// All of them, once they are there.
    pub(super) async fn spans(&self) -> Result<Vec<Span>> {
        let mut spans = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            spans.push(segment.clone().await?);
        }
        Ok(spans)
    }

    /// Each of them as soon as the server has it, and an end only when all were sent. To be asked for once before that.
    pub(super) fn read(&mut self) -> impl Stream<Item = Result<Span>> + Send + use<> {
        let (reader, segments) = unbounded_channel::<Segment>();
        for segment in &self.segments {
            let _ = reader.send(segment.clone());
        }
        let stop = self.stop.clone();
        self.reader = (!self.is_whole).then_some(reader);
        unfold((segments, stop), |(mut segments, stop)| async move {
            match segments.recv().await {
                Some(segment) => Some((segment.await, (segments, stop))),
                None if stop.is_cancelled() => Some((Err(given_up()), (segments, stop))),
                None => None,
            }
        })
        .boxed()
    }

    /// Ends what is on its way; gives the keys that may hold something.
    pub(super) async fn clear(&mut self) -> Result<Vec<String>> {
        self.reader = None;
        let open = self.open.take();
        let count = self.segments.len() + usize::from(open.is_some());
        // What arrives after its key was erased would stay.
        let arriving = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_MOMENT, arriving).await;
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        if let Some(parts) = open {
            parts.give_up().await?;
        }
        let mut keys: Vec<String> = (0..count).map(|number| self.key(number)).collect();
        keys.append(&mut self.marked);
        Ok(keys)
    }

    fn key(&self, number: usize) -> String {
        format!("{}{number}", self.stage)
    }

    /// How large the next one becomes, in bytes.
    fn size(&self) -> u64 {
        let parts = self.segments.len() as u64 / OF_ONE_SIZE + 1;
        (parts * self.bucket.bounds.part as u64).min(self.bucket.bounds.segment)
    }

    /// The error of one that did not arrive, as soon as it is known.
    fn look(&mut self) -> Result<()> {
        while let Some(segment) = self.segments.get(self.arrived) {
            match segment.clone().now_or_never() {
                Some(arrived) => arrived?,
                None => break,
            };
            self.arrived += 1;
        }
        Ok(())
    }

    /// One that is sent in one request.
    async fn send_whole(&mut self, part: Bytes) -> Result<()> {
        let number = self.segments.len();
        let (bucket, key) = (Arc::clone(&self.bucket), self.key(number));
        let (stop, bytes) = (self.stop.clone(), part.len() as u64);
        let slot = self.room.slot(&part).await;
        let vouching = self.vouching.clone();
        self.begin(async move {
            let written = async {
                let written =
                    bucket.write(&bucket.patient, &key, part.clone(), Attributes::default()).await?;
                if let Some(vouching) = vouching {
                    vouching.take(part, written.told.clone()).await?;
                }
                Ok::<_, Error>(written)
            };
            let written = stop.run_until_cancelled(written).await.ok_or_else(given_up);
            drop(slot);
            // Its key says nothing to anybody.
            let what = format!("`{}` could not take part {}", bucket.resource, number + 1);
            let written = written?.map_err(|mut error| {
                error.what = what;
                error
            });
            let etag = written?.told.etag;
            Ok(Span { key, version: None, etag, bytes })
        });
        Ok(())
    }

    /// Makes one of the parts that were sent.
    fn close(&mut self) {
        let Some(mut parts) = self.open.take() else { return };
        let stop = self.stop.clone();
        self.begin(async move {
            let completed = stop.run_until_cancelled(parts.complete()).await;
            let completed = completed.unwrap_or_else(|| Err(given_up()));
            if completed.is_err() {
                // Whoever clears waits for this, and not for what a drop begins.
                let _ = parts.give_up().await;
            }
            completed
        });
    }

    fn begin(&mut self, work: impl Future<Output = Result<Span>> + Send + 'static) {
        let (done, arrived) = oneshot::channel();
        self.tasks.spawn(async move {
            let _ = done.send(work.await);
        });
        let segment = async move { arrived.await.unwrap_or_else(|_| Err(given_up())) };
        let segment = segment.boxed().shared();
        if let Some(reader) = &self.reader {
            let _ = reader.send(segment.clone());
        }
        self.segments.push(segment);
    }
}

fn given_up() -> Error {
    Error::cancelled("the upload was given up")
}

#[cfg(test)]
mod tests {
    #[test]
    fn five_tebibytes_take_fewer_than_ten_thousand() {
        let (mut bytes, mut count) = (0_u64, 0_u64);
        while bytes < 5 << 40 {
            bytes += ((count / super::OF_ONE_SIZE + 1) * (8 << 20)).min(4 << 30);
            count += 1;
        }
        assert!(count < 10_000, "{count}");
    }
}
