//! `playbook approve RUN`: an answer at a gate, checked, signed, and left for the run that waits.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::gate;
use super::runs::{Format, json};
use crate::base::error::{Error, Kind, Result};
use crate::base::event::Event;
use crate::base::gate::{Answer, Asked, Waits};
use crate::base::suggest;
use crate::effect::environment::Environment;
use crate::effect::journal::{Journal, RunRecord, State};
use crate::effect::people::Person;
use crate::effect::seal::{self, Checked};
use crate::run::project::Project;
use crate::sys::{clock, environment};

/// What the command line asks for.
#[derive(Debug)]
pub struct Wanted {
    /// The run.
    pub run: String,
    /// The gate, where the run waits at several.
    pub gate: Option<String>,
    /// Yes or no.
    pub approved: bool,
    /// What is said about it.
    pub comment: String,
    /// Who says it, when the login does not tell.
    pub person: Option<String>,
    /// The private key to sign with.
    pub key: Option<PathBuf>,
}

/// A gate at which a run waits.
struct Open {
    position: String,
    asked: Asked,
}

/// Leaves an answer; `journal` is what [`Journal::find`] gave.
pub fn approve(
    project: &Project,
    journal: Option<&Journal>,
    wanted: &Wanted,
    output: Format,
) -> Result<String> {
    let journal = journal.ok_or_else(super::show::nothing)?;
    let record = journal.run(&wanted.run)?;
    let open = open(journal, &record, wanted.gate.as_deref())?;
    let environment = project.environment(Some(&record.facts.environment))?;
    let waits =
        Waits { run: &record.id, gate: &open.position, asked: &open.asked, requester: &record.facts.person };
    let person = entitled(&environment, &waits, wanted.person.as_deref())?;
    in_time(&open.asked)?;
    let answer = answered(&waits, &person, (wanted.approved, wanted.comment.clone()), wanted.key.as_deref())?;
    journal.leave(&answer)?;
    match output {
        Format::Json => json(&json!({ "answer": answer, "asked": open.asked })),
        Format::Text(style) => {
            let facts = &record.facts;
            let parameters: Vec<String> =
                facts.parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            let with = if parameters.is_empty() {
                String::new()
            } else {
                format!(" with {}", parameters.join(", "))
            };
            Ok(format!(
                "{}\nrun {} of {} in {}{with}, begun by {}\n“{}” {}\n",
                gate::answer(&answer, 0).show(style),
                record.id,
                facts.playbook,
                facts.environment,
                facts.person,
                open.asked.name,
                gate::wanted(&open.asked)
            ))
        }
    }
}

/// The gate that is meant, of those at which the run waits.
fn open(journal: &Journal, record: &RunRecord, wanted: Option<&str>) -> Result<Open> {
    if record.state == State::Ended {
        return Err(Error::usage(format!("the run {} has ended", record.id)).fix("see `playbook runs`"));
    }
    let mut gates: Vec<Open> = Vec::new();
    for entry in journal.entries(&record.id)? {
        match entry.event {
            Event::GateOpened { position, asked, .. } => {
                gates.retain(|gate| gate.position != position);
                gates.push(Open { position, asked });
            }
            Event::GateClosed { position, .. } => gates.retain(|gate| gate.position != position),
            _ => {}
        }
    }
    let names: Vec<String> = gates.iter().map(|gate| gate.asked.name.clone()).collect();
    gates.retain(|gate| wanted.is_none_or(|wanted| gate.asked.name == wanted || gate.position == wanted));
    match (gates.pop(), gates.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(Error::usage(format!("the run {} waits at several gates", record.id))
            .fix(format!("name one of them: {}", suggest::list(names.iter().map(String::as_str))))),
        (None, _) if names.is_empty() => Err(Error::usage(format!("the run {} waits at no gate", record.id))
            .fix(format!("`playbook show {}` tells how far it is", record.id))),
        (None, _) => Err(Error::usage(format!("the run {} waits at no such gate", record.id))
            .fix(suggest::advice(wanted.unwrap_or_default(), names.iter().map(String::as_str)))),
    }
}

