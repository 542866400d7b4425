//! The prompt on a terminal: keys, history, completion; Ctrl-C clears the line, Ctrl-D says what stands and leaves.

use std::sync::{Arc, Mutex};

use reedline::{
    ColumnarMenu, EditCommand, Emacs, KeyCode, KeyModifiers, MenuBuilder as _, Reedline, ReedlineEvent,
    ReedlineMenu, Signal, default_emacs_keybindings,
};

use super::history::{Clean, Discreet};
use super::talk::{Next, Talk};
use super::writing::{Before, Colours, Whole, Words};
use crate::base::error::Result;
use crate::base::exit::Exit;
use crate::sys::terminal;

/// Talks with the person until they leave.
pub(super) fn talk(mut talk: Talk) -> Result<Exit> {
    let clean: Clean = Arc::new(Mutex::new(None));
    let mut editor = editor(&talk, &clean)?;
    terminal::write(&talk.greeting());
    loop {
        let before = Before {
            environment: talk.environment.name.clone(),
            guarded: talk.environment.guarded,
            run: talk.opened(),
        };
        let signal = editor.read_line(&before);
        let next = match signal {
            Ok(Signal::Success(line)) => {
                let next = talk.take(&line);
                talk.learn(&clean);
                let _ = editor.sync_history();
                next
            }
            Ok(Signal::CtrlC) => Next::On,
            Ok(Signal::CtrlD) => Next::Leave,
            // The terminal or the process is about to go.
            _ => return talk.end().map(|_| Exit::Interrupted),
        };
        if matches!(next, Next::Leave) && talk.may_leave() {
            return talk.end().map(|_| Exit::Done);
        }
    }
}

fn editor(talk: &Talk, clean: &Clean) -> Result<Reedline> {
    let color = talk.style.color;
    let mut keys = default_emacs_keybindings();
    let menu = ReedlineEvent::UntilFound(vec![
        ReedlineEvent::Menu("completion".to_owned()),
        ReedlineEvent::MenuNext,
    ]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, menu);
    let newline = ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
    keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, newline);
    let menu = ColumnarMenu::default().with_name("completion").with_columns(4).with_column_padding(2);
    let history = Discreet::open(&talk.project.folder, &talk.environment.name, Arc::clone(clean))?;
    let words = Words { names: Arc::clone(&talk.names), environment: talk.environment.clone() };
    Ok(Reedline::create()
        .with_history(Box::new(history))
        .with_history_exclusion_prefix(Some(" ".to_owned()))
        .with_validator(Box::new(Whole))
        .with_highlighter(Box::new(Colours { names: Arc::clone(&talk.names), color }))
        .with_completer(Box::new(words))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_break_signal(Arc::clone(&talk.over))
        .with_ansi_colors(color)
        .use_bracketed_paste(true))
}
