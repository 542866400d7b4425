//! `:timeline`: what happened when, as a post-mortem wants it.

use std::path::Path;

use super::talk::Talk;
use crate::base::error::{Error, Result};
use crate::base::event::Event;
use crate::base::outcome::Outcome;
use crate::base::text::{headline, show_duration};
use crate::effect::journal::Entry;
use crate::effect::recall::HAND;
use crate::front::printing::print;
use crate::sys::files;

/// As much of a line as stands in the table.
const LONGEST: usize = 160;

/// Prints the timeline of the run, or writes it into a file.
pub(super) fn timeline(talk: &mut Talk, file: Option<&Path>) -> Result<()> {
    let environment = talk.environment.name.clone();
    let prompt = talk.prompt()?;
    let entries = prompt.entries()?;
    let mut text = format!(
        "Run {} in {environment}, times in UTC.\n\n| time | what | result |\n| --- | --- | --- |\n",
        prompt.id()
    );
    for entry in &entries {
        if let Some((what, result)) = row(entry, &entries) {
            let time = entry.at.strftime("%H:%M:%S");
            let what = headline(&what, LONGEST).replace('|', "\\|");
            text += &format!("| {time} | {what} | {} |\n", result.replace('|', "\\|"));
        }
    }
    match file {
        None => print(&text),
        Some(file) if files::exists(file) => {
            return Err(
                Error::usage(format!("{} is there already", file.display())).fix("choose another name")
            );
        }
        Some(file) => {
            files::write_public(file, text.as_bytes())?;
            print(&format!("written to {}\n", file.display()));
        }
    }
    Ok(())
}

fn row(entry: &Entry, entries: &[Entry]) -> Option<(String, String)> {
    Some(match &entry.event {
        Event::RunBegan { person, .. } => (format!("{person} began"), String::new()),
        Event::RunResumed { person, .. } => (format!("{person} went on with it"), String::new()),
        Event::StepBegan { position, name, .. } => {
            let what = match position.strip_prefix(HAND) {
                Some(rest) if !rest.contains('/') => format!("typed `{name}`"),
                _ => format!("step “{name}”"),
            };
            (what, ended(entries, position))
        }
        Event::EffectBegan { position, effect, plan, call, .. } if !effect.is_read() => {
            (format!("→ {plan} ({})", call.name()), ended(entries, position))
        }
        Event::Judged { name, passed, actual, target, .. } => {
            let result = if *passed == Some(false) { "does not hold" } else { "holds" };
            (format!("check “{name}”: {actual} {target}"), result.to_owned())
        }
        Event::Unwound { what, outcome, error, .. } => {
            let result = match (outcome, error) {
                (Outcome::Done, _) => "taken back".to_owned(),
                (_, Some(error)) => format!("not taken back: {}", error.what),
                _ => "not taken back".to_owned(),
            };
            (format!("↩ {what}"), result)
        }
        Event::Logged { text, .. } => (text.clone(), String::new()),
        Event::GlassBroken { person, reason, .. } => {
            (format!("{person} broke the glass: {reason}"), String::new())
        }
        Event::RunEnded { outcome, error, .. } => {
            let why = error.as_ref().map(|error| format!(": {}", error.what)).unwrap_or_default();
            ("the run ended".to_owned(), format!("{}{why}", outcome.words()))
        }
        _ => return None,
    })
}

/// How what began at `position` ended.
fn ended(entries: &[Entry], position: &str) -> String {
    let found = entries.iter().find_map(|entry| match &entry.event {
        Event::StepEnded { position: at, outcome, took, error, .. }
        | Event::EffectEnded { position: at, outcome, took, error, .. }
            if at == position =>
        {
            Some((outcome, took, error))
        }
        _ => None,
    });
    match found {
        Some((outcome, took, Some(error))) => {
            format!("{} after {}: {}", outcome.words(), show_duration(*took), error.what)
        }
        Some((outcome, took, None)) => format!("{} in {}", outcome.words(), show_duration(*took)),
        None => "not known to have ended".to_owned(),
    }
}
