//! `gate("Go / No-Go", #{ approvers: […] })`: a place where people decide before a run goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use rhai::{Engine, Map, NativeCallContext};
use serde::Deserialize;
use serde_json::Value;

use crate::base::clock::Reading;
use crate::base::error::{Error, Kind, Result};
use crate::base::event::Event;
use crate::base::gate::{Answer, Asked, AtTerminal, GateEnd, OnTimeout, Said, Waits};
use crate::base::{suggest, text};
use crate::effect::journal::Journal;
use crate::effect::people::{People, Standing};
use crate::effect::pipeline::Mode;
use crate::effect::recall::{Asked as Recalled, Record};
use crate::effect::seal::{self, Bound, Checked};
use crate::script::session::Session;
use crate::script::{here, traces, values};
use crate::sys::clock;

/// How often a run that waits looks for answers.
const LOOK: Duration = Duration::from_millis(300);

/// The options of a gate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    approvers: Vec<String>,
    quorum: Option<usize>,
    within: Option<String>,
    #[serde(default)]
    on_timeout: OnTimeout,
}

/// The names of the options.
const OPTIONS: &[&str] = &["approvers", "quorum", "within", "on_timeout"];

/// Teaches the engine the function.
pub(super) fn register(engine: &mut Engine, session: &Arc<Session>) {
    let session = Arc::clone(session);
    engine.register_fn(
        "gate",
        move |context: NativeCallContext, name: &str, options: Map| -> traces::Raised<bool> {
            let opened = values::to_json(&options.into()).and_then(|options| gate(&session, name, &options));
            opened.map_err(|error| {
                if !error.kind.is_catchable() {
                    here::end(error.clone());
                }
                traces::raise(error, context.call_position())
            })
        },
    );
}

/// What a gate asks by its options, without its deadline and binding; a mistake in them says what to write.
pub fn asked(name: &str, options: &Value, people: &People) -> Result<(Asked, Option<Duration>)> {
    let example = "gate(\"Go / No-Go\", #{ approvers: [\"release\"], quorum: 1, within: \"2h\", on_timeout: \"fail\" })";
    let keys = options.as_object().into_iter().flat_map(|map| map.keys());
    if let Some(key) = keys.into_iter().find(|key| !OPTIONS.contains(&key.as_str())) {
        return Err(Error::usage(format!("`{key}` is no option of a gate"))
            .fix(suggest::advice(key, OPTIONS.iter().copied())));
    }
    if options.get("approvers").is_none() {
        return Err(Error::usage("this gate does not say who may approve")
            .fix(format!("name people or groups of playbook.toml: {example}")));
    }
    let options = Options::deserialize(options).map_err(|why| {
        Error::usage("the options of this gate are wrong")
            .why(why.to_string())
            .fix(format!("write for example {example}"))
    })?;
    let within = options.within.as_deref().map(text::parse_duration).transpose()?;
    let mut all = BTreeSet::new();
    for approver in &options.approvers {
        let Some(meant) = people.meant(approver) else {
            let error = Error::usage(format!("`{approver}` is no person and no group of playbook.toml"));
            let add = format!("add [people.{approver}] or [groups.{approver}] to playbook.toml");
            let known = people.names();
            return Err(error.fix(match known.clone().next() {
                Some(_) => format!("{}, or {add}", suggest::advice(approver, known)),
                None => add,
            }));
        };
        all.extend(meant.into_iter().map(str::to_owned));
    }
    let quorum = options.quorum.unwrap_or(options.approvers.len());
    if quorum == 0 || quorum > all.len() {
        let what = format!("{quorum} people cannot approve: {} may", all.len());
        return Err(Error::usage(what)
            .fix("name the people in `approvers`, and in `quorum` how many of them are needed"));
    }
    let asked = Asked {
        name: name.to_owned(),
        approvers: options.approvers,
        people: all.into_iter().collect(),
        quorum,
        until: None,
        on_timeout: options.on_timeout,
        binding: String::new(),
    };
    Ok((asked, within))
}

/// What people decide on: whatever of it moves, their answers fall.
fn binding(session: &Session, asked: &Asked, position: &str) -> String {
    let fact = |name: &str| session.facts.get(name).and_then(Value::as_str).unwrap_or_default();
    let bound = Bound {
        environment: fact("environment"),
        playbook: fact("playbook"),
        script: &session.digest,
        plan: session.plan.as_deref(),
        parameters: &session.parameters,
    };
    bound.hash(asked, position)
}

