//! The terms under which a run that goes on recalls its earlier turns.

use std::sync::Arc;

use super::Intention;
use super::begin::Run;
use crate::base::decision::{Choice, Question};
use crate::base::error::Error;
use crate::base::event::Event;
use crate::effect::recall::{Accept, Frontier, Terms};
use crate::sys::environment;

impl Run {
    /// The terms under which an earlier turn is recalled.
    pub(super) fn terms(&self) -> Terms {
        let mut terms = Terms {
            choose: self.choose.clone(),
            redactor: self.session.pipeline.host.redactor.clone(),
            ..Terms::new(Frontier::GoOn)
        };
        if let Intention::Resume(resumption) = &self.intention {
            terms.on_doubt = resumption.on_doubt;
            terms.accept = self.accept(resumption.accept);
        }
        terms
    }

    /// Whether a changed playbook may go on: because that was said, or because the person says so now.
    fn accept(&self, always: bool) -> Option<Accept> {
        let (choose, session) = (self.choose.clone(), Arc::clone(&self.session));
        (always || choose.is_some()).then(|| {
            Arc::new(move |error: &Error, position: &str| {
                let question = || Question {
                    error: error.clone(),
                    what: String::new(),
                    choices: vec![Choice::Edited, Choice::Stop],
                };
                let answered = || choose.as_ref().map(|choose| choose(&question()).choice);
                let accepted = always || answered() == Some(Choice::Edited);
                let decided = Event::Decided {
                    position: position.to_owned(),
                    what: "the edited playbook".to_owned(),
                    choice: Choice::Edited,
                    by: environment::person(),
                    value: serde_json::Value::Null,
                    note: error.why.clone(),
                };
                accepted && session.record(&decided).is_ok()
            }) as Accept
        })
    }
}
