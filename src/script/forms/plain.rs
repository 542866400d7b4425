//! The forms that are plain functions: `now`, `seconds_since`, `time_passed`, `seconds`, `fail`, `log`; and what is gone, with what to write instead.

use std::sync::Arc;

use rhai::{Dynamic, Engine, EvalAltResult, Map, NativeCallContext};

use crate::base::error::{Error, Kind, Result};
use crate::base::event::Event;
use crate::base::text;
use crate::effect::recall::{Asked, Record};
use crate::script::session::Session;
use crate::script::{here, traces, values};
use crate::sys::clock;

/// Teaches the engine the functions.
pub(super) fn register(engine: &mut Engine, session: &Arc<Session>) {
    let one = Arc::clone(session);
    engine.register_fn("now", move |context: NativeCallContext| -> traces::Raised<String> {
        now(&one).map_err(|error| traces::raise(error, context.call_position()))
    });
    let one = Arc::clone(session);
    engine.register_fn(
        "seconds_since",
        move |context: NativeCallContext, mark: &str| -> traces::Raised<f64> {
            seconds_since(&one, mark).map_err(|error| traces::raise(error, context.call_position()))
        },
    );
    let one = Arc::clone(session);
    engine.register_fn("time_passed", move |context: NativeCallContext, mark: &str| -> traces::Raised<f64> {
        time_passed(&one, mark).map_err(|error| traces::raise(error, context.call_position()))
    });
    let one = Arc::clone(session);
    engine.register_fn("log", move |context: NativeCallContext, what: Dynamic| -> traces::Raised<()> {
        log(&one, &what).map_err(|error| traces::raise(error, context.call_position()))
    });
    // Else a number with a fraction would be taken for the argument of a logarithm, whose result nobody sees.
    let one = Arc::clone(session);
    engine.register_fn("log", move |context: NativeCallContext, what: f64| -> traces::Raised<()> {
        log(&one, &Dynamic::from_float(what)).map_err(|error| traces::raise(error, context.call_position()))
    });
    engine.register_fn("seconds", |context: NativeCallContext, duration: &str| -> traces::Raised<f64> {
        let read = text::parse_duration(duration).map(|duration| duration.as_secs_f64());
        read.map_err(|error| traces::raise(error, context.call_position()))
    });
    engine.register_fn("fail", |context: NativeCallContext, what: &str| {
        fail(&context, Error::new(Kind::Script, what))
    });
    engine.register_fn("fail", |context: NativeCallContext, what: &str, more: Map| {
        let field = |name: &str| more.get(name).map(ToString::to_string);
        let mut error = Error::new(Kind::Script, what);
        (error.why, error.fix) = (field("why"), field("fix"));
        fail(&context, error)
    });
}

fn fail(context: &NativeCallContext, error: Error) -> Result<Dynamic, Box<EvalAltResult>> {
    Err(traces::raise(error, context.call_position()))
}

fn now(session: &Session) -> Result<String> {
    let position = here::next();
    if let Some(Record::Clock { at }) = session.recall(&position, &Asked::Clock)? {
        return Ok(at);
    }
    let at = clock::now().to_string();
    session.record(&Event::ClockRead { position, at: at.clone() })?;
    Ok(at)
}

/// How long ago an instant was that `now()` gave, in seconds; the clock is read, and a replay sees the same.
fn seconds_since(session: &Session, mark: &str) -> Result<f64> {
    let read = |text: &str| {
        text.parse::<jiff::Timestamp>().map_err(|_| {
            Error::usage(format!("`{text}` is no instant"))
                .fix("give what `now()` gave: `let began = now(); … seconds_since(began)`")
        })
    };
    let from = read(mark)?;
    Ok(read(&now(session)?)?.duration_since(from).as_secs_f64())
}

/// The same as the playbook counts: where an environment makes time short, an hour is an hour all the same.
fn time_passed(session: &Session, mark: &str) -> Result<f64> {
    let here = std::time::Duration::try_from_secs_f64(seconds_since(session, mark)?).unwrap_or_default();
    Ok(session.pace().asked(here).as_secs_f64())
}

fn log(session: &Session, what: &Dynamic) -> Result<()> {
    let text = match values::shown(what) {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    say(session, &text)
}

/// Journals a word of the playbook; what it says may change, once it is said.
pub(in crate::script) fn say(session: &Session, text: &str) -> Result<()> {
    let position = here::next();
    if let Some(Record::Log(event)) = session.recall(&position, &Asked::Log)? {
        session.retell(&event);
        return Ok(());
    }
    session.record(&Event::Logged { position, text: session.pipeline.host.redactor.text(text) })
}
