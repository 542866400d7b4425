//! The command line: its doc comments are the help text.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::report::Form;

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
    /// What is printed: lines for people, or JSON. What runs or examines prints one object per line as it goes; what lists
    /// or shows (`runs`, `show`, `locks`, `verify`) one document.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Prints of a run only how it ended and what went wrong. For `exec`, `plan`, `resume`, `rollback`,
    /// `cancel` and `tick`.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Colours: as the terminal can, always, or never.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Asks nothing, although somebody is at the terminal: where a run fails, its policy decides.
    #[arg(long, global = true, visible_alias = "yes")]
    pub no_input: bool,
    /// Nobody looks on: nothing is asked, and nothing is destroyed. For `watch`.
    #[arg(long, global = true, hide = true)]
    pub unattended: bool,
    /// The file of what a test answers in place of systems. For `test`.
    #[arg(long, global = true, hide = true)]
    pub answers: Option<PathBuf>,
    /// Structured log on standard error, as `info`, `debug` or a filter such as `playbook=debug`.
    #[arg(long, global = true, env = "PLAYBOOK_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// The form of the log: lines for people, or one JSON object per line with the ids of run, step and call. Says `--log info`
    /// too, where nothing else is said.
    #[arg(long, global = true, env = "PLAYBOOK_LOG_FORMAT", value_enum, value_name = "FORM")]
    pub log_format: Option<Output>,
}

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Lines for people.
    Text,
    /// JSON: objects, one per line, or one document.
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
    Exec(Exec),
    /// Tells what a playbook would do, without any effect: reads run, writes are only told.
    Plan {
        /// The playbook.
        #[command(flatten)]
        target: Target,
        /// Keeps the plan in a file, so that `exec --plan FILE` can be held to it.
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
    },
    /// The commands of everyday work.
    #[command(flatten)]
    Work(super::work::Work),
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
        /// Goes on although another run changed this resource, or what this call changed, meanwhile; may be repeated.
        #[arg(long, value_name = "NAME")]
        force: Vec<String>,
        /// Ends the process at a gate, and at a wait that is longer than this (a minute when it is not said).
        #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "1m")]
        detach: Option<String>,
    },
    /// Goes on with every run that waits and whose time has come, or whose gate was answered; for cron or a systemd timer.
    Tick,
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
    /// Ends a run that goes on in another terminal, as Ctrl-C does there: it stops, and takes back what it did.
    Cancel {
        /// The run's id, the beginning or end of it, or `last`.
        run: String,
        /// Ends the taking back too, as a second Ctrl-C does: what was done so far stays.
        #[arg(long)]
        force: bool,
        /// Does not wait until the run has ended.
        #[arg(long)]
        no_wait: bool,
    },
    /// Finds everything that can be found without running: names, arguments, resources, grants, options.
    Check {
        /// The playbook.
        #[command(flatten)]
        target: Target,
    },
    /// Looks whether each resource of an environment can be reached and used, and says what to do where not.
    Doctor {
        /// The resources to look at, as `postgres.main`; all of them when left out.
        #[arg(value_name = "RESOURCE")]
        only: Vec<String>,
        /// The environment of `playbook.toml`.
        #[arg(long, short, env = "PLAYBOOK_ENV", value_name = "NAME")]
        env: Option<String>,
        /// How long each may take to answer.
        #[arg(long, default_value = "10s", value_name = "DURATION")]
        timeout: String,
    },
    /// Lists the runs of this project, newest first.
    Runs {
        /// How many at most.
        #[arg(long, short = 'n', visible_alias = "limit", default_value_t = 20, value_name = "N")]
        last: usize,
    },
    /// Shows a run: its steps with durations, checks and effects.
    Show {
        /// The run's id, the beginning of it, or `last`.
        #[arg(default_value = "last")]
        run: String,
    },
    /// Writes the checklist as a run filled it in: steps, checks, gates, times, what was taken back, and room to sign.
    Report {
        /// The run's id, the beginning or end of it, or `last`.
        #[arg(default_value = "last")]
        run: String,
        /// The form: Markdown, one HTML file, JSON, or JUnit XML; else what FILE's name says, else Markdown.
        #[arg(long, value_enum, value_name = "FORM")]
        format: Option<Form>,
        /// Where to; else it is printed.
        #[arg(long = "out", short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Approves a run that waits at a gate, or declines; signed with your ssh key where playbook.toml names one.
    Approve(Approve),
    /// Serves the runs of this project as a live page, with gates to answer, a history and metrics.
    #[cfg(feature = "serve")]
    Serve(Serve),
    /// Lists the locks that runs hold: who, since when, in which step, until when.
    Locks,
    /// Takes a lock away from the run that holds it; who did it and why is recorded.
    Unlock {
        /// The lock's name.
        name: String,
        /// The environment, where the name alone does not tell.
        #[arg(long, short, env = "PLAYBOOK_ENV", value_name = "NAME")]
        env: Option<String>,
        /// Takes it, although its run may go on or be resumed.
        #[arg(long, requires = "reason")]
        force: bool,
        /// Why; it is recorded.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Writes one run as one file that `verify` checks anywhere: record, scripts, approvals with their signatures.
    Bundle {
        /// The run's id, the beginning or end of it, or `last`.
        #[arg(default_value = "last")]
        run: String,
        /// Where to; else `RUN.bundle`.
        #[arg(long = "out", short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Verifies that the journal, or a bundle, was not changed since it was written, and who approved.
    Verify {
        /// The run's id, a bundle's file, or all runs.
        run: Option<String>,
    },
    /// Prints the manual of a family, a primitive or a word of the language, or the reference of all.
    Docs {
        /// What is asked about: `pm2`, `pm2.reload`, `step`; without it the whole reference as Markdown.
        #[arg(conflicts_with_all = ["write", "check"])]
        name: Option<String>,
        /// Writes it to `docs/reference.md` instead.
        #[arg(long)]
        write: bool,
        /// Fails when `docs/reference.md` is not current.
        #[arg(long, conflicts_with = "write")]
        check: bool,
    },
}

/// What a run takes.
#[derive(Args, Clone, Debug)]
pub struct Exec {
    /// The playbook's file; a saved plan names it too.
    #[arg(required_unless_present = "plan")]
    pub playbook: Option<PathBuf>,
    /// The environment of `playbook.toml`.
    #[arg(long, short, env = "PLAYBOOK_ENV", value_name = "NAME")]
    pub env: Option<String>,
    /// A parameter of the playbook; may be repeated.
    #[arg(long, short, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Holds the run to a saved plan: refused when anything that the plan read or would change has moved.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["set", "playbook"])]
    pub plan: Option<PathBuf>,
    /// Leaves everything as it is when the run fails.
    #[arg(long)]
    pub no_rollback: bool,
    /// Plans only; the same as `playbook plan`.
    #[arg(long, conflicts_with = "plan")]
    pub dry_run: bool,
    /// Waits for the lock while another run holds it, without end or for at most so long, as in `--wait=10m`.
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "forever")]
    pub wait: Option<String>,
    /// Ends the process at a gate, and at a wait that is longer than this (a minute when it is not said): `playbook tick` goes on.
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "1m")]
    pub detach: Option<String>,
    /// Changes the environment although it is frozen or closed now; the reason is recorded.
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub break_glass: Option<String>,
}

