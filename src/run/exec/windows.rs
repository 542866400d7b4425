//! The windows of an environment at the beginning of a run: asked before the lock, and told.

use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::base::event::Event;
use crate::run::order::Ready;
use crate::script::session::Session;
use crate::sys::clock;

/// Refuses to begin a run that may change its environment, while that may not be changed.
pub(super) fn permit(ready: &Ready) -> Result<()> {
    if ready.header.uses.iter().all(|access| access.effect.is_read()) {
        return Ok(());
    }
    ready.environment.windows.permit(&ready.environment.name, clock::now())
}

/// Records that the glass was broken; a plan tells that the run would be refused now.
pub(super) fn tell(ready: &Ready, session: &Arc<Session>, person: &str) -> Result<()> {
    let closed = ready.environment.windows.closed(&ready.environment.name, clock::now());
    if let Some(reason) = &ready.environment.windows.broken {
        let over = closed.map(|closed| closed.what.clone());
        return session.record(&Event::GlassBroken {
            person: person.to_owned(),
            reason: reason.clone(),
            over,
        });
    }
    match permit(ready) {
        Err(closed) if session.is_planning() => foretell(session, &closed),
        _ => Ok(()),
    }
}

/// Tells in a plan why what it plans would not begin now.
pub(super) fn foretell(session: &Session, refused: &Error) -> Result<()> {
    let why = refused.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let text = format!("it could not be carried out now: {}{why}", refused.what);
    session.record(&Event::Logged { position: String::new(), text })
}
