//! `retry N every "5s" { … }`: runs a block until it holds, at most N times.

use std::sync::Arc;
use std::time::Duration;

use rhai::{Dynamic, Engine, EvalContext, Expression};

use crate::base::error::{Error, Result};
use crate::base::event::Event;
use crate::base::text;
use crate::script::session::{Session, text_of};
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
    let mut attempt = 1;
    let result = loop {
        let result = context.eval_expression_tree(&inputs[2]);
        let Err(error) = &result else { break result };
        let source = context.source().unwrap_or_default();
        let ours = traces::explain(error, source, &session.sources);
        let may_go_on = !traces::is_departure(error) && ours.kind.is_catchable();
        if attempt >= of || !may_go_on {
            break result;
        }
        let event = Event::Retrying { position: position.clone(), attempt, of, pause, error: ours };
        // A plan tries at once: nothing it could wait for will happen.
        let pause = if session.is_planning() { Duration::ZERO } else { pause };
        let waited =
            session.record(&event).and_then(|()| session.runtime.block_on(here::stop().pause(pause)));
        if let Err(error) = waited {
            break Err(traces::raise(error, inputs[0].position()));
        }
        attempt += 1;
    };
    here::pop();
    result
}

fn bounds(times: &rhai::Dynamic, every: &rhai::Dynamic) -> Result<(u64, Duration)> {
    let times = times.as_int().ok().and_then(|times| u64::try_from(times).ok()).filter(|times| *times > 0);
    let times = times.ok_or_else(|| {
        Error::usage("`retry` needs how many times").fix("write for example `retry 5 every \"2s\" { … }`")
    })?;
    Ok((times, text::parse_duration(&text_of(every, "the pause of a retry")?)?))
}
