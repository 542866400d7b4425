//! How a command speaks: with colours or without, on a screen that moves or in plain lines.

use std::io::{IsTerminal as _, Write as _};

use super::arguments::{Color, Common, Output};
use super::json::Json;
use super::style::Style;
use crate::base::error::Error;
use crate::sys::{environment, terminal};

/// Colours and width for standard output.
pub(super) fn style(common: &Common) -> Style {
    Style { color: is_colored(common, std::io::stdout().is_terminal()), width: None }
}

/// Whether what goes to a terminal, or to something else, has colours.
pub(super) fn is_colored(common: &Common, is_terminal: bool) -> bool {
    match common.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let is_unwanted = environment::variable("NO_COLOR").is_some_and(|value| !value.is_empty());
            is_terminal && !is_unwanted && !is_dumb()
        }
    }
}

/// Whether the terminal says that it understands no control codes.
fn is_dumb() -> bool {
    environment::variable("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// A screen moves only where there is one that understands it, and where control codes are welcome.
pub(super) fn is_live(common: &Common) -> bool {
    common.output == Output::Text && terminal::is_there() && !is_dumb() && is_colored(common, true)
}

/// Prints to standard output; whoever closed it early (`| head`) has seen enough.
pub(super) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Says what went wrong, on standard error or as JSON.
pub(super) fn complain(error: &Error, common: &Common) {
    match common.output {
        Output::Json => Json::new().error(error),
        Output::Text => {
            let each: Vec<String> = error.each().map(|error| format!("error: {error}")).collect();
            eprintln!("{}", each.join("\n\n"));
        }
    }
}
