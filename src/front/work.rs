//! The commands of everyday work: by hand, when files change, in an editor, in a shell.

use clap::Subcommand;

use super::arguments::Common;
#[cfg(feature = "lsp")]
use super::lsp;
use super::printing::print;
#[cfg(feature = "repl")]
use super::repl;
#[cfg(feature = "watch")]
use super::watch;
use super::{completions, definitions, new, test};
use crate::base::error::Result;
use crate::base::exit::Exit;
use crate::primitives::FAMILIES;
use crate::run::project::Project;
use crate::sys::files;

/// A command of everyday work.
#[derive(Debug, Subcommand)]
pub enum Work {
    /// The same primitives by hand: a prompt, or lines out of a pipe, journalled as a run.
    #[cfg(feature = "repl")]
    Repl(repl::Repl),
    /// Writes a project to start from, by four questions or from flags.
    New(new::New),
    /// Runs the team's own tests, `*.test.rhai`, each in a copy of the project with answers in place of systems.
    Test(test::Test),
    /// Prints what Tab completes in a shell.
    Completions(completions::Completions),
    /// Writes every primitive as Rhai definitions, `.rhai/playbook.d.rhai`, which editors read.
    Definitions,
    /// Serves an editor on standard input and output: mistakes, completion, the manual, definitions.
    #[cfg(feature = "lsp")]
    Lsp(lsp::Lsp),
    /// Runs a playbook again when what it is made of changes, in an environment that allows it.
    #[cfg(feature = "watch")]
    Watch(watch::Watch),
}

/// Carries it out.
pub(super) fn work(common: &Common, command: Work, allocated: fn() -> usize) -> Result<Exit> {
    #[cfg(not(feature = "repl"))]
    let _ = allocated;
    match command {
        #[cfg(feature = "repl")]
        Work::Repl(wanted) => repl::repl(common, &wanted, allocated),
        Work::New(wanted) => new::new(common, &wanted),
        Work::Completions(wanted) => {
            print(&completions::completions(wanted));
            Ok(Exit::Done)
        }
        Work::Test(wanted) => test::test(common, &wanted),
        Work::Definitions => define(common),
        #[cfg(feature = "lsp")]
        Work::Lsp(wanted) => lsp::serve(&wanted, common.project.as_deref()),
        #[cfg(feature = "watch")]
        Work::Watch(wanted) => watch::watch(common, &wanted),
    }
}

/// Writes the definitions into the project.
fn define(common: &Common) -> Result<Exit> {
    let project = Project::open(common.project.as_deref(), FAMILIES)?;
    let file = project.folder.join(definitions::FILE);
    files::write_public(&file, definitions::definitions(FAMILIES).as_bytes())?;
    print(&format!("written to {}\n", definitions::FILE));
    Ok(Exit::Done)
}