/// The answer of a person who may give it, signed where they have a key.
pub(super) fn answered(
    waits: &Waits<'_>,
    person: &Person,
    (approved, comment): (bool, String),
    key: Option<&Path>,
) -> Result<Answer> {
    let mut answer = Answer {
        run: waits.run.to_owned(),
        gate: waits.gate.to_owned(),
        name: waits.asked.name.clone(),
        binding: waits.asked.binding.clone(),
        person: person.name.clone(),
        login: environment::person(),
        approved,
        comment,
        at: format!("{:.6}", clock::now()),
        key: person.key.clone(),
        signature: None,
    };
    sign(&mut answer, key)?;
    Ok(answer)
}

/// The person who answers, if they may.
pub(super) fn entitled(environment: &Environment, waits: &Waits<'_>, named: Option<&str>) -> Result<Person> {
    let asked = waits.asked;
    let people = &environment.people;
    let login = environment::person();
    let person = match named {
        Some(name) => people.persons.get(name).ok_or_else(|| {
            Error::missing(format!("`{name}` is no person of playbook.toml"))
                .fix(suggest::advice(name, people.persons.keys().map(String::as_str)))
        })?,
        None => people.known(&login).ok_or_else(|| {
            Error::new(Kind::Denied, format!("`{login}` is no person of playbook.toml"))
                .fix("say who you are with --as NAME, or add yourself: [people.NAME] with `key` and `login`")
        })?,
    };
    let name = &person.name;
    // Without a key the login is all that shows who somebody is.
    if person.key.is_none() && !person.is(&login) {
        return Err(Error::new(Kind::Denied, format!("`{login}` cannot answer for `{name}`"))
            .why(format!("`{name}` has no key, so that only their own login tells that it is them"))
            .fix(format!("answer as `{name}` on their own account, or give [people.{name}] a `key`")));
    }
    if !asked.people.contains(name) {
        let what = format!("`{name}` is not asked at the gate “{}”", asked.name);
        return Err(Error::new(Kind::Denied, what).why(gate::wanted(asked)));
    }
    if !environment.self_approval && people.is_requester(person, waits.requester) {
        let what = format!("`{name}` began this run, and cannot approve it too");
        return Err(Error::new(Kind::Denied, what).fix(format!(
            "ask somebody else; where that is meant: self_approval = true in [env.{}]",
            environment.name
        )));
    }
    Ok(person.clone())
}

fn in_time(asked: &Asked) -> Result<()> {
    let until = asked.until.as_deref().and_then(|until| until.parse::<jiff::Timestamp>().ok());
    if until.is_none_or(|until| clock::now() <= until) {
        return Ok(());
    }
    let until = asked.until.clone().unwrap_or_default();
    Err(Error::timeout(format!("the gate “{}” could be decided until {until}", asked.name))
        .fix("ask for a new run"))
}

/// Signs for somebody who has a key, and makes sure that it is theirs.
fn sign(answer: &mut Answer, with: Option<&Path>) -> Result<()> {
    let Some(key) = answer.key.clone() else { return Ok(()) };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|why| Error::io("the runtime cannot be started", &why))?;
    answer.signature = Some(runtime.block_on(seal::sign(answer, &key, with))?);
    match runtime.block_on(seal::check(answer))? {
        Checked::Good => Ok(()),
        Checked::Unsigned | Checked::Wrong(_) | Checked::Unknown(_) => {
            let what = format!("the key is not the one of `{}` in playbook.toml", answer.person);
            Err(Error::new(Kind::Denied, what).fix(format!(
                "sign with the private half of {}…, or correct [people.{}]",
                key.chars().take(32).collect::<String>(),
                answer.person
            )))
        }
    }
}
