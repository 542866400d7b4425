//! What helps while a line is written: whether it goes on in the next, its colours, and what may follow.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use nu_ansi_term::{Color, Style};
use reedline::{
    Completer, CompletionResult, Highlighter, Prompt, PromptEditMode, PromptHistorySearch, Span, StyledText,
    Suggestion, ValidationResult, Validator,
};

use super::commands::COMMANDS;
use crate::effect::environment::Environment;
use crate::effect::family;
use crate::front::assist::WORDS;
use crate::front::assist::cursor::{self, Place};
use crate::front::assist::scan::{Scan, Sort};
use crate::front::assist::suggest::{Known, suggestions};
use crate::primitives::FAMILIES;

/// What the lines so far have made: names, each with one line on it and its family, and the runs that may be opened.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Variables and functions.
    pub(super) all: Vec<(String, String)>,
    /// The families of the handles among them.
    pub(super) families: Vec<(String, String)>,
    /// Ids of runs, newest first.
    pub(super) runs: Vec<String>,
}

/// The names, shared with whoever changes them.
pub(super) type Shared = Arc<Mutex<Names>>;

/// Whether a line is whole.
pub(super) struct Whole;

impl Validator for Whole {
    fn validate(&self, line: &str) -> ValidationResult {
        if is_whole(line) { ValidationResult::Complete } else { ValidationResult::Incomplete }
    }
}

/// Whether nothing has to follow.
pub(super) fn is_whole(line: &str) -> bool {
    line.trim_start().starts_with([':', '?']) || !Scan::of(line).is_open()
}

/// Colours a line.
pub(super) struct Colours {
    pub(super) names: Shared,
    pub(super) color: bool,
}

impl Highlighter for Colours {
    fn highlight(&self, line: &str, _: usize) -> StyledText {
        let mut text = StyledText::new();
        if !self.color {
            text.push((Style::new(), line.to_owned()));
            return text;
        }
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        for (sort, range) in Scan::of(line).parts {
            let part = &line[range.clone()];
            let style = match sort {
                Sort::Text => Style::new().fg(Color::Green),
                Sort::Comment => Style::new().dimmed(),
                Sort::Number => Style::new().fg(Color::Purple),
                Sort::Word if line[..range.start].ends_with('.') => {
                    method(&line[..range.start], part, &names)
                }
                Sort::Word if WORDS.iter().any(|(word, _)| *word == part) => Style::new().bold(),
                Sort::Word if family::find(FAMILIES, part).is_some() => Style::new().fg(Color::Cyan),
                Sort::Word | Sort::Other => Style::new(),
            };
            text.push((style, part.to_owned()));
        }
        text
    }
}

/// A method that there is not is underlined.
fn method(before: &str, verb: &str, names: &Names) -> Style {
    let handle = before.trim_end_matches('.');
    let family = cursor::receiver(handle, FAMILIES, &|name| names.family(name));
    match family.and_then(|family| family::find(FAMILIES, &family)) {
        Some(family) if family.entry(verb).is_some() => Style::new().fg(Color::Cyan),
        Some(family) if !family.entries.iter().any(|entry| entry.name.starts_with(verb)) => {
            Style::new().fg(Color::Red).underline()
        }
        _ => Style::new(),
    }
}

impl Names {
    /// The family of a handle.
    pub(super) fn family(&self, name: &str) -> Option<String> {
        self.families.iter().find(|(have, _)| have == name).map(|(_, family)| family.clone())
    }
}

/// Completes a word.
pub(super) struct Words {
    pub(super) names: Shared,
    pub(super) environment: Environment,
}

impl Completer for Words {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let before = line.get(..position).unwrap_or(line);
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let start = before.len() - before.trim_start_matches('?').len();
        let at = cursor::at(&before[start..], FAMILIES, &|name| names.family(name));
        let (from, found): (usize, Vec<(String, String)>) = if at.place == Place::Command {
            let commands = COMMANDS.iter().filter(|(name, _)| name.starts_with(&at.word));
            (0, commands.map(|(name, about)| ((*name).to_owned(), (*about).to_owned())).collect())
        } else if let Some(part) = before.strip_prefix(":open ").or_else(|| before.strip_prefix(":show ")) {
            let runs = names.runs.iter().filter(|run| run.starts_with(part));
            (before.len() - part.len(), runs.map(|run| (run.clone(), String::new())).collect())
        } else {
            let known = Known { families: FAMILIES, environment: Some(&self.environment), names: &names.all };
            let all = suggestions(&at, known);
            (start + at.from, all.into_iter().map(|one| (one.text, one.about)).collect())
        };
        let suggestion = |(value, about): (String, String)| Suggestion {
            value,
            description: Some(about).filter(|about| !about.is_empty()),
            span: Span { start: from, end: position },
            ..Suggestion::default()
        };
        CompletionResult::fresh(found.into_iter().map(suggestion).collect::<Vec<_>>())
    }
}

/// What stands before a line: the environment, and the run that is gone on with.
pub(super) struct Before {
    pub(super) environment: String,
    pub(super) guarded: bool,
    pub(super) run: Option<String>,
}

impl Prompt for Before {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        match &self.run {
            Some(run) => format!("{} [{run}]", self.environment).into(),
            None => Cow::Borrowed(&self.environment),
        }
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed(if self.guarded { "guarded" } else { "" })
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("> ")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("… ")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        format!("(search: {}) ", search.term).into()
    }

    fn get_prompt_color(&self) -> Color {
        if self.guarded { Color::Red } else { Color::Green }
    }
}
