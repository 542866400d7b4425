//! `step NAME { … } rollback { … }`: a named, timed, journalled stretch of a playbook.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rhai::{Dynamic, Engine, EvalContext, Expression};

use super::next_symbol;
use super::rollback::{Captured, copied};
use crate::base::error::{Error, Kind, NOT_BEGUN, Result};
use crate::base::event::{Event, Position};
use crate::base::outcome::Outcome;
use crate::effect::ledger::Block;
use crate::effect::recall::{Asked, Record};
use crate::script::session::{Session, text_of};
use crate::script::{here, traces};
use crate::sys::clock;

/// Teaches the engine the form.
pub(super) fn register(engine: &mut Engine, session: &Arc<Session>) {
    let session = Arc::clone(session);
    engine.register_custom_syntax_with_state_raw(
        "__step",
        |seen, ahead, _| Ok(next_symbol(&["$expr$", "$block$"], &["rollback", "$block$"], seen, ahead)),
        false,
        move |context, inputs, _| step(&session, context, inputs),
    );
}

fn step(session: &Arc<Session>, context: &mut EvalContext, inputs: &[Expression]) -> traces::Raised<Dynamic> {
    let name = context.eval_expression_tree(&inputs[0])?;
    let at = inputs[0].position();
    let name = text_of(&name, "the name of a step").map_err(|error| traces::raise(error, at))?;
    // What a system said may stand in a name.
    let name = session.pipeline.host.redactor.text(&name);
    let position = here::next();
    let begin = clock::instant();
    let has_block = inputs.get(2).is_some();
    let before =
        begin_step(session, &position, (&name, has_block)).map_err(|error| traces::raise(error, at))?;
    if session.is_planning() && has_block {
        session.pipeline.ledger.promise(&position);
    }
    here::push(&position);
    let result = run_block(session, context, inputs, (&position, &name));
    here::pop();
    if result.as_ref().map_or_else(|error| traces::is_departure(error), |_| true) {
        session.leave(&position).map_err(|error| traces::raise(error, at))?;
    } else {
        session.pipeline.recall.drop_within(&position);
    }
    let source = context.source().unwrap_or_default();
    let error = match &result {
        Err(error) if !traces::is_departure(error) => {
            // A plan that ends within a step says so itself; the step has not failed.
            let error = session.pipeline.clean(traces::explain(error, source, &session.sources));
            Some(error).filter(|error| error.kind != Kind::Horizon)
        }
        _ => None,
    };
    // What ends before the run has gone on at all has not happened; what waits goes on in another process.
    let is_over = |error: &Error| error.kind != Kind::Suspended && !error.details.contains_key(NOT_BEGUN);
    if error.as_ref().is_some_and(|error| !is_over(error)) {
        return result;
    }
    let outcome = error.as_ref().map_or(Outcome::Done, outcome_of);
    match before.end {
        Some(end) if matches!(end, Event::StepEnded { outcome: then, .. } if then == outcome) => {
            session.retell(&end)
        }
        _ => {
            let took = before.took + begin.elapsed();
            session
                .record(&Event::StepEnded { position, name, outcome, took, error })
                .map_err(|error| traces::raise(error, at))?;
        }
    }
    result
}

/// What earlier turns of the run know of a step.
#[derive(Default)]
struct Before {
    /// How long it had been at work.
    took: Duration,
    end: Option<Event>,
}

fn begin_step(session: &Session, position: &str, (name, rollback): (&str, bool)) -> Result<Before> {
    let event = Event::StepBegan { position: position.to_owned(), name: name.to_owned(), rollback };
    match session.recall(position, &Asked::Step(name))? {
        Some(Record::Step { since, end, .. }) => {
            session.retell(&event);
            Ok(Before { took: session.worked().saturating_sub(since), end })
        }
        _ => session.record(&event).map(|()| Before::default()),
    }
}

fn outcome_of(error: &Error) -> Outcome {
    match error.kind {
        Kind::Cancelled => Outcome::Cancelled,
        Kind::InDoubt => Outcome::InDoubt,
        _ => Outcome::Failed,
    }
}

/// Runs the block and, before its variables go away, keeps the rollback block with their values.
fn run_block(
    session: &Arc<Session>,
    context: &mut EvalContext,
    inputs: &[Expression],
    (position, name): (&Position, &str),
) -> traces::Raised<Dynamic> {
    let global = context.global_runtime_state();
    let (imports, searched, level) = (global.num_imports(), global.always_search_scope, global.scope_level);
    let variables = context.scope().len();
    context.global_runtime_state_mut().scope_level += 1;
    #[expect(deprecated, reason = "rhai marks the call as volatile, not as going away")]
    let result = context.eval_expression_tree_raw(&inputs[1], false);
    if result.is_err() && session.pipeline.recall.is_only_looking() {
        let mut inside = session.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.get_or_insert_with(|| copied(context.scope()));
    }
    let kept = match inputs.get(2) {
        Some(block) if !session.is_planning() => keep(session, context, block, (position, name)),
        _ => {
            let _ = session.pipeline.ledger.leave(position);
            Ok(())
        }
    };
    context.scope_mut().rewind(variables);
    let global = context.global_runtime_state_mut();
    global.truncate_imports(imports);
    global.always_search_scope = searched;
    global.scope_level = level;
    kept.map_err(|error| traces::raise(error, inputs[0].position()))?;
    result
}

/// A step that changed nothing has nothing to take back: its block would only meet variables that were never made.
fn keep(
    session: &Arc<Session>,
    context: &EvalContext,
    block: &Expression,
    (position, name): (&Position, &str),
) -> Result<()> {
    if here::is_unwinding() || !session.pipeline.ledger.leave(position) {
        return Ok(());
    }
    let captured = Captured::new(context, block, position);
    let session_then = Arc::clone(session);
    session.pipeline.ledger.keep(
        position,
        Block {
            what: format!("rollback of “{name}”"), run: Box::new(move || captured.run(&session_then))
        },
    );
    Ok(())
}
