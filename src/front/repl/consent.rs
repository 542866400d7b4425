//! In a guarded environment each change is named, and begins only when the person says yes.

use std::sync::{Arc, Mutex};

use super::stage::Stage;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Kind, Result};
use crate::effect::consent::{Consent, Wanted};
use crate::front::style::{Line, Paint, Style};
use crate::script::here;
use crate::sys::terminal;

/// Asks before each change; where nobody is there to say yes, none begins.
pub(super) fn ask(environment: &str, stage: &Arc<Stage>, is_somebody: bool, color: bool) -> Consent {
    let (environment, stage, turn) = (environment.to_owned(), Arc::clone(stage), Mutex::new(()));
    Arc::new(move |wanted: &Wanted<'_>| {
        // One question at a time: branches may want something at once.
        let _turn = turn.lock();
        let what = format!("`{}` is not done in the guarded environment `{environment}`", wanted.call);
        if !is_somebody {
            return Err(Error::denied(what)
                .why(format!("{}, and nobody is at the terminal to say yes", wanted.plan))
                .fix("type the line at a terminal, or write a playbook and run it with `playbook exec`"));
        }
        let text = question(&environment, wanted, Style { color, width: None });
        let answer = stage.aside(|| terminal::answer(&text, &|| here::stop().is_given()));
        match answer.as_deref().map(|answer| answer.trim().to_lowercase()).as_deref() {
            Some("y" | "yes") => Ok(()),
            _ => declined(what, wanted.plan),
        }
    })
}

fn declined(what: String, plan: &str) -> Result<()> {
    Err(Error::new(Kind::Declined, what).why(format!("the answer to “{plan}” was no")).unchanged())
}

fn question(environment: &str, wanted: &Wanted<'_>, style: Style) -> String {
    let back = match wanted.inverse {
        Inverse::Call(call) => format!("taken back by `{call}`"),
        Inverse::Nothing => "there is nothing to take back".to_owned(),
        Inverse::Block => "taken back by the rollback block of its step".to_owned(),
        Inverse::Refused { why } => format!("it would not be begun: {why}"),
        Inverse::None { why } => format!("CANNOT be taken back: {why}"),
    };
    let (paint, word) = match wanted.effect {
        Effect::Destroy => (Paint::Bad, "destroys"),
        _ => (Paint::Warn, "changes"),
    };
    let line = Line::default()
        .with(paint, format!("{environment} is guarded. This {word}: "))
        .with(Paint::Bold, wanted.plan)
        .with(Paint::Dim, format!("  ({}, {back})", wanted.call));
    format!("{}\nDo it? [y/N] ", line.show(style))
}
