//! What a line shows while it is carried out: its calls and checks, not the line itself, which stands there already.

use std::sync::{Arc, Mutex, PoisonError};

use crate::base::event::{Event, Listener};
use crate::effect::recall::HAND;
use crate::front::terminal::Terminal;

/// The terminal while a line is carried out; between the lines the screen belongs to whoever types.
#[derive(Debug, Default)]
pub(super) struct Stage {
    terminal: Mutex<Option<Arc<Terminal>>>,
}

impl Stage {
    /// From now on what is heard is drawn.
    pub(super) fn begin(&self, color: bool, live: bool) {
        *self.terminal.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Arc::new(Terminal::new(color, live)));
    }

    /// Nothing is drawn any more.
    pub(super) fn end(&self) {
        let terminal = self.terminal.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(terminal) = terminal {
            terminal.close();
        }
    }

    /// Does something else with the terminal meanwhile.
    pub(super) fn aside<R>(&self, other: impl FnOnce() -> R) -> R {
        match self.terminal() {
            Some(terminal) => terminal.aside(other),
            None => other(),
        }
    }

    fn terminal(&self) -> Option<Arc<Terminal>> {
        self.terminal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Listener for Stage {
    fn hear(&self, event: &Event) {
        let is_own = match event {
            Event::StepBegan { position, .. } | Event::StepEnded { position, .. } => {
                position.strip_prefix(HAND).is_some_and(|rest| !rest.contains('/'))
            }
            Event::RunBegan { .. }
            | Event::RunEnded { .. }
            | Event::RunResumed { .. }
            | Event::Suspended { .. } => true,
            _ => false,
        };
        if let Some(terminal) = self.terminal().filter(|_| !is_own) {
            terminal.hear(event);
        }
    }
}
