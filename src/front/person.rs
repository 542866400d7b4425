//! The person at the terminal: a yes or no, and the choice of how a run goes on where it failed.

use std::io::IsTerminal as _;
use std::sync::Arc;

use serde_json::Value;

use super::terminal::Terminal;
use crate::base::decision::{Answer, Choice, Choose, Question};
use crate::base::error::Error;
use crate::run::order::Ask;
use crate::sys::terminal;

/// Whether somebody is there who reads what is written and can answer.
pub(super) fn is_there() -> bool {
    std::io::stdin().is_terminal() && terminal::is_there()
}

/// Asks a yes or no, if there is somebody to ask.
pub(super) fn ask(terminal: &Arc<Terminal>) -> Option<Ask> {
    let terminal = Arc::clone(terminal);
    is_there().then(|| Arc::new(move |question: &str| terminal.aside(|| is_yes(question))) as Ask)
}

fn is_yes(question: &str) -> bool {
    loop {
        // No answer at all, as when the terminal is gone, is no reason to leave things half done.
        let Some(line) = terminal::said(&format!("{question} [Y/n] ")) else { return true };
        match line.trim().to_lowercase().as_str() {
            "" | "y" | "yes" => return true,
            "n" | "no" => return false,
            _ => terminal::write("Type y or n.\n"),
        }
    }
}

/// Lets the person choose how it goes on, if there is somebody.
pub(super) fn choose(terminal: &Arc<Terminal>) -> Option<Choose> {
    let terminal = Arc::clone(terminal);
    is_there().then(|| Arc::new(move |question: &Question| terminal.aside(|| chosen(question))) as Choose)
}

/// Asks what becomes of a run that was cut off and keeps a lock.
pub(super) fn take_over(error: &Error) -> Choice {
    terminal::write(&format!("\n\u{2718} {error}\n\n"));
    terminal::write("  [r] go on with that run\n  [b] take it back\n  [q] leave it as it is\n");
    loop {
        let Some(line) = terminal::said("What becomes of it? ") else { return Choice::Stop };
        match line.trim().to_lowercase().as_str() {
            "r" => return Choice::Retry,
            "b" => return Choice::Rollback,
            "q" => return Choice::Stop,
            _ => terminal::write("Type one of the letters in brackets.\n"),
        }
    }
}

fn chosen(question: &Question) -> Answer {
    terminal::write(&format!("\n\u{2718} {}\n\n", question.error));
    for choice in &question.choices {
        let (key, words) = offer(*choice, &question.what);
        terminal::write(&format!("  [{key}] {words}\n"));
    }
    loop {
        let Some(line) = terminal::said("How does it go on? ") else { return answer(Choice::Stop) };
        let letter = line.trim().to_lowercase();
        let found = question.choices.iter().find(|choice| offer(**choice, "").0 == letter);
        let Some(choice) = found else {
            terminal::write("Type one of the letters in brackets.\n");
            continue;
        };
        match choice {
            Choice::Value => {
                if let Some(value) = value() {
                    return Answer { value, ..answer(Choice::Value) };
                }
            }
            Choice::ByHand => {
                let note = terminal::said("What was done? ").map(|note| note.trim().to_owned());
                return Answer { note: note.filter(|note| !note.is_empty()), ..answer(Choice::ByHand) };
            }
            choice => return answer(*choice),
        }
    }
}

/// The letter of a choice, and what it does.
fn offer(choice: Choice, what: &str) -> (&'static str, String) {
    let what = if what.is_empty() { "it" } else { what };
    match choice {
        Choice::Retry => ("r", "try again; what was only read there is read again".to_owned()),
        Choice::Skip => ("s", format!("skip {what}, and go on")),
        Choice::Value => ("v", format!("give a value in place of {what}, and go on")),
        Choice::ByHand => ("d", "it was done by hand: write a note, and go on".to_owned()),
        Choice::Rollback => ("b", "take back what was done".to_owned()),
        Choice::Stop => ("q", "stop here, and leave everything as it is for `playbook resume`".to_owned()),
        Choice::Leave => ("q", "leave everything as it is".to_owned()),
        Choice::Happened => ("y", "it was done".to_owned()),
        Choice::NotHappened => ("n", "it was not done".to_owned()),
        Choice::Edited => ("e", "go on with the edited playbook".to_owned()),
    }
}

/// A value as the person types it: JSON, and what is no JSON is a text.
fn value() -> Option<Value> {
    let line = terminal::said("Value (a number, true, \"text\", or JSON): ")?;
    let text = line.trim();
    Some(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())))
}

const fn answer(choice: Choice) -> Answer {
    Answer { choice, value: Value::Null, note: None }
}
