//! A load: one request sent again and again over many kept-alive connections, and what came of it.

mod broken;
mod pace;
mod tally;
mod wire;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Client, Request};
use crate::base::error::{Error, Result};
use crate::sys::{blocking, clock};
pub use pace::Amount;
use pace::Pace;
pub use tally::Tally;
use wire::Shot;

/// How often somebody is told how far it is.
const TELL: Duration = Duration::from_millis(250);
/// How long a connection that could not be made is not tried again, so that a dead server costs no processor.
const BREATH: Duration = Duration::from_millis(5);
/// More threads than this a load does not need.
const MOST_THREADS: usize = 4;

/// What is sent, how much of it, and over how many connections.
#[derive(Debug)]
pub struct Load {
    /// The request.
    pub request: Request,
    /// How many connections, each with one request at a time.
    pub connections: usize,
    /// How much and how fast.
    pub amount: Amount,
    /// How long one answer may take.
    pub answer: Duration,
}

/// What all connections share.
struct Job {
    shot: Shot,
    pace: Pace,
    answer: Duration,
    counted: Vec<Mutex<Tally>>,
}

/// A load under way; dropping it ends it.
pub struct Running {
    job: Arc<Job>,
    begin: Instant,
    over: CancellationToken,
    work: blocking::Pending<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

impl Running {
    /// Begins a load.
    pub fn begin(client: &Client, load: Load) -> Result<Self> {
        let shot = Shot::new(client, load.request)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        // Connections that a client shares belong to the threads on which that client lives.
        let threads = if shot.is_direct() { threads.min(load.connections) } else { 1 };
        let counted = (0..threads).map(|_| Tally::new().map(Mutex::new)).collect::<Result<_>>()?;
        let begin = clock::instant();
        let pace = Pace::new(load.amount, begin);
        let job = Arc::new(Job { shot, pace, answer: load.answer, counted });
        let over = CancellationToken::new();
        let mut parts = Vec::new();
        for thread in 0..threads {
            let share = load.connections / threads + usize::from(thread < load.connections % threads);
            let (job, over) = (Arc::clone(&job), over.clone());
            let is_direct = job.shot.is_direct();
            let lanes = async move {
                tokio::select! {
                    () = lanes(job, thread, share) => {}
                    () = over.cancelled() => {}
                }
                Ok(())
            };
            parts.push(if is_direct { on_its_own(lanes) } else { Box::pin(lanes) });
        }
        let work = Box::pin(async { try_join_all(parts).await.map(drop) });
        Ok(Self { job, begin, over, work })
    }

    /// Waits for its end, and tells now and then how many requests have ended.
    pub async fn finish(&mut self, mut tell: impl FnMut(u64)) -> Result<()> {
        loop {
            tokio::select! {
                done = &mut self.work => return done,
                () = clock::pause(TELL) => tell(self.job.pace.done.load(Ordering::Relaxed)),
            }
        }
    }

    /// What was counted so far, and in which time.
    pub fn tally(&self) -> Result<(Tally, Duration)> {
        let mut all = Tally::new()?;
        for counted in &self.job.counted {
            all.add(&*counted.lock().map_err(|_| Error::bug("a tally is poisoned"))?)?;
        }
        Ok((all, self.begin.elapsed()))
    }
}

/// On a thread with a runtime of its own: its connections need not be handed from one thread to another.
fn on_its_own(work: impl Future<Output = Result<()>> + Send + 'static) -> blocking::Pending<()> {
    Box::pin(blocking::begin(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|why| Error::io("no runtime for a load", &why))?;
        let done = runtime.block_on(work);
        runtime.shutdown_background();
        done
    }))
}

async fn lanes(job: Arc<Job>, thread: usize, count: usize) {
    let mut all = JoinSet::new();
    for _ in 0..count {
        all.spawn(lane(Arc::clone(&job), thread));
    }
    while all.join_next().await.is_some() {}
}

/// One connection from its first request to its last.
async fn lane(job: Arc<Job>, thread: usize) {
    let mut wire = job.shot.wire();
    // Being connected is not what the first request is measured by.
    let _ = job.shot.connect(&mut wire, job.answer).await;
    while let Some(due) = job.pace.take(clock::instant()) {
        if let Some(wait) = due.wait {
            clock::pause(wait).await;
        }
        let from = due.late.unwrap_or_else(clock::instant);
        let connected = job.shot.connect(&mut wire, job.answer).await;
        let is_refused = connected.is_err();
        let answered = match connected {
            Ok(()) => job.shot.send(&mut wire, job.answer).await,
            Err(why) => Err(why),
        };
        if let Some(Ok(mut counted)) = job.counted.get(thread).map(Mutex::lock) {
            counted.count(from.elapsed(), answered);
        }
        job.pace.done.fetch_add(1, Ordering::Relaxed);
        if is_refused {
            clock::pause(BREATH).await;
        }
    }
}
