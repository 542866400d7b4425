//! The forms of the language: what needs the block or the comparison itself, and not only its value.

pub mod check;
pub mod gate;
pub mod gone;
pub mod parallel;
pub mod plain;
pub mod retry;
pub mod rollback;
pub mod step;
pub mod time;

use std::sync::Arc;

use rhai::{Engine, ImmutableString};

use super::session::Session;

/// Teaches the engine every form.
pub fn register(engine: &mut Engine, session: &Arc<Session>) {
    step::register(engine, session);
    retry::register(engine, session);
    check::register(engine, session);
    parallel::register(engine, session);
    gate::register(engine, session);
    gone::register(engine);
    plain::register(engine, session);
    time::register(engine, session);
}

/// The next symbol of a form whose symbols so far are `seen` (the form's own word first): the fixed `pattern`, then
/// the `tail` when the next token is the tail's first word.
fn next_symbol(
    pattern: &[&str],
    tail: &[&str],
    seen: &[ImmutableString],
    ahead: &str,
) -> Option<ImmutableString> {
    if let Some(symbol) = pattern.get(seen.len() - 1) {
        return Some((*symbol).into());
    }
    let begun = seen.len() - 1 - pattern.len();
    let goes_on = begun > 0 || tail.first().is_some_and(|word| *word == ahead);
    tail.get(begun).filter(|_| goes_on).map(|symbol| (*symbol).into())
}
