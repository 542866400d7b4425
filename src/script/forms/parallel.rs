//! `parallel([|| …, || …], #{ limit: 4 })`: branches at the same time; the first failure stops the others.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext};

use crate::base::error::{Error, Kind};
use crate::base::event::Event;
use crate::effect::recall::Asked;
use crate::script::bounds::stack_size;
use crate::script::session::Session;
use crate::script::{here, traces};
use crate::sys::stop::Stop;

/// How many branches run at the same time unless `limit` says otherwise.
const LIMIT: usize = 16;

type Outcome = Result<Dynamic, Box<EvalAltResult>>;

/// Teaches the engine the function.
pub(super) fn register(engine: &mut Engine, session: &Arc<Session>) {
    let one = Arc::clone(session);
    engine.register_fn("parallel", move |context: NativeCallContext, branches: Array| {
        parallel(&one, &context, branches, LIMIT)
    });
    let one = Arc::clone(session);
    engine.register_fn("parallel", move |context: NativeCallContext, branches: Array, options: Map| {
        let limit = limit_of(&options).map_err(|error| traces::raise(error, context.call_position()))?;
        parallel(&one, &context, branches, limit)
    });
}

fn limit_of(options: &Map) -> Result<usize, Error> {
    let mut limit = LIMIT;
    for (name, value) in options {
        limit = judge(name, value.as_int().ok())?;
    }
    Ok(limit)
}

/// What an option of `parallel` says; `None` is a value that is no whole number.
pub fn judge(name: &str, value: Option<i64>) -> Result<usize, Error> {
    if name != "limit" {
        return Err(
            Error::usage(format!("`parallel` has no option `{name}`")).fix("its one option is `limit`")
        );
    }
    value.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| (1..=256).contains(limit)).ok_or_else(
        || Error::usage("`limit` must be a number from 1 to 256").fix("it is how many branches run at once"),
    )
}

fn parallel(
    session: &Session,
    context: &NativeCallContext,
    branches: Array,
    limit: usize,
) -> traces::Raised<Dynamic> {
    let at = context.call_position();
    let branches: Vec<FnPtr> = branches
        .into_iter()
        .map(|branch| {
            branch.try_cast::<FnPtr>().ok_or_else(|| {
                traces::raise(
                    Error::usage("`parallel` takes an array of closures")
                        .fix("write `parallel([|| one(), || two()])`"),
                    at,
                )
            })
        })
        .collect::<Result<_, _>>()?;
    if branches.is_empty() {
        return Ok(Array::new().into());
    }
    let branches: Vec<FnPtr> = branches.into_iter().map(with_values_of_its_own).collect();
    let position = here::next();
    begin(session, &position, branches.len()).map_err(|error| traces::raise(error, at))?;
    let all = Stop::child(&here::stop());
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<Vec<Option<Outcome>>> = Mutex::new((0..branches.len()).map(|_| None).collect());
    let kind = |error: &EvalAltResult| {
        traces::explain(error, context.call_source().unwrap_or_default(), &session.sources).kind
    };
    let is_horizon = |outcome: &Outcome| {
        session.is_planning() && outcome.as_ref().is_err_and(|error| kind(error) == Kind::Horizon)
    };
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(branch) = branches.get(index).filter(|_| !all.is_given()) else { return };
            let _here = here::enter(here::branch(&format!("{position}/{index}"), all.child()));
            let outcome = branch.call_raw(context, None, []);
            // A branch that only met a stop from outside has not failed by itself; nor has one that a plan cannot follow.
            if !all.is_given()
                && !is_horizon(&outcome)
                && outcome.as_ref().is_err_and(|error| !traces::is_departure(error))
            {
                all.give(Error::cancelled("another branch of `parallel` failed"));
            }
            outcomes.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(outcome);
        }
    };
    std::thread::scope(|scope| {
        for number in 0..limit.min(branches.len()) {
            let builder = std::thread::Builder::new()
                .name(format!("branch {number}"))
                .stack_size(stack_size(&session.limits));
            builder.spawn_scoped(scope, work).map_err(|why| {
                traces::raise(Error::io("a branch of `parallel` cannot be started", &why), at)
            })?;
        }
        Ok::<_, Box<EvalAltResult>>(())
    })?;
    let gathered = gather(outcomes.into_inner().unwrap_or_else(PoisonError::into_inner), context, session);
    match &gathered {
        Ok(_) => session.leave(&position).map_err(|error| traces::raise(error, at))?,
        Err(_) => session.pipeline.recall.drop_within(&position),
    }
    gathered
}

fn begin(session: &Session, position: &str, branches: usize) -> Result<(), Error> {
    match session.recall(position, &Asked::Branches)? {
        Some(_) => Ok(()),
        None => session.record(&Event::Branched { position: position.to_owned(), branches }),
    }
}

/// A branch that shares no variable with the others: two that call a method of one captured handle at the same moment
/// would meet the engine's lock on it, and one of them would fail.
fn with_values_of_its_own(mut branch: FnPtr) -> FnPtr {
    for value in branch.iter_curry_mut() {
        *value = value.flatten_clone();
    }
    branch
}

/// The values in the order of the branches, or the first failure that is not only the echo of another.
fn gather(
    outcomes: Vec<Option<Outcome>>,
    context: &NativeCallContext,
    session: &Session,
) -> traces::Raised<Dynamic> {
    let mut values = Array::new();
    let mut failure: Option<(Kind, Box<EvalAltResult>)> = None;
    for outcome in outcomes.into_iter().flatten() {
        match outcome {
            Ok(value) => values.push(value),
            Err(error) => {
                let kind =
                    traces::explain(&error, context.call_source().unwrap_or_default(), &session.sources).kind;
                if failure.as_ref().is_none_or(|(have, _)| *have == Kind::Cancelled) {
                    failure = Some((kind, error));
                }
            }
        }
    }
    match failure {
        Some((kind, error)) => {
            let ours = traces::explain(&error, context.call_source().unwrap_or_default(), &session.sources);
            if !kind.is_catchable() || !ours.is_catchable() {
                here::end(ours);
            }
            Err(error)
        }
        None => Ok(values.into()),
    }
}
