//! What people and machines outside see: the command line, the terminal, JSON, the summary.

mod again;
mod at_gate;
mod person;
mod plan;
mod printing;
mod refused;
mod ways;

pub mod approve;
pub mod arguments;
pub mod assist;
pub mod bundle;
pub mod cancel;
pub mod check;
pub mod commands;
pub mod completions;
pub mod definitions;
pub mod docs;
pub mod doctor;
pub mod draw;
pub mod execution;
pub mod gate;
pub mod json;
pub mod list;
pub mod locks;
pub mod log;
#[cfg(feature = "lsp")]
pub mod lsp;
pub mod new;
#[cfg(feature = "repl")]
pub mod repl;
pub mod report;
pub mod runs;
pub mod show;
pub mod style;
pub mod summary;
#[cfg(feature = "telemetry")]
pub mod telemetry;
pub mod terminal;
pub mod test;
pub mod timeline;
pub mod tree;
pub mod verify;
#[cfg(feature = "watch")]
pub mod watch;
#[cfg(feature = "serve")]
pub mod web;
pub mod work;

use std::ffi::OsString;

use clap::Parser as _;

use crate::base::exit::Exit;

/// Runs one command line from its first word to its exit code. `allocated` tells how many bytes the process has
/// allocated: only the binary owns its allocator.
pub fn main(arguments: impl IntoIterator<Item = OsString>, allocated: fn() -> usize) -> Exit {
    let line = as_command(arguments.into_iter().collect());
    match arguments::Arguments::try_parse_from(&line) {
        Ok(arguments) => commands::run(arguments, allocated),
        Err(refused) if refused.use_stderr() => {
            refused::say(&refused, &line);
            Exit::Usage
        }
        Err(help) => {
            let _ = help.print();
            Exit::Done
        }
    }
}

/// `playbook deploy.rhai` is `playbook exec deploy.rhai`: so a `#!/usr/bin/env playbook` line makes a playbook a command.
fn as_command(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let is_playbook = arguments.get(1).is_some_and(|first| {
        std::path::Path::new(first).extension().is_some_and(|extension| extension == "rhai")
    });
    if is_playbook {
        arguments.insert(1, "exec".into());
    }
    arguments
}
