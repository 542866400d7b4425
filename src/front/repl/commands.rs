//! The commands of the prompt, which begin with a colon, and the questions to the manual.

use std::path::Path;

use super::talk::{Next, Talk};
use super::{save, timeline};
use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::effect::journal::{Filter, Journal};
use crate::front::assist::manual;
use crate::front::printing::print;
use crate::front::runs::{self, Format};
use crate::front::style::{Line, Paint};
use crate::front::{draw, show};
use crate::primitives::FAMILIES;

/// The commands, each with one line on it.
pub(super) const COMMANDS: &[(&str, &str)] = &[
    (":help", "these commands"),
    (":vars", "the variables so far"),
    (":plan", ":plan LINE tells what it would do; :plan on asks before each line that changes something"),
    (":undo", "takes back the last effect; :undo all takes back every one"),
    (":standing", "the changes that stand"),
    (":runs", "the last runs"),
    (":show", ":show RUN: what a run did"),
    (":open", ":open RUN goes on inside a run that failed or was cut off, and looks at any other"),
    (":close", "leaves the run that was opened"),
    (":save", ":save FILE.rhai writes the playbook that did it, without the dead ends"),
    (":timeline", "what happened when; :timeline FILE.md writes it"),
    (":quit", "leaves"),
];

/// Carries out a command.
pub(super) fn carry_out(talk: &mut Talk, text: &str) -> Result<Next> {
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    match name {
        ":help" | ":h" => help(talk),
        ":vars" => variables(talk),
        ":plan" => plan(talk, rest)?,
        ":undo" => undo(talk, rest)?,
        ":standing" => {
            if !talk.tell_what_stands() {
                print("nothing was changed\n");
            }
        }
        ":runs" => list(talk)?,
        ":show" => look(talk, if rest.is_empty() { "last" } else { rest })?,
        ":open" => open(talk, rest)?,
        ":close" => {
            if let Some(prompt) = talk.prompt.take() {
                prompt.close(None)?;
            }
        }
        ":save" => save::save(talk, Path::new(named(rest, ":save incident.rhai")?))?,
        ":timeline" => timeline::timeline(talk, Some(rest).filter(|rest| !rest.is_empty()).map(Path::new))?,
        ":quit" | ":q" | ":exit" => return Ok(Next::Leave),
        _ => {
            let names = COMMANDS.iter().map(|(name, _)| *name);
            return Err(Error::usage(format!("`{name}` is no command of the prompt"))
                .fix(suggest::advice(name, names.collect::<Vec<_>>())));
        }
    }
    Ok(Next::On)
}

fn named<'a>(rest: &'a str, example: &str) -> Result<&'a str> {
    match rest {
        "" => Err(Error::usage("a name is missing").fix(format!("write for example `{example}`"))),
        rest => Ok(rest),
    }
}

fn help(talk: &Talk) {
    let line = |(name, about): &(&str, &str)| {
        Line::default().with(Paint::Bold, *name).padded(12).with(Paint::Plain, *about)
    };
    let lines: Vec<Line> = COMMANDS.iter().map(line).collect();
    print(&draw::text(&lines, talk.style));
}

fn variables(talk: &Talk) {
    let all = talk.prompt.as_ref().map(crate::run::exec::prompt::Prompt::variables).unwrap_or_default();
    if all.is_empty() {
        print("no variables yet\n");
    }
    let line = |one: &crate::run::exec::prompt::Variable| {
        let value = crate::base::text::headline(&one.value.to_string(), 100);
        Line::default().with(Paint::Bold, &one.name).with(Paint::Plain, format!(" = {value}"))
    };
    print(&draw::text(&all.iter().map(line).collect::<Vec<_>>(), talk.style));
}

fn plan(talk: &mut Talk, rest: &str) -> Result<()> {
    match rest {
        "" | "on" => {
            talk.plans = true;
            print("each line that changes something is planned and asked for first; `:plan off` ends that\n");
        }
        "off" => {
            talk.plans = false;
            print("lines are carried out as they come\n");
        }
        line => {
            let planned = talk.prompt()?.plan(line)?;
            talk.show_plan(&planned);
        }
    }
    Ok(())
}

fn undo(talk: &mut Talk, rest: &str) -> Result<()> {
    let is_all = match rest {
        "" => false,
        "all" => true,
        _ => {
            return Err(
                Error::usage(format!("`:undo {rest}` is no way to undo")).fix("write `:undo` or `:undo all`")
            );
        }
    };
    let told = talk.prompt()?.undo(is_all)?;
    if told.is_empty() {
        print("nothing to take back: no line here has changed anything\n");
    }
    let mut failed = None;
    for (what, result) in told {
        match result {
            Ok(()) => {
                let line =
                    Line::default().with(Paint::Good, "↩ ").with(Paint::Plain, format!("taken back: {what}"));
                print(&draw::text(&[line], talk.style));
            }
            Err(error) => {
                let line = Line::default()
                    .with(Paint::Bad, "✘ ")
                    .with(Paint::Plain, format!("not taken back: {what}"));
                print(&draw::text(&[line], talk.style));
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

fn list(talk: &Talk) -> Result<()> {
    let journal = Journal::find(&talk.project.folder)?;
    let filter = Filter { last: Some(20), ..Filter::default() };
    print(&runs::runs(journal.as_ref(), &filter, Format::Text(talk.style))?);
    Ok(())
}

fn look(talk: &Talk, run: &str) -> Result<()> {
    if let Some(prompt) = &talk.prompt {
        // What waits to be written is to be seen too.
        prompt.entries()?;
    }
    let journal = Journal::find(&talk.project.folder)?;
    print(&show::show(journal.as_ref(), run, Format::Text(talk.style))?);
    Ok(())
}

fn open(talk: &mut Talk, rest: &str) -> Result<()> {
    let run = named(rest, ":open last")?;
    look(talk, run)?;
    talk.open(run)?;
    let names: Vec<String> = talk.prompt()?.variables().into_iter().map(|one| one.name).collect();
    let known = if names.is_empty() { "no variables".to_owned() } else { names.join(", ") };
    print(&format!("here the run stands, with {known}; `:close` leaves it as it stood\n"));
    Ok(())
}

/// `?`, `?db`, `?db.query`, `?http.get`, `?step`.
pub(super) fn manual(talk: &Talk, text: &str) -> Result<()> {
    let asked = text.trim_start_matches('?').trim();
    let (first, verb) = asked.split_once('.').unwrap_or((asked, ""));
    let verb = verb.split('(').next().unwrap_or_default();
    if asked.is_empty() {
        help(talk);
        let families: Vec<String> =
            talk.environment.resources.keys().map(|id| format!("{}(\"{}\")", id.family, id.name)).collect();
        print(&format!(
            "\nresources here: {}\n`?FAMILY` tells what can be done with one\n",
            families.join("  ")
        ));
        return Ok(());
    }
    let name = first.split('(').next().unwrap_or(first);
    let of_variable = talk.names.lock().ok().and_then(|names| names.family(name));
    let family = of_variable.as_deref().unwrap_or(name);
    let lines = manual::find(FAMILIES, (family, verb), &talk.environment)?;
    print(&draw::text(&lines, talk.style));
    Ok(())
}