fn gate(session: &Session, name: &str, options: &Value) -> Result<bool> {
    let environment = &session.pipeline.host.environment;
    let name = &session.pipeline.host.redactor.text(name);
    let (mut asked, within) = asked(name, options, &environment.people)?;
    let position = here::next();
    asked.binding = binding(session, &asked, &position);
    let recorded = session.recall(&position, &Recalled::Gate(name))?;
    let (clock, answers) = match past(session, recorded, &mut asked)? {
        Past::Over(passed) => return Ok(passed),
        Past::Open(clock, answers) => (clock, answers),
        Past::None => (open(session, &position, &mut asked, within)?, Vec::new()),
    };
    let Mode::Apply(journal) = &session.pipeline.mode else { return Ok(true) };
    journal.flush()?;
    let (before, begin) = (clock.until(&clock::reading()), clock::instant());
    let wait = Waiting { session, run: journal.id().to_owned(), position, asked, within, before, begin };
    let resting = session.idle.begin();
    let result = wait.decided(answers);
    drop(resting);
    let end = match &result {
        Err(error) if error.kind == Kind::Suspended => return result,
        Ok(true) => GateEnd::Approved,
        Err(error) if error.kind == Kind::Declined => GateEnd::Declined,
        Ok(false) => GateEnd::TimedOut,
        Err(error) if error.kind == Kind::Timeout => GateEnd::TimedOut,
        Err(_) => GateEnd::Stopped,
    };
    let Waiting { position, asked, .. } = wait;
    let took = before + begin.elapsed();
    session.record(&Event::GateClosed { position, name: asked.name, end, took })?;
    result
}

/// Asks: records what, of whom, and until when.
fn open(session: &Session, position: &str, asked: &mut Asked, within: Option<Duration>) -> Result<Reading> {
    let clock = clock::reading();
    let later = within.and_then(|within| SignedDuration::try_from(within).ok());
    asked.until =
        later.and_then(|later| clock.wall.checked_add(later).ok()).map(|until| format!("{until:.0}"));
    session.record(&Event::GateOpened {
        position: position.to_owned(),
        asked: asked.clone(),
        clock: Some(clock.clone()),
    })?;
    Ok(clock)
}

/// What an earlier turn of the run knows of a gate.
enum Past {
    /// Nothing that counts: it is asked anew.
    None,
    /// It was asked, then both clocks showed this, and these answered.
    Open(Reading, Vec<Answer>),
    /// It was decided.
    Over(bool),
}

/// What was recorded of a gate, as far as it was about what the run still is: else the answers fall.
fn past(session: &Session, recorded: Option<Record>, asked: &mut Asked) -> Result<Past> {
    let Some(Record::Gate { opened, answers, closed }) = recorded else { return Ok(Past::None) };
    let Event::GateOpened { asked: then, clock, .. } = &opened else { return Ok(Past::None) };
    let is_looking = session.pipeline.recall.is_only_looking();
    if !is_looking && then.binding != asked.binding {
        let text = format!(
            "the gate “{}” is asked anew: the playbook, or what it asks, was edited since, and no answer from before counts",
            asked.name
        );
        session.record(&Event::Logged { position: String::new(), text })?;
        return Ok(Past::None);
    }
    let over = match closed.as_deref() {
        Some(Event::GateClosed { end: GateEnd::Approved, .. }) => Some(true),
        Some(Event::GateClosed { end: GateEnd::TimedOut, .. }) if then.on_timeout == OnTimeout::Continue => {
            Some(false)
        }
        None => None,
        // It was declined, or stopped, and whoever goes on with the run asks again.
        Some(_) if !is_looking => return Ok(Past::None),
        Some(_) => None,
    };
    if is_looking && over.is_none() {
        return Err(Error::cancelled("the run had come no further"));
    }
    for event in std::iter::once(&opened).chain(&answers).chain(closed.as_deref()) {
        session.retell(event);
    }
    let answer =
        |event: Event| if let Event::GateAnswered { answer, .. } = event { Some(answer) } else { None };
    asked.until.clone_from(&then.until);
    Ok(match over {
        Some(passed) => Past::Over(passed),
        None => Past::Open(
            clock.clone().unwrap_or_else(clock::reading),
            answers.into_iter().filter_map(answer).collect(),
        ),
    })
}

/// A run that waits at a gate.
struct Waiting<'a> {
    session: &'a Session,
    run: String,
    position: String,
    asked: Asked,
    within: Option<Duration>,
    /// How long earlier turns of the run waited.
    before: Duration,
    begin: Instant,
}

