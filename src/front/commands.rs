//! Carries out one command: what it prints, and its exit code.

use std::io::IsTerminal as _;
use std::path::Path;

use super::arguments::{Approve, Arguments, Command, Common, Output, Target};
use super::assist::manual;
use super::printing::{complain, is_live, print, style};
use super::runs::{self, Format};
use super::style::Style;
use super::{
    again, approve, bundle, cancel, check, docs, doctor, draw, execution, list, locks, report, show, verify,
    work,
};
use crate::base::error::{Error, Kind, Result};
use crate::base::exit::Exit;
use crate::effect::environment::{Environment, OnFailure};
use crate::effect::journal::{Filter, Journal};
use crate::primitives::FAMILIES;
use crate::run::order::Order;
use crate::run::project::Project;
use crate::sys::{environment, terminal};

/// Carries out a command, and says what went wrong.
pub fn run(arguments: Arguments, allocated: fn() -> usize) -> Exit {
    let common = arguments.common.clone();
    let done = hush(&common, arguments.command.as_ref()).and_then(|()| done(arguments, allocated));
    done.unwrap_or_else(|error| {
        complain(&error, &common);
        error.exit()
    })
}

fn done(arguments: Arguments, allocated: fn() -> usize) -> Result<Exit> {
    let Arguments { command, common } = arguments;
    match command {
        Some(Command::Exec(wanted)) => {
            let done = execution::exec(&common, wanted, allocated);
            done.or_else(|error| again::take_over(&common, error, allocated))
        }
        Some(Command::Plan { target, save }) => {
            execution::plan(&order(&common, target), save.as_deref(), &common, allocated)
        }
        Some(Command::Resume { run, accept_changes, on_doubt, no_rollback, detach, force }) => {
            let on_failure = no_rollback.then_some(OnFailure::Stop);
            let wish = again::Wish { accept: accept_changes, on_doubt, on_failure, detach, force };
            again::resume(&common, &run, &wish, allocated)
        }
        Some(Command::Tick) => again::tick(&common, allocated),
        Some(Command::Rollback { run, plan, force }) => {
            again::roll_back(&common, &run, (plan, force), allocated)
        }
        Some(Command::Cancel { run, force, no_wait }) => {
            cancel(&common, &cancel::Wanted { run, force, no_wait, quiet: common.quiet })
        }
        Some(Command::Check { target }) => {
            let style = (common.output == Output::Text).then(|| style(&common));
            check::check(&order(&common, target), FAMILIES, style).map(|(text, exit)| {
                print(&text);
                exit
            })
        }
        Some(Command::Doctor { only, env, timeout }) => {
            let asked = doctor::Asked { environment: env.as_deref(), only: &only, timeout: &timeout };
            examine(&common, &asked)
        }
        Some(Command::Runs { last }) => {
            let filter = Filter { last: Some(last), steps: true, ..Filter::default() };
            tell(&common, |journal, format| runs::runs(journal, &filter, within(format)))
        }
        Some(Command::Show { run }) => tell(&common, |journal, format| show::show(journal, &run, format)),
        Some(Command::Report { run, format, out }) => {
            let machine = (common.output == Output::Json && out.is_none()).then_some(report::Form::Json);
            let wanted = report::Wanted { run, form: format.or(machine), out };
            tell(&common, |journal, _| report::report(journal, &wanted))
        }
        Some(
            told
            @ (Command::Bundle { .. } | Command::Verify { .. } | Command::Locks | Command::Unlock { .. }),
        ) => record(&common, told),
        #[cfg(feature = "serve")]
        Some(Command::Serve(wanted)) => serve(&common, wanted),
        Some(Command::Approve(wanted)) => answer(&common, wanted),
        Some(Command::Docs { name: Some(name), .. }) => manual(&common, &name),
        Some(Command::Docs { write, check, .. }) => docs(write, check),
        Some(Command::Work(wanted)) => work::work(&common, wanted, allocated),
        None => list(&common),
    }
}

/// Ends a run that goes on elsewhere.
fn cancel(common: &Common, wanted: &cancel::Wanted) -> Result<Exit> {
    let project = Project::open(common.project.as_deref(), FAMILIES)?;
    let journal = Journal::find(&project.folder)?;
    cancel::cancel(journal.as_ref(), wanted, format(common), &mut |text| print(text))
}

/// Refuses `--quiet` where nothing could be left out.
fn hush(common: &Common, command: Option<&Command>) -> Result<()> {
    if !common.quiet {
        return Ok(());
    }
    if common.output == Output::Json {
        return Err(Error::usage("`--quiet` and `--output json` do not go together")
            .fix("leave out `--quiet`, and read the event `run_ended`"));
    }
    let runs = matches!(
        command,
        Some(
            Command::Exec(_)
                | Command::Plan { .. }
                | Command::Resume { .. }
                | Command::Tick
                | Command::Rollback { .. }
                | Command::Cancel { .. }
        )
    );
    if runs {
        Ok(())
    } else {
        Err(Error::usage(
            "`--quiet` is for what runs: `exec`, `plan`, `resume`, `rollback`, `cancel`, `tick`",
        )
        .fix("leave it out"))
    }
}

