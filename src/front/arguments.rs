//! The command line: its doc comments are the help text.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Runs deployment checklists that are programs: proves what was done, and takes it back when a check fails.
#[derive(Debug, Parser)]
#[command(name = "playbook", version, after_help = "`playbook` alone lists the playbooks of the project.")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// What every command takes.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// The folder of `playbook.toml`; default: the playbook's folder, or the current one, or the nearest above.
    #[arg(long, global = true, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// What is printed: lines for people, or one JSON object per line.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Colours: as the terminal can, always, or never.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Asks nothing, although somebody is at the terminal: where a run fails, its policy decides.
    #[arg(long, global = true, visible_alias = "yes")]
    pub no_input: bool,
    /// Structured log on standard error, as `info`, `debug` or a filter such as `playbook=debug`.
    #[arg(long, global = true, env = "PLAYBOOK_LOG", value_name = "FILTER")]
    pub log: Option<String>,
}

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// What happens with an effect in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Doubt {
    /// It is done again.
    Retry,
    /// It counts as done, without a value.
    Skip,
    /// The run stops.
    Fail,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// As the terminal can.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a playbook, and takes back what it did when it fails.
    #[command(visible_alias = "run")]
    Exec {
        /// The playbook.
        #[command(flatten)]
        target: Target,
        /// Leaves everything as it is when the run fails.
        #[arg(long)]
        no_rollback: bool,
        /// Plans only; the same as `playbook plan`.
        #[arg(long)]
        dry_run: bool,
    },
    /// Tells what a playbook would do, without any effect: reads run, writes are only told.
    Plan {
        /// The playbook.
        #[command(flatten)]
        target: Target,
    },
    /// Goes on with a run that was cut off or that failed: what it did is not done again.
    Resume {
        /// The run's id, the beginning of it, or `last`.
        run: String,
        /// Goes on although the part of the playbook that has run was edited.
        #[arg(long)]
        accept_changes: bool,
        /// What happens with an effect in doubt that nothing settles and whose call does not say.
        #[arg(long, value_enum, value_name = "POLICY")]
        on_doubt: Option<Doubt>,
        /// Leaves everything as it is when the run fails.
        #[arg(long)]
        no_rollback: bool,
    },
    /// Takes back what a run did, newest first, however long ago; refuses where somebody changed it since.
    Rollback {
        /// The run's id, the beginning of it, or `last`.
        run: String,
        /// Only tells what would be taken back.
        #[arg(long)]
        plan: bool,
        /// Takes back what belongs to this resource or call although it was changed since; may be repeated.
        #[arg(long, value_name = "NAME")]
        force: Vec<String>,
    },
    /// Finds everything that can be found without running: names, arguments, resources, grants, options.
    Check {
        /// The playbook.
        #[command(flatten)]
        target: Target,
    },
    /// Lists the runs of this project, newest first.
    Runs {
        /// How many at most.
        #[arg(long, default_value_t = 20, value_name = "N")]
        last: usize,
    },
    /// Shows a run: its steps with durations, checks and effects.
    Show {
        /// The run's id, the beginning of it, or `last`.
        #[arg(default_value = "last")]
        run: String,
    },
    /// Verifies that the journal was not changed since it was written.
    Verify {
        /// The run's id, or all runs.
        run: Option<String>,
    },
    /// Prints the reference of every primitive, generated from their declarations.
    Docs {
        /// Writes it to `docs/reference.md` instead.
        #[arg(long)]
        write: bool,
        /// Fails when `docs/reference.md` is not current.
        #[arg(long, conflicts_with = "write")]
        check: bool,
    },
}

/// A playbook, where, and with what.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// The playbook's file.
    pub playbook: PathBuf,
    /// The environment of `playbook.toml`.
    #[arg(long, short, env = "PLAYBOOK_ENV", value_name = "NAME")]
    pub env: Option<String>,
    /// A parameter of the playbook; may be repeated.
    #[arg(long, short, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
}
