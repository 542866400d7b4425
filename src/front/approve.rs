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
use crate::run::reversed;
use crate::sys::{clock, environment, runtime};

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
    /// The person who is signed in to the page, where the answer is given there.
    pub signed_in: Option<String>,
    /// The private key to sign with.
    pub key: Option<PathBuf>,
}

/// Who answers, as far as that is known before the file is asked.
pub(super) struct Who {
    /// What the record says: login name and host, or where they are signed in.
    login: String,
    /// The person of the file that they say they are.
    named: Option<String>,
    /// Whether they are signed in to the page, which has no key of theirs.
    is_on_page: bool,
}

impl Who {
    /// Whoever sits at this machine, by another name where they give one.
    pub(super) fn here(named: Option<&str>) -> Self {
        Self { login: environment::person(), named: named.map(str::to_owned), is_on_page: false }
    }

    /// The person who is signed in to the page.
    fn on_page(name: &str) -> Self {
        Self { login: format!("{name}@page"), named: Some(name.to_owned()), is_on_page: true }
    }
}

/// A gate at which a run waits.
struct Open {
    position: String,
    asked: Asked,
}

/// An answer that was left, and to what.
#[derive(Debug)]
pub struct Decided {
    /// The run that waits.
    pub record: RunRecord,
    /// What was asked.
    pub asked: Asked,
    /// The answer.
    pub answer: Answer,
}

/// Leaves an answer and tells it; `journal` is what [`Journal::find`] gave.
pub fn approve(
    project: &Project,
    journal: Option<&Journal>,
    wanted: &Wanted,
    output: Format,
) -> Result<String> {
    let Decided { record, asked, answer } =
        decide(project, journal.ok_or_else(super::show::nothing)?, wanted)?;
    match output {
        Format::Json => json(&json!({ "answer": answer, "asked": asked })),
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
                asked.name,
                gate::wanted(&asked)
            ))
        }
    }
}

/// Leaves an answer, once it is sure that it may be given.
pub fn decide(project: &Project, journal: &Journal, wanted: &Wanted) -> Result<Decided> {
    let record = journal.run(&wanted.run)?;
    let open = open(journal, &record, wanted.gate.as_deref())?;
    let environment = project.environment(Some(&record.facts.environment))?;
    let waits =
        Waits { run: &record.id, gate: &open.position, asked: &open.asked, requester: &record.facts.person };
    let who = match &wanted.signed_in {
        Some(name) => Who::on_page(name),
        None => Who::here(wanted.person.as_deref()),
    };
    let person = entitled(&environment, &waits, &who)?;
    in_time(&open.asked)?;
    let said = (wanted.approved, wanted.comment.clone());
    let answer = answered(&waits, (&person, who), said, wanted.key.as_deref())?;
    journal.leave(&answer)?;
    Ok(Decided { record, asked: open.asked, answer })
}

/// The gate that is meant, of those at which the run waits.
fn open(journal: &Journal, record: &RunRecord, wanted: Option<&str>) -> Result<Open> {
    if record.state == State::Ended {
        return Err(Error::usage(format!("the run {} has ended", record.id)).fix("see `playbook runs`"));
    }
    reversed::is_not_taken_back(journal, record)?;
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
    (person, who): (&Person, Who),
    (approved, comment): (bool, String),
    key: Option<&Path>,
) -> Result<Answer> {
    let mut answer = Answer {
        run: waits.run.to_owned(),
        gate: waits.gate.to_owned(),
        name: waits.asked.name.clone(),
        binding: waits.asked.binding.clone(),
        person: person.name.clone(),
        login: who.login,
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
pub(super) fn entitled(environment: &Environment, waits: &Waits<'_>, who: &Who) -> Result<Person> {
    let (asked, login) = (waits.asked, who.login.as_str());
    let people = &environment.people;
    let person = match who.named.as_deref() {
        Some(name) => people.persons.get(name).ok_or_else(|| {
            Error::missing(format!("`{name}` is no person of playbook.toml"))
                .fix(suggest::advice(name, people.persons.keys().map(String::as_str)))
        })?,
        None => people.known(login).ok_or_else(|| {
            Error::new(Kind::Denied, format!("`{login}` is no person of playbook.toml"))
                .fix("say who you are with --as NAME, or add yourself: [people.NAME] with `key` and `login`")
        })?,
    };
    let name = &person.name;
    if who.is_on_page && person.key.is_some() {
        let what = format!("`{name}` signs with a key, and a browser has none");
        return Err(Error::new(Kind::Denied, what).fix(format!("run `playbook approve {}`", waits.run)));
    }
    // Without a key the login is all that shows who somebody is.
    if person.key.is_none() && !who.is_on_page && !person.is(login) {
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
    let runtime = runtime::on_this_thread()?;
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
