//! Time that passes on purpose: `wait("24h")`, `wait_until("09:00 Europe/Berlin")`, `wait_until(deployed, "15m")`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rhai::{Engine, NativeCallContext, Position};

use crate::base::clock::left;
use crate::base::error::{Error, Kind, Result};
use crate::base::event::Event;
use crate::base::{moment, text};
use crate::effect::recall::{Asked, Record};
use crate::script::session::Session;
use crate::script::{here, traces};
use crate::sys::clock;

/// So often a plan goes through the same `wait`.
const MOST_ROUNDS: usize = 200;

/// The longest that is slept at once where the wall clock decides, so that a clock that is set is soon seen.
const NAP: Duration = Duration::from_secs(5);

/// Teaches the engine the functions.
pub(super) fn register(engine: &mut Engine, session: &Arc<Session>) {
    let rounds = Arc::new(Rounds::default());
    let (one, round) = (Arc::clone(session), Arc::clone(&rounds));
    engine.register_fn("wait", move |context: NativeCallContext, duration: &str| -> traces::Raised<()> {
        raise(&context, round.next(&one, &context).and_then(|()| wait(&one, duration)))
    });
    let (one, round) = (Arc::clone(session), Arc::clone(&rounds));
    engine.register_fn("wait_until", move |context: NativeCallContext, text: &str| -> traces::Raised<()> {
        raise(&context, round.next(&one, &context).and_then(|()| wait_until(&one, text)))
    });
    let one = Arc::clone(session);
    engine.register_fn(
        "wait_until",
        move |context: NativeCallContext, mark: &str, after: &str| -> traces::Raised<()> {
            raise(&context, wait_after(&one, mark, after))
        },
    );
}

/// How often a plan came to each `wait`, by its module and place. In a plan no time passes and nothing changes, so a loop that
/// waits for something would go round for ever.
#[derive(Default)]
struct Rounds(Mutex<HashMap<(String, Position), usize>>);

impl Rounds {
    fn next(&self, session: &Session, context: &NativeCallContext) -> Result<()> {
        if !session.is_planning() {
            return Ok(());
        }
        let place = (context.call_source().unwrap_or_default().to_owned(), context.call_position());
        let mut rounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let round = rounds.entry(place).or_default();
        *round += 1;
        if *round <= MOST_ROUNDS {
            return Ok(());
        }
        Err(Error::new(Kind::Horizon, format!("beyond here the plan depends on what this loop waits for: it came {MOST_ROUNDS} times to the same wait"))
            .fix("wait with `retry N every \"…\" { … }`: a plan goes through that once"))
    }
}

fn raise(context: &NativeCallContext, result: Result<()>) -> traces::Raised<()> {
    result.map_err(|error| {
        if !error.kind.is_catchable() {
            here::end(error.clone());
        }
        traces::raise(error, context.call_position())
    })
}

fn wait(session: &Session, duration: &str) -> Result<()> {
    let pause = text::parse_duration(duration)?;
    pass(session, pause, session.pace().here(pause), None)
}

fn wait_until(session: &Session, text: &str) -> Result<()> {
    let now = clock::now();
    let until = moment::next(text, now)?.timestamp();
    let pause = between(now, until);
    pass(session, pause, session.pace().here(pause), Some(until))
}

fn wait_after(session: &Session, mark: &str, after: &str) -> Result<()> {
    let from: Timestamp = mark.parse().map_err(|_| {
        Error::usage(format!("`{mark}` is no instant"))
            .fix("give what `now()` gave: `let deployed = now(); … wait_until(deployed, \"15m\")`")
    })?;
    let (after, now) = (text::parse_duration(after)?, clock::now());
    let until = later(from, session.pace().here(after));
    // What the playbook asks for counts from the mark; some of it has passed already.
    let pause = after.saturating_sub(session.pace().asked(between(from, now)));
    // Of a stretch that began at a mark there is a part left, which need not be as much shorter as the whole.
    pass(session, pause, between(now, until), Some(until))
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| at.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

/// Lets time pass: `pause` as the playbook asks for it, which takes as long as `here` says; until the wall clock shows
/// `until`, where that is said.
fn pass(session: &Session, pause: Duration, here: Duration, until: Option<Timestamp>) -> Result<()> {
    let (position, reading) = (here::next(), clock::reading());
    if let Some(Record::Wait(event)) = session.recall(&position, &Asked::Wait)? {
        session.retell(&event);
        return if session.pipeline.recall.is_only_looking() { Ok(()) } else { rest(session, &event) };
    }
    let is_real = session.pace().is_real();
    let end = until.filter(|_| is_real).unwrap_or_else(|| later(reading.wall, here));
    let scale = (!is_real && !pause.is_zero()).then(|| here.as_secs_f64() / pause.as_secs_f64());
    let event = Event::Waiting {
        position,
        pause,
        until: Some(format!("{end:.3}")),
        scale,
        clock: Some(reading),
        wall: until.is_some() && is_real,
    };
    session.record(&event)?;
    if session.is_planning() {
        return Ok(());
    }
    rest(session, &event)
}

/// Waits for what is left of a wait that was recorded, here or by letting the process end.
fn rest(session: &Session, waiting: &Event) -> Result<()> {
    let Event::Waiting { until, wall, .. } = waiting else { return Ok(()) };
    let (whole, began) = (left(waiting, &clock::reading()), clock::instant());
    let until = until.as_deref().and_then(|until| until.split('.').next()).map(|until| format!("{until}Z"));
    session.may_leave(whole, until.as_deref(), "the run waits")?;
    loop {
        let left =
            if *wall { left(waiting, &clock::reading()) } else { whole.saturating_sub(began.elapsed()) };
        if left.is_zero() {
            return Ok(());
        }
        let nap = if *wall { left.min(NAP) } else { left };
        session.runtime.block_on(here::stop().pause(nap))?;
    }
}

/// The error with which a run leaves its process, to be gone on with later.
pub(in crate::script) fn suspended(until: Option<&str>, what: &str) -> Error {
    let when = until.map(|until| format!(" until {until}")).unwrap_or_default();
    let error = Error::new(Kind::Suspended, format!("{what}{when}, and the process ends meanwhile"))
        .fix("`playbook tick` goes on when it is time, and `playbook resume` by hand");
    let error = error.detail("what", what);
    match until {
        Some(until) => error.detail("until", until),
        None => error,
    }
}
