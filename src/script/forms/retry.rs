//! `retry N every "5s" { … }`: runs a block until it holds, at most N times.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rhai::{Dynamic, Engine, EvalContext, Expression};

use crate::base::error::{Error, Result};
use crate::base::event::Event;
use crate::base::text;
use crate::effect::recall::{Asked, Record};
use crate::script::session::Session;
use crate::script::{here, traces};

/// Teaches the engine the form.
pub(super) fn register(engine: &mut Engine, session: &Arc<Session>) {
    let session = Arc::clone(session);
    engine.register_custom_syntax_with_state_raw(
        "__retry",
        |seen, _, _| {
            let pattern = ["$expr$", "every", "$expr$", "$block$"];
            Ok(pattern.get(seen.len() - 1).map(|symbol| (*symbol).into()))
        },
        false,
        move |context, inputs, _| retry(&session, context, inputs),
    );
}

fn retry(session: &Session, context: &mut EvalContext, inputs: &[Expression]) -> traces::Raised<Dynamic> {
    let (times, every) =
        (context.eval_expression_tree(&inputs[0])?, context.eval_expression_tree(&inputs[1])?);
    let (of, pause) = bounds(&times, &every).map_err(|error| traces::raise(error, inputs[0].position()))?;
    let position = here::next();
    here::push(&position);
    let (mut attempt, mut before) = (1, None);
    let result = loop {
        let result = context.eval_expression_tree(&inputs[2]);
        let Err(error) = &result else { break result };
        let source = context.source().unwrap_or_default();
        let ours = session.pipeline.clean(traces::explain(error, source, &session.sources));
        let may_go_on = !traces::is_departure(error) && ours.kind.is_catchable();
        if attempt >= of || !may_go_on {
            break result;
        }
        let event = Event::Retrying { position: position.clone(), attempt, of, pause, error: ours };
        if let Err(error) = again(session, (&position, &mut before), &event) {
            break Err(traces::raise(error, inputs[0].position()));
        }
        attempt += 1;
    };
    here::pop();
    match &result {
        Err(error) if !traces::is_departure(error) => session.pipeline.recall.drop_within(&position),
        _ => session.leave(&position).map_err(|error| traces::raise(error, inputs[0].position()))?,
    }
    result
}

/// Tells of another try and waits for it, unless an earlier turn of the run has done both; `before` is what that recorded.
fn again(
    session: &Session,
    (position, before): (&str, &mut Option<VecDeque<Event>>),
    event: &Event,
) -> Result<()> {
    if before.is_none() {
        let recorded = if session.pipeline.recall.has(position) {
            session.recall(position, &Asked::Retry)?
        } else {
            None
        };
        *before = Some(match recorded {
            Some(Record::Retry(tries)) => tries,
            _ => VecDeque::new(),
        });
    }
    if let Some(then) = before.as_mut().and_then(VecDeque::pop_front) {
        session.retell(&then);
        return Ok(());
    }
    session.record(event)?;
    // A plan tries at once: nothing it could wait for will happen.
    let pause = match event {
        Event::Retrying { pause, .. }
            if !session.is_planning() && !session.pipeline.recall.is_only_looking() =>
        {
            *pause
        }
        _ => Duration::ZERO,
    };
    session.runtime.block_on(here::stop().pause(pause))
}

fn bounds(times: &rhai::Dynamic, every: &rhai::Dynamic) -> Result<(u64, Duration)> {
    let times = times.as_int().ok().and_then(|times| u64::try_from(times).ok()).filter(|times| *times > 0);
    let times = times.ok_or_else(|| {
        Error::usage("`retry` needs how many times").fix("write for example `retry 5 every \"2s\" { … }`")
    })?;
    let every =
        every.clone().into_string().map_err(|found| no_pause(&traces::spoken(found), every.as_int().ok()))?;
    Ok((times, text::parse_duration(&every)?))
}

/// What is said of a pause that is no text; `number` is its value where it is a whole number.
pub(in crate::script) fn no_pause(found: &str, number: Option<i64>) -> Error {
    Error::usage(format!("the pause of a `retry` is a duration in quotes, and this is {found}"))
        .fix(format!("say the unit: every \"{}s\"", number.unwrap_or(5)))
}