impl Waiting<'_> {
    /// Waits until enough people have approved, one declined, or the time is over.
    fn decided(&self, answers: Vec<Answer>) -> Result<bool> {
        let host = &self.session.pipeline.host;
        let journal = Journal::open(&host.project)?;
        let mut counted: BTreeMap<String, Answer> =
            answers.into_iter().map(|answer| (answer.person.clone(), answer)).collect();
        let mut refused = BTreeSet::new();
        // What is asked holds the terminal, on which the other branches of a `parallel` have something to say.
        let mut at_gate = self.session.at_gate.as_ref().filter(|_| here::may_leave());
        loop {
            for answer in journal.answers(&self.run)?.into_iter().filter(|answer| self.is_meant(answer)) {
                if counted.get(&answer.person) == Some(&answer) || refused.contains(&answer.at) {
                    continue;
                }
                match self.session.runtime.block_on(self.invalid(&answer))? {
                    Some(why) => {
                        let text =
                            format!("an answer of `{}` at the gate does not count: {why}", answer.person);
                        refused.insert(answer.at.clone());
                        self.session.record(&Event::Logged { position: self.position.clone(), text })?;
                    }
                    None => {
                        let (position, answer) = (self.position.clone(), answer);
                        self.session.record(&Event::GateAnswered { position, answer: answer.clone() })?;
                        counted.insert(answer.person.clone(), answer);
                    }
                }
            }
            let answers: Vec<Answer> = counted.values().cloned().collect();
            match host.environment.people.judge(&self.asked, &answers) {
                Standing::Approved => return Ok(true),
                Standing::Declined(no) => return Err(self.declined(no)),
                Standing::Open { .. } if self.is_late() => return self.late(&answers),
                Standing::Open { .. } => {
                    let what = format!("the run waits at the gate “{}”", self.asked.name);
                    self.session.may_leave(Duration::MAX, self.asked.until.as_deref(), &what)?;
                }
            }
            let pause = match at_gate.map(|ask| self.ask(ask, &journal)).transpose()? {
                // Whoever types meanwhile has waited long enough.
                Some(Said::Answer(_) | Said::Nothing) => Duration::ZERO,
                Some(Said::Never) | None => {
                    at_gate = None;
                    self.pause()
                }
            };
            self.session.runtime.block_on(here::stop().pause(pause))?;
        }
    }

    /// Asks the person at the terminal, until somebody else has answered, it is late, or the run is stopped.
    fn ask(&self, ask: &AtTerminal, journal: &Journal) -> Result<Said> {
        let facts = &self.session.facts;
        let requester = facts.get("person").and_then(Value::as_str).unwrap_or_default();
        let waits = Waits { run: &self.run, gate: &self.position, asked: &self.asked, requester };
        let count = || journal.answers(&self.run).map_or(0, |answers| answers.len());
        let before = count();
        let is_news = || here::stop().is_given() || self.is_late() || count() != before;
        let said = ask(&waits, &is_news);
        if let Said::Answer(answer) = &said {
            journal.leave(answer)?;
        }
        Ok(said)
    }

    fn is_meant(&self, answer: &Answer) -> bool {
        answer.gate == self.position && answer.binding == self.asked.binding
    }

    /// Why an answer does not count; whoever left it was told so already, unless they went past the command.
    async fn invalid(&self, answer: &Answer) -> Result<Option<String>> {
        let environment = &self.session.pipeline.host.environment;
        let Some(person) = environment.people.persons.get(&answer.person) else {
            return Ok(Some("playbook.toml does not know them".to_owned()));
        };
        let requester = self.session.facts.get("person").and_then(Value::as_str).unwrap_or_default();
        if !self.asked.people.contains(&answer.person) {
            return Ok(Some("they are not asked".to_owned()));
        }
        if !environment.self_approval && environment.people.is_requester(person, requester) {
            return Ok(Some("they began the run".to_owned()));
        }
        if person.key != answer.key {
            return Ok(Some("it is not signed with their key".to_owned()));
        }
        Ok(match seal::check(answer).await? {
            Checked::Good | Checked::Unsigned => None,
            Checked::Wrong(why) | Checked::Unknown(why) => Some(format!("its signature is not good: {why}")),
        })
    }

    fn waited(&self) -> Duration {
        self.before + self.begin.elapsed()
    }

    fn is_late(&self) -> bool {
        self.within.is_some_and(|within| self.waited() >= within)
    }

    fn pause(&self) -> Duration {
        let left = self.within.map(|within| within.saturating_sub(self.waited()));
        left.map_or(LOOK, |left| left.min(LOOK))
    }

    fn declined(&self, no: &Answer) -> Error {
        let what = format!("the gate “{}” was declined by {}", self.asked.name, no.person);
        Error::new(Kind::Declined, what).why(no.comment.clone())
    }

    fn late(&self, answers: &[Answer]) -> Result<bool> {
        if self.asked.on_timeout == OnTimeout::Continue {
            return Ok(false);
        }
        let within = self.within.map(text::show_duration).unwrap_or_default();
        let have = answers.len();
        Err(Error::timeout(format!("the gate “{}” was not decided within {within}", self.asked.name))
            .why(format!(
                "{have} of {} approved; asked were {}",
                self.asked.quorum,
                self.asked.people.join(", ")
            ))
            .fix("ask them, and begin the run again"))
    }
}
