//! Doing one thing on many hosts: so many at once, in batches, until too many have failed.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;

use super::fleet::Fleet;
use super::trouble::Trouble;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::sys::blocking;
use crate::sys::ssh::{Broken, Cut, Patience, Target, leash};

/// On which hosts, and how.
#[derive(Clone, Debug)]
pub(super) struct Fan {
    /// The hosts, in order.
    pub(super) hosts: Vec<Target>,
    /// How many at once.
    pub(super) limit: usize,
    /// How many make a batch; the next batch begins when this one has ended.
    pub(super) serial: Option<usize>,
    /// With more failures than this, no further host is begun.
    pub(super) max_failures: usize,
    /// How long each may take, connecting aside.
    pub(super) within: Duration,
}

/// How it went on one host.
#[derive(Debug)]
pub(super) enum Went<T> {
    /// It came to its end.
    Done(T),
    /// It did not.
    Wrong(Trouble),
    /// It was not begun, because too many had failed before.
    Skipped,
}

/// What is done on each host, on a thread that may block.
pub(super) type Deed<T> = Arc<dyn Fn(&Fleet, &Target, &Patience) -> Result<T, Trouble> + Send + Sync>;

/// Does it on all hosts; `is_good` judges what came to its end. In the order of the hosts. An error only when the whole
/// was stopped.
pub(super) async fn out<T: Send + 'static>(
    cx: &Cx,
    fleet: &Fleet,
    fan: &Fan,
    deed: Deed<T>,
    is_good: impl Fn(&T) -> bool,
) -> Result<Vec<(Target, Went<T>)>> {
    cx.close_gracefully();
    let (hold, leash) = leash()?;
    let within = fan.within;
    let begin = |at: usize, target: Target| {
        let (fleet, deed, leash) = (fleet.clone(), Arc::clone(&deed), leash.clone());
        let name = target.name.clone();
        let work = blocking::begin(move || {
            let patience = Patience::of(Some(&leash), within + target.connect_within);
            Ok(deed(&fleet, &target, &patience))
        });
        async move {
            let went = work.await.unwrap_or_else(|bug: Error| {
                let why = Broken::Failed(bug.why.clone().unwrap_or_else(|| bug.what.clone()));
                Err(Trouble::Cut(Cut { why, began: true, left: None }))
            });
            (at, name, went)
        }
    };
    let mut ends: Vec<Went<T>> = fan.hosts.iter().map(|_| Went::Skipped).collect();
    let mut wrong = 0;
    let mut hold = Some(hold);
    let all: Vec<(usize, Target)> = fan.hosts.iter().cloned().enumerate().collect();
    for batch in all.chunks(fan.serial.unwrap_or(usize::MAX).max(1)) {
        let mut waiting = batch.iter().cloned();
        let mut running = futures::stream::FuturesUnordered::new();
        loop {
            while running.len() < fan.limit && wrong <= fan.max_failures && hold.is_some() {
                let Some((at, target)) = waiting.next() else { break };
                running.push(begin(at, target));
            }
            let ended = tokio::select! {
                biased;
                () = cx.stop().given(), if hold.is_some() => {
                    hold = None;
                    continue;
                }
                ended = running.next() => ended,
            };
            let Some((at, name, went)) = ended else { break };
            wrong += usize::from(!went.as_ref().is_ok_and(&is_good));
            tell(cx, &name, &went);
            ends[at] = went.map_or_else(Went::Wrong, Went::Done);
        }
    }
    if hold.is_none() {
        return Err(stopped(cx, &ends));
    }
    Ok(fan.hosts.iter().cloned().zip(ends).collect())
}

/// Says at once what people should know before the others have ended.
fn tell<T>(cx: &Cx, host: &str, went: &Result<T, Trouble>) {
    match went {
        Err(Trouble::Unreachable(why)) => {
            let why = why.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            cx.line_of(host, true, &format!("cannot be used{why}"));
        }
        Err(Trouble::Cut(Cut { left: Some(group), .. })) => {
            cx.line_of(host, true, &format!("the process group {group} may still run there"));
        }
        _ => {}
    }
}

fn stopped<T>(cx: &Cx, ends: &[Went<T>]) -> Error {
    let reason = cx.stop().reason().unwrap_or_else(|| Error::cancelled("stopped"));
    let began = |end: &Went<T>| match end {
        Went::Done(_) => true,
        Went::Wrong(Trouble::Cut(cut)) => cut.began,
        Went::Wrong(Trouble::Unreachable(_)) | Went::Skipped => false,
    };
    if ends.iter().any(began) { reason } else { reason.unchanged() }
}
