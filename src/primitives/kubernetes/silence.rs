//! Waiting for a state while the API server may say nothing: that is told, and the wait ends when it is to end all the same.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::cluster::Cluster;
use crate::base::error::{Error, Kind as Sort, Result};
use crate::base::text::show_duration;
use crate::effect::cx::Cx;
use crate::sys::clock;

/// A server that has not answered for so long is said to be silent.
const NOTICE: Duration = Duration::from_secs(3);
/// How long each answer may take, however late it is asked for.
const LEAST: Duration = Duration::from_secs(1);
/// How often the server is asked for a sign of life while only its silence could tell of it.
const SIGN: Duration = Duration::from_secs(15);

/// Somebody who waits, and the end of their patience.
pub(super) struct Wait<'a> {
    cx: &'a Cx,
    cluster: &'a Cluster,
    what: String,
    within: Duration,
    began: Instant,
    /// Since when nothing was heard, where that was told.
    silent: Option<Instant>,
}

impl<'a> Wait<'a> {
    /// Begins to wait for `what`, for so long at most.
    pub(super) fn begin(cx: &'a Cx, cluster: &'a Cluster, what: String, within: Duration) -> Self {
        Self { cx, cluster, what, within, began: cx.instant(), silent: None }
    }

    /// How long it has been.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// How much is left of it.
    pub(super) fn left(&self) -> Duration {
        self.within.saturating_sub(self.elapsed())
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    /// The answer of the server, or an error when the wait ends before it comes. That it is long in coming is told.
    pub(super) async fn ask<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let asked = self.cx.instant();
        let mut work = pin!(work);
        // What is asked at the very end may be answered too.
        let answer = match timeout(NOTICE.min(self.left().max(LEAST)), &mut work).await {
            Ok(answer) => answer,
            Err(_) => {
                self.miss(asked, "gives no answer");
                let last = timeout(self.left(), &mut work).await;
                last.unwrap_or_else(|_| Err(self.unheard(asked)))
            }
        };
        match &answer {
            Err(error) if error.kind == Sort::Remote && is_passing(error) => {
                self.miss(asked, "cannot be asked");
            }
            _ if self.silent.take().is_some() => {
                self.cx.line(false, &format!("{} answers again", self.server()));
            }
            _ => {}
        }
        answer
    }

    /// Whether a look that failed may be made again: what passes is waited for, as long as there is time.
    pub(super) fn may_look_again(&self, error: &Error) -> bool {
        error.kind == Sort::Remote && is_passing(error) && !self.is_over()
    }

    /// Tells it when the server falls silent, while something else is waited for.
    pub(super) async fn heed(&mut self) -> Infallible {
        loop {
            clock::pause(SIGN).await;
            let _ = self.ask(self.cluster.version()).await;
        }
    }

    /// What is to be known about the server itself, for the error of a wait; empty when it speaks.
    pub(super) fn doubt(&self) -> String {
        match self.silent {
            Some(since) => {
                format!("\n{} has not answered for {}", self.server(), show_duration(since.elapsed()))
            }
            None => String::new(),
        }
    }

    fn server(&self) -> String {
        format!("the API server at {}", self.cluster.address)
    }

    fn miss(&mut self, since: Instant, how: &str) {
        if self.silent.is_none() {
            self.silent = Some(since);
            self.cx.line(true, &format!("{} {how}; still waiting for {}", self.server(), self.what));
        }
    }

    fn unheard(&self, asked: Instant) -> Error {
        let Self { what, cluster, within, .. } = self;
        let since = self.silent.unwrap_or(asked).elapsed();
        Error::remote(format!(
            "the API server of `{}` did not answer while {what} was waited for, {} in all",
            cluster.named,
            show_duration(*within)
        ))
        .why(format!("nothing was heard from {} for the last {}", cluster.address, show_duration(since)))
        .fix("see whether the API server works and can be reached (`kubectl get --raw /readyz`), then wait again")
    }
}

/// Whether a later look may well be answered.
fn is_passing(error: &Error) -> bool {
    match error.details.get("code").and_then(serde_json::Value::as_u64) {
        Some(code) => code == 429 || code >= 500,
        None => true,
    }
}
