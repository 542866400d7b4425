//! Carries out one command: what it prints, and its exit code.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use super::arguments::{Arguments, Color, Command, Common, Output, Target};
use super::json::Json;
use super::runs::{self, Format};
use super::style::Style;
use super::summary::Summary;
use super::{show, verify};
use crate::base::error::{Error, Result};
use crate::base::event::Listener;
use crate::base::exit::Exit;
use crate::effect::environment::OnFailure;
use crate::effect::journal::{Filter, Journal};
use crate::primitives::FAMILIES;
use crate::run::exec::{self, Intention};
use crate::run::order::{Ask, Audience, Order};
use crate::run::project::Project;
use crate::sys::environment;

/// Carries out a command.
pub fn run(arguments: Arguments, allocated: fn() -> usize) -> Exit {
    let Arguments { command, common } = arguments;
    let done = match command {
        Some(Command::Exec { target, no_rollback, dry_run }) => {
            let intention = if dry_run { Intention::Plan } else { Intention::Apply };
            let on_failure = no_rollback.then_some(OnFailure::Stop);
            perform(&order(&common, target, on_failure), intention, &common, allocated)
        }
        Some(Command::Plan { target }) => {
            perform(&order(&common, target, None), Intention::Plan, &common, allocated)
        }
        Some(Command::Runs { last }) => {
            let filter = Filter { last: Some(last), ..Filter::default() };
            tell(&common, |journal, format| runs::runs(journal, &filter, format))
        }
        Some(Command::Show { run }) => tell(&common, |journal, format| show::show(journal, &run, format)),
        Some(Command::Verify { run }) => {
            tell(&common, |journal, format| verify::verify(journal, run.as_deref(), format))
        }
        _ => Err(Error::usage("not yet")),
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

fn perform(order: &Order, intention: Intention, common: &Common, allocated: fn() -> usize) -> Result<Exit> {
    let ready = order.ready(FAMILIES)?;
    let summary = Arc::new(Summary::default());
    let mut listeners: Vec<Arc<dyn Listener>> = Vec::new();
    match common.output {
        Output::Text => listeners.push(summary.clone()),
        Output::Json => listeners.push(Arc::new(Json::new())),
    }
    let audience = Audience { listeners, ask: person(), allocated: Some(allocated) };
    let ended = exec::exec(&ready, FAMILIES, &audience, intention)?;
    print(&summary.draw(style(common)));
    Ok(ended.exit())
}

/// The person at the terminal, if there is one to ask.
fn person() -> Option<Ask> {
    (std::io::stdin().is_terminal() && std::io::stderr().is_terminal()).then(|| {
        Arc::new(|question: &str| {
            eprint!("{question} [Y/n] ");
            let mut answer = String::new();
            // No answer at all, as when the terminal is gone, is no reason to leave things half done.
            let _ = std::io::stdin().read_line(&mut answer);
            !answer.trim().to_lowercase().starts_with('n')
        }) as Ask
    })
}

fn style(common: &Common) -> Style {
    let color = match common.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stdout().is_terminal() && environment::variable("NO_COLOR").is_none(),
    };
    Style { color, width: None }
}

/// Prints to standard output; whoever closed it early (`| head`) has seen enough.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn complain(error: &Error, common: &Common) {
    match common.output {
        Output::Json => Json::new().error(error),
        Output::Text => eprintln!("error: {error}"),
    }
}
