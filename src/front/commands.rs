//! Carries out one command: what it prints, and its exit code.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use super::arguments::{Arguments, Color, Command, Common, Output, Target};
use super::json::Json;
use super::runs::{self, Format};
use super::style::Style;
use super::summary::Summary;
use super::terminal::Terminal;
use super::{again, check, docs, list, log, person, show, verify};
use crate::base::error::{Error, Result};
use crate::base::event::Listener;
use crate::base::exit::Exit;
use crate::effect::environment::OnFailure;
use crate::effect::journal::{Filter, Journal};
use crate::primitives::FAMILIES;
use crate::run::exec::{self, Intention};
use crate::run::order::{Audience, Order, Ready};
use crate::run::project::Project;
use crate::sys::{environment, terminal};

/// Carries out a command.
pub fn run(arguments: Arguments, allocated: fn() -> usize) -> Exit {
    let Arguments { command, common } = arguments;
    let done = match command {
        Some(Command::Exec { target, no_rollback, dry_run }) => {
            let intention = if dry_run { Intention::Plan } else { Intention::Apply };
            let on_failure = no_rollback.then_some(OnFailure::Stop);
            perform(&order(&common, target, on_failure), &intention, &common, allocated)
        }
        Some(Command::Plan { target }) => {
            perform(&order(&common, target, None), &Intention::Plan, &common, allocated)
        }
        Some(Command::Resume { run, accept_changes, on_doubt, no_rollback }) => {
            let wish = again::Wish {
                accept: accept_changes,
                on_doubt,
                on_failure: no_rollback.then_some(OnFailure::Stop),
            };
            again::resume(&common, &run, &wish, allocated)
        }
        Some(Command::Rollback { run, plan, force }) => {
            again::roll_back(&common, &run, (plan, force), allocated)
        }
        Some(Command::Check { target }) => {
            let style = (common.output == Output::Text).then(|| style(&common));
            check::check(&order(&common, target, None), FAMILIES, style).map(|(text, exit)| {
                print(&text);
                exit
            })
        }
        Some(Command::Runs { last }) => {
            let filter = Filter { last: Some(last), ..Filter::default() };
            tell(&common, |journal, format| runs::runs(journal, &filter, format))
        }
        Some(Command::Show { run }) => tell(&common, |journal, format| show::show(journal, &run, format)),
        Some(Command::Verify { run }) => {
            tell(&common, |journal, format| verify::verify(journal, run.as_deref(), format))
        }
        Some(Command::Docs { write, check }) => docs(write, check),
        None => list(&common),
    };
    done.unwrap_or_else(|error| {
        complain(&error, &common);
        error.exit()
    })
}

/// Prints what `draw` makes of the project's journal.
fn tell(common: &Common, draw: impl FnOnce(Option<&Journal>, Format) -> Result<String>) -> Result<Exit> {
    let project = Project::open(common.project.as_deref(), FAMILIES)?;
    let format = match common.output {
        Output::Text => Format::Text(style(common)),
        Output::Json => Format::Json,
    };
    print(&draw(Journal::find(&project.folder)?.as_ref(), format)?);
    Ok(Exit::Done)
}

fn order(common: &Common, target: Target, on_failure: Option<OnFailure>) -> Order {
    Order {
        playbook: target.playbook,
        project: common.project.clone(),
        environment: target.env,
        set: target.set,
        on_failure,
    }
}

fn perform(order: &Order, intention: &Intention, common: &Common, allocated: fn() -> usize) -> Result<Exit> {
    carry_out(&order.ready(FAMILIES)?, intention, common, allocated)
}

/// Carries out what is ready, before the eyes of who wanted it.
pub(super) fn carry_out(
    ready: &Ready,
    intention: &Intention,
    common: &Common,
    allocated: fn() -> usize,
) -> Result<Exit> {
    let summary = Arc::new(Summary::naming(elsewhere(&ready.folder)));
    let terminal = Arc::new(Terminal::new(is_colored(common, terminal::is_there()), is_live(common)));
    let mut listeners: Vec<Arc<dyn Listener>> = Vec::new();
    match common.output {
        Output::Text => {
            listeners.push(terminal.clone());
            listeners.push(summary.clone());
        }
        Output::Json => listeners.push(Arc::new(Json::new())),
    }
    listeners.extend(log::begin(common)?);
    let is_asked = !common.no_input && common.output == Output::Text;
    let audience = Audience {
        listeners,
        ask: person::ask(&terminal).filter(|_| !common.no_input),
        choose: person::choose(&terminal).filter(|_| is_asked && !intention.is_plan()),
        allocated: Some(allocated),
    };
    let ended = exec::exec(ready, FAMILIES, &audience, intention)?;
    terminal.close();
    print(&summary.draw(style(common)));
    Ok(ended.exit())
}

/// The project's folder as the reader names it, when the reader does not stand in it.
fn elsewhere(project: &Path) -> Option<String> {
    let here = environment::current_folder().ok()?;
    let name = project.strip_prefix(&here).unwrap_or(project);
    (!here.starts_with(project)).then(|| name.display().to_string())
}

fn list(common: &Common) -> Result<Exit> {
    let project = Project::open(common.project.as_deref(), FAMILIES)?;
    let listed = list::find(&project);
    print(&match common.output {
        Output::Text => list::draw(&project, &listed, style(common)),
        Output::Json => format!("{}\n", list::json(&project, &listed)),
    });
    Ok(Exit::Done)
}

fn docs(write: bool, check: bool) -> Result<Exit> {
    match (write, check) {
        (true, _) => docs::write(&environment::current_folder()?, FAMILIES)?,
        (_, true) => docs::check(&environment::current_folder()?, FAMILIES)?,
        (false, false) => print(&docs::reference(FAMILIES)),
    }
    Ok(Exit::Done)
}

fn style(common: &Common) -> Style {
    Style { color: is_colored(common, std::io::stdout().is_terminal()), width: None }
}

fn is_colored(common: &Common, is_terminal: bool) -> bool {
    match common.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => is_terminal && environment::variable("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

/// A screen moves only where there is one that understands it, and where control codes are welcome.
fn is_live(common: &Common) -> bool {
    let dumb = environment::variable("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    common.output == Output::Text && terminal::is_there() && !dumb && is_colored(common, true)
}

/// Prints to standard output; whoever closed it early (`| head`) has seen enough.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn complain(error: &Error, common: &Common) {
    match common.output {
        Output::Json => Json::new().error(error),
        Output::Text => {
            let each: Vec<String> = error.each().map(|error| format!("error: {error}")).collect();
            eprintln!("{}", each.join("\n\n"));
        }
    }
}
