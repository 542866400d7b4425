//! `playbook repl`: the same primitives by hand, one line after the other, at a prompt or out of a pipe.

mod commands;
mod consent;
mod history;
mod pipe;
mod save;
mod screen;
mod stage;
mod table;
mod talk;
mod timeline;
mod writing;

use std::io::IsTerminal as _;

use clap::Args;

use super::arguments::{Common, Output};
use crate::base::error::Result;
use crate::base::exit::Exit;
use crate::primitives::FAMILIES;
use crate::run::project::Project;
use crate::sys::terminal;
use talk::Talk;

/// What a prompt takes.
#[derive(Args, Clone, Debug)]
pub struct Repl {
    /// The environment of `playbook.toml`.
    #[arg(long, short, env = "PLAYBOOK_ENV", value_name = "NAME")]
    pub env: Option<String>,
    /// Goes on inside this run at once, as `:open` does.
    #[arg(long, value_name = "RUN")]
    pub open: Option<String>,
    /// Changes the environment although it is frozen or closed now; the reason is recorded.
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub break_glass: Option<String>,
}

/// Talks until the person or the pipe ends it.
pub fn repl(common: &Common, wanted: &Repl, allocated: fn() -> usize) -> Result<Exit> {
    let project = Project::open(common.project.as_deref(), FAMILIES)?;
    let mut environment = project.environment(wanted.env.as_deref())?;
    environment.windows.broken.clone_from(&wanted.break_glass);
    let is_screen = std::io::stdin().is_terminal() && terminal::is_there() && common.output == Output::Text;
    let mut talk = Talk::new(common, project, environment, (allocated, is_screen));
    if let Some(run) = &wanted.open {
        talk.open(run)?;
    }
    if is_screen { screen::talk(talk) } else { pipe::talk(talk) }
}