/// An answer at a gate.
#[derive(Args, Clone, Debug)]
pub struct Approve {
    /// The run's id, the beginning or end of it, or `last`.
    pub run: String,
    /// The gate's name, where the run waits at several.
    pub gate: Option<String>,
    /// Says no.
    #[arg(long)]
    pub decline: bool,
    /// What you say about it; it is recorded.
    #[arg(long, short = 'm', value_name = "TEXT", default_value = "")]
    pub comment: String,
    /// Who you are, when your login does not tell: the name of a table `[people.NAME]`.
    #[arg(long = "as", value_name = "NAME")]
    pub person: Option<String>,
    /// The private key to sign with; else the one in `~/.ssh` or the agent's that belongs to your public key.
    #[arg(long, env = "PLAYBOOK_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,
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

/// Where the page is served.
#[cfg(feature = "serve")]
#[derive(Args, Clone, Debug)]
pub struct Serve {
    /// Where to listen; anything but loopback needs TLS and somebody who may sign in.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// The chain of certificates, PEM.
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// The private key, PEM.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Leaves runs that are due to `playbook tick`.
    #[arg(long)]
    pub no_tick: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Arguments;

    #[test]
    fn no_command_has_an_argument_of_its_own_by_the_name_of_one_that_all_take() {
        let all = Arguments::command();
        let common: Vec<_> = all.get_arguments().filter(|one| one.is_global_set()).collect();
        assert!(common.len() >= 6, "{common:?}");
        let mut commands: Vec<_> = all.get_subcommands().collect();
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands());
            for own in command.get_arguments() {
                let taken = common.iter().any(|one| {
                    one.get_id() == own.get_id()
                        || one.get_long().is_some_and(|long| own.get_long() == Some(long))
                        || one.get_short().is_some_and(|short| own.get_short() == Some(short))
                });
                assert!(!taken, "`{}` takes `{}` of its own", command.get_name(), own.get_id());
            }
        }
    }
}
