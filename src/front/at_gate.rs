//! The person at a run's own terminal, asked at a gate: who may answer it does so there, signed like any other answer.

use std::sync::Arc;
use std::time::Duration;

use super::terminal::Terminal;
use super::{approve, gate, person};
use crate::base::error::Result;
use crate::base::gate::{AtTerminal, Said, Waits};
use crate::effect::environment::Environment;
use crate::effect::people::Person;
use crate::sys::environment;
use crate::sys::terminal::{self, Typed};

/// How long a look at the keyboard takes before it is asked whether something else happened.
const LOOK: Duration = Duration::from_millis(300);

/// What a person typed at the question.
#[derive(Clone, Copy)]
enum Key {
    Approve,
    Decline,
    Leave,
}

/// Asks at the gates of a run in `environment`, if there is somebody to ask.
pub(super) fn ask(terminal: &Arc<Terminal>, environment: &Environment) -> Option<AtTerminal> {
    let (terminal, environment) = (Arc::clone(terminal), environment.clone());
    person::is_there().then(|| {
        Arc::new(move |waits: &Waits<'_>, is_news: &dyn Fn() -> bool| {
            // Who may not answer is not asked: the gate's own line says who may.
            let Ok(person) = approve::entitled(&environment, waits, &approve::Who::here(None)) else {
                return Said::Never;
            };
            terminal.aside(|| said(waits, &person, is_news))
        }) as AtTerminal
    })
}

fn said(waits: &Waits<'_>, person: &Person, is_news: &dyn Fn() -> bool) -> Said {
    let (name, asked) = (&waits.asked.name, gate::wanted(waits.asked));
    terminal::write(&format!(
        "\nThe run waits at the gate \u{201c}{name}\u{201d}: it {asked}. You are `{}`.\n",
        person.name
    ));
    terminal::write("  [a] approve   [d] decline   [w] leave it to others\n");
    loop {
        let key = match key(is_news) {
            Ok(key) => key,
            Err(said) => return said,
        };
        match key.map(|approved| answer(waits, person, approved)) {
            None => return Said::Never,
            Some(Ok(answer)) => return answer,
            // Such as a key that cannot be found: the next try may do better, or somebody else.
            Some(Err(error)) => terminal::write(&format!("\n\u{2718} {error}\n\n")),
        }
    }
}

/// Whether they approve; `None` when they leave it to others. An end without any answer stands in the error.
fn key(is_news: &dyn Fn() -> bool) -> Result<Option<bool>, Said> {
    let mut ask = true;
    loop {
        if std::mem::take(&mut ask) {
            terminal::write("Your answer? ");
        }
        match terminal::typed(LOOK) {
            Typed::Gone => return Err(Said::Never),
            Typed::Nothing if is_news() => {
                terminal::write("\n");
                return Err(Said::Nothing);
            }
            Typed::Nothing => {}
            Typed::Line(line) => match read(&line) {
                Some(Key::Approve) => return Ok(Some(true)),
                Some(Key::Decline) => return Ok(Some(false)),
                Some(Key::Leave) => return Ok(None),
                None => {
                    terminal::write("Type one of the letters in brackets.\n");
                    ask = true;
                }
            },
        }
    }
}

fn read(line: &str) -> Option<Key> {
    match line.trim().to_lowercase().as_str() {
        "a" | "approve" => Some(Key::Approve),
        "d" | "decline" => Some(Key::Decline),
        "w" => Some(Key::Leave),
        _ => None,
    }
}

fn answer(waits: &Waits<'_>, person: &Person, approved: bool) -> Result<Said> {
    let comment = terminal::said("Comment (may be empty): ").unwrap_or_default().trim().to_owned();
    let key = environment::variable("PLAYBOOK_KEY").map(std::path::PathBuf::from);
    let answer =
        approve::answered(waits, (person, approve::Who::here(None)), (approved, comment), key.as_deref())?;
    Ok(Said::Answer(Box::new(answer)))
}
