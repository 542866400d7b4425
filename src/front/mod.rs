//! What people and machines outside see: the command line, the terminal, JSON, the summary.

pub mod arguments;
pub mod commands;
pub mod docs;
pub mod draw;
pub mod json;
pub mod list;
pub mod runs;
pub mod show;
pub mod style;
pub mod summary;
pub mod terminal;
pub mod tree;
pub mod verify;

use std::ffi::OsString;

use clap::Parser as _;

use crate::base::exit::Exit;

/// Runs one command line from its first word to its exit code. `allocated` tells how many bytes the process has
/// allocated: only the binary owns its allocator.
pub fn main(arguments: impl IntoIterator<Item = OsString>, allocated: fn() -> usize) -> Exit {
    match arguments::Arguments::try_parse_from(arguments) {
        Ok(arguments) => commands::run(arguments, allocated),
        Err(refused) => {
            let _ = refused.print();
            if refused.use_stderr() { Exit::Usage } else { Exit::Done }
        }
    }
}
