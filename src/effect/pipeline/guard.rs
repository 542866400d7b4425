//! Runs one call under its deadline and its stop, and judges how it ended.

use std::future::Future;
use std::time::Duration;

use serde_json::Value;

use crate::base::effect::Effect;
use crate::base::error::{Error, IN_DOUBT, Kind, Result};
use crate::base::outcome::Outcome;
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::journal::Licence;
use crate::effect::primitive::Bound;
use crate::sys::{clock, http};

/// How long a call that asked for it may take to close after a stop.
const GRACE: Duration = Duration::from_secs(10);

/// Runs a primitive; it cannot be run without a licence, and a licence to write comes only from the journal.
pub(super) async fn run(
    bound: Box<dyn Bound>,
    cx: &Cx,
    deadline: Duration,
    _licence: Licence,
) -> Result<Value> {
    let work = bound.run(cx.clone().ending(clock::instant() + deadline));
    let trace = cx.host().listeners.iter().find_map(|listener| listener.trace(&cx.call_id()));
    within(http::traced(trace, work), cx, deadline).await
}

/// Waits for `work`, at most `deadline`, and ends it on a stop. Only work that asked for it gets time to close:
/// giving grace to all would make each timeout on a silent socket as much slower.
pub(super) async fn within<T>(
    work: impl Future<Output = Result<T>>,
    cx: &Cx,
    deadline: Duration,
) -> Result<T> {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        // Work that is done at once sets no timer, which would wake another thread.
        biased;
        result = &mut work => return result,
        () = cx.stop().given() => {}
        () = clock::pause(deadline) => {
            let what = format!("`{}` gave no answer within {}", cx.resource(), text::show_duration(deadline));
            cx.stop().give(Error::timeout(what).fix("give it longer with `#{ timeout: \"…\" }`, or look at why it is slow"));
        }
    }
    let mut reason = cx.stop().reason().unwrap_or_else(|| Error::cancelled("stopped"));
    if cx.is_graceful()
        && let Ok(Err(closed)) = tokio::time::timeout(GRACE, &mut work).await
        && closed.unchanged
    {
        // What closed in time may know that it changed nothing; then it is not in doubt.
        (reason.unchanged, reason.why) = (true, closed.why.clone());
        if closed.kind == reason.kind {
            // And what would have let it end well.
            reason.fix = closed.fix.clone().or(reason.fix.take());
            reason.details.extend(closed.details.clone());
        }
    }
    Err(reason)
}

/// Whether another try may help. It is asked only of what may be done twice, so a doubt is no reason against one.
pub(super) fn may_be_retried(error: &Error) -> bool {
    matches!(error.kind, Kind::Remote | Kind::Timeout | Kind::Io | Kind::InDoubt)
}

/// A write that was stopped may have happened all the same: it is in doubt, never failed.
pub(super) fn outcome(effect: Effect, result: &Result<Value>) -> Outcome {
    match result {
        Ok(_) => Outcome::Done,
        Err(error) => match error.kind {
            Kind::InDoubt => Outcome::InDoubt,
            Kind::Timeout | Kind::Cancelled | Kind::Limit if !effect.is_read() && !error.unchanged => {
                Outcome::InDoubt
            }
            Kind::Cancelled => Outcome::Cancelled,
            _ => Outcome::Failed,
        },
    }
}

/// Says of an error in doubt that it is.
pub(super) fn in_doubt(error: Error, outcome: Outcome) -> Error {
    if outcome != Outcome::InDoubt {
        return error;
    }
    let why = error
        .why
        .clone()
        .unwrap_or_else(|| "it had begun, and it is not known whether it took effect".to_owned());
    error.detail(IN_DOUBT, true).why(why)
}