/// What is told of the journal as a whole, or changed in it.
fn record(common: &Common, command: Command) -> Result<Exit> {
    match command {
        Command::Bundle { run, out } => {
            tell(common, |journal, format| bundle::bundle(journal, &run, out.as_deref(), format))
        }
        Command::Verify { run: Some(file) } if verify::is_file(&file) => {
            print(&verify::bundle(Path::new(&file), format(common))?);
            Ok(Exit::Done)
        }
        Command::Verify { run } => {
            tell(common, |journal, format| verify::verify(journal, run.as_deref(), format))
        }
        Command::Unlock { name, env, force, reason } => tell(common, |journal, format| {
            let reason = reason.filter(|_| force);
            let done = locks::unlock(journal, (&name, env.as_deref()), reason.as_deref(), format);
            done.map_err(|error| if force { error } else { by_force(error, &name) })
        }),
        _ => tell(common, locks::locks),
    }
}

/// What is said of a lock that a run holds, with the way that takes it all the same.
fn by_force(mut error: Error, name: &str) -> Error {
    if error.kind == Kind::Held {
        let before = error.fix.as_ref().map(|fix| format!("{fix}; ")).unwrap_or_default();
        error.fix = Some(format!(
            "{before}to take it all the same: `playbook unlock {name} --force --reason \"WHY\"`"
        ));
    }
    error
}

/// Prints what `draw` makes of the project's journal.
fn tell(common: &Common, draw: impl FnOnce(Option<&Journal>, Format) -> Result<String>) -> Result<Exit> {
    let project = Project::open(common.project.as_deref(), FAMILIES)?;
    print(&draw(Journal::find(&project.folder)?.as_ref(), format(common))?);
    Ok(Exit::Done)
}

/// Looks at an environment; what is still waited for stands in one line of the terminal meanwhile.
fn examine(common: &Common, asked: &doctor::Asked<'_>) -> Result<Exit> {
    let project = Project::open(common.project.as_deref(), FAMILIES)?;
    let live = is_live(common);
    let ears = doctor::Ears {
        style: (common.output == Output::Text).then(|| style(common)),
        print: &mut |text| print(text),
        meanwhile: &mut |text| {
            if live {
                let most = terminal::size().0.saturating_sub(1);
                terminal::write(&format!("\r\x1b[2K{}", text.chars().take(most).collect::<String>()));
            }
        },
    };
    doctor::doctor(&project, asked, FAMILIES, ears)
}

/// The same for a table, which is to fit the terminal that it is printed on.
fn within(format: Format) -> Format {
    match format {
        Format::Text(style) if std::io::stdout().is_terminal() => {
            Format::Text(Style { width: Some(terminal::size().0), ..style })
        }
        other => other,
    }
}

fn format(common: &Common) -> Format {
    match common.output {
        Output::Text => Format::Text(style(common)),
        Output::Json => Format::Json,
    }
}

/// Serves the live page until it is told to end.
#[cfg(feature = "serve")]
fn serve(common: &Common, wanted: super::arguments::Serve) -> Result<Exit> {
    let project = Project::open(common.project.as_deref(), FAMILIES)?;
    let wanted = super::web::Wanted {
        listen: wanted.listen,
        certificate: wanted.certificate,
        key: wanted.key,
        no_tick: wanted.no_tick,
    };
    super::web::serve(&project, &wanted, &|address| print(&format!("{address}/\n")))
}

/// Leaves an answer at a gate.
fn answer(common: &Common, wanted: Approve) -> Result<Exit> {
    let project = Project::open(common.project.as_deref(), FAMILIES)?;
    let wanted = approve::Wanted {
        run: wanted.run,
        gate: wanted.gate,
        approved: !wanted.decline,
        comment: wanted.comment,
        person: wanted.person,
        signed_in: None,
        key: wanted.key,
    };
    tell(common, |journal, format| approve::approve(&project, journal, &wanted, format))
}

fn order(common: &Common, target: Target) -> Order {
    Order {
        playbook: target.playbook,
        project: common.project.clone(),
        environment: target.env,
        set: target.set,
        ..Order::default()
    }
}

fn list(common: &Common) -> Result<Exit> {
    let project = Project::open(common.project.as_deref(), FAMILIES)?;
    let listed = list::find(&project);
    print(&match common.output {
        Output::Text => {
            let way = list::way(&project.folder, &environment::current_folder()?);
            list::draw(&project, &way, &listed, style(common))
        }
        Output::Json => format!("{}\n", list::json(&project, &listed)),
    });
    Ok(Exit::Done)
}

/// Prints what the manual has on one thing.
fn manual(common: &Common, name: &str) -> Result<Exit> {
    let (family, verb) = name.split_once('.').unwrap_or((name, ""));
    let lines = manual::find(FAMILIES, (family, verb), &Environment::default())?;
    print(&draw::text(&lines, style(common)));
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
