//! The one path every effect takes: options, bind, permit, describe, recall or record, ask the inverse, journal the
//! intent, run under deadline and stop, redact, journal the result, report.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::cx::{Cx, Host};
use super::family;
use super::guard;
use super::journal::{Licence, RunJournal};
use super::ledger::{self, Ledger, Way};
use super::options::Options;
use super::policy::Grants;
use super::primitive::{Bound, Entry};
use super::recall::Recall;
use crate::base::call::{Call, Inverse};
use crate::base::error::{Error, Kind, Result};
use crate::base::event::{Event, Position};
use crate::base::outcome::Outcome;
use crate::base::place::Place;
use crate::base::{suggest, text};
use crate::sys::clock;
use crate::sys::stop::Stop;

/// A value larger than this is bulk data, which goes from door to door and never into a script; in bytes of JSON.
const LARGEST_VALUE: usize = 4 * 1024 * 1024;

/// What is done with effects: carried out and journalled, or only told.
#[derive(Debug)]
pub enum Mode {
    /// Reads run, writes return a stand-in. There is no journal, so there is no licence to write.
    Plan,
    /// Everything runs, journalled.
    Apply(RunJournal),
}

/// One call as the script made it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The resource, the verb, and the arguments by name.
    pub call: Call,
    /// Where in the tree of the run.
    pub position: Position,
    /// Where in the script.
    pub at: Option<Place>,
    /// Ends this call early.
    pub stop: Stop,
    /// While planning: an argument is a stand-in for a result that does not exist yet.
    pub depends: bool,
    /// The call takes something back; it is not recorded as something to be taken back itself.
    pub unwinding: bool,
}

/// What a call gives back to the script.
#[derive(Debug)]
pub enum Reply {
    /// Its value.
    Value(Value),
    /// While planning: it has no value yet; the text says what it stands for.
    StandIn(String),
}

/// Carries out calls for one run.
#[derive(Debug)]
pub struct Pipeline {
    /// What all calls of the run share.
    pub host: Arc<Host>,
    /// How far the run may go.
    pub grants: Grants,
    /// Carried out or only told.
    pub mode: Mode,
    /// What earlier turns of the run recorded.
    pub recall: Recall,
    /// What would have to be taken back.
    pub ledger: Ledger,
    /// How many writes were planned so far: reads of a plan see the world before them.
    pub planned: AtomicUsize,
}

/// A call that has passed the permit, with all that is known of it.
struct Permitted {
    entry: &'static Entry,
    bound: Box<dyn Bound>,
    options: Options,
    cx: Cx,
    plan: String,
    digest: String,
    request: Request,
}

impl Pipeline {
    /// Carries out one call.
    pub async fn call(&self, mut request: Request) -> Result<Reply> {
        let entry = self.entry(&request.call)?;
        let whole = request.call.clone();
        let options = Options::take(&mut request.call.arguments)?;
        if options.retry > 0 && !entry.idempotent {
            return Err(Error::usage(format!(
                "`{}` cannot be retried by itself: doing it twice is not the same as once",
                request.call
            ))
            .fix("put it into `retry N every \"5s\" { … }` together with what makes a second try safe"));
        }
        if request.depends {
            return self.tell_dependent(entry, &request);
        }
        let bound = entry.bind(request.call.arguments.clone())?;
        let needs = bound.needs(&request.call.resource);
        let permit =
            if request.unwinding { self.grants.permit_undo(needs)? } else { self.grants.permit(needs)? };
        if request.stop.is_given() {
            return Err(request.stop.reason().unwrap_or_else(|| Error::cancelled("stopped")));
        }
        let cx = Cx::new(Arc::clone(&self.host), request.call.resource.clone(), permit, request.stop.child());
        let plan = options.label.clone().unwrap_or_else(|| bound.plan(&request.call.resource));
        let plan = self.host.redactor.text(&text::headline(&plan, 240));
        let digest = digest(&whole);
        if let Some(recorded) = self.recall.find(&request.position, &request.call.name(), &digest)? {
            return recorded.map(Reply::Value);
        }
        let call = Permitted { entry, bound, options, cx, plan, digest, request };
        match &self.mode {
            Mode::Plan => self.plan(call).await,
            Mode::Apply(journal) => self.apply(journal, call).await.map(Reply::Value),
        }
    }

    /// Journals an event, when there is a journal, and tells every listener.
    pub fn record(&self, event: &Event) -> Result<()> {
        if let Mode::Apply(journal) = &self.mode {
            journal.note(event)?;
        }
        self.host.tell(event);
        Ok(())
    }

    fn entry(&self, call: &Call) -> Result<&'static Entry> {
        let family = family::find(self.host.families, &call.resource.family)
            .ok_or_else(|| Error::usage(format!("there is no family `{}`", call.resource.family)))?;
        family.entry(&call.verb).ok_or_else(|| {
            Error::usage(format!("`{}` cannot `{}`", call.resource, call.verb))
                .fix(suggest::advice(&call.verb, family.entries.iter().map(|entry| entry.name)))
        })
    }

    /// Plan mode: a read runs, anything else is told and stands in for its result.
    async fn plan(&self, call: Permitted) -> Result<Reply> {
        let stand_in = format!("the result of `{}`", call.request.call);
        let licence = Licence::to_read(call.entry.effect).filter(|_| !call.entry.waits);
        let Some(licence) = licence else {
            if !call.entry.effect.is_read() {
                self.planned.fetch_add(1, Ordering::Relaxed);
            }
            let inverse = match call.bound.inverse(&call.cx).await {
                Err(denied) if denied.kind == Kind::Denied => return Err(self.clean(denied)),
                inverse => inverse.unwrap_or_else(|why| Inverse::none(why.what.clone())),
            };
            self.host.tell(&self.began(&call, &inverse));
            return Ok(Reply::StandIn(stand_in));
        };
        self.host.tell(&self.began(&call, &Inverse::Nothing));
        let name = call.request.call.name();
        let begin = clock::instant();
        let result = guard::run(call.bound, &call.cx, deadline(call.entry, &call.options), licence).await;
        let earlier = self.planned.load(Ordering::Relaxed);
        match result {
            Ok(value) => {
                self.host.tell(&self.ended(
                    &call.request.position,
                    &name,
                    begin.elapsed(),
                    Ok(&value),
                    Outcome::Done,
                ));
                Ok(Reply::Value(value))
            }
            // It may well fail only because what was planned before has not been done.
            Err(error) if error.kind.is_catchable() && earlier > 0 => Ok(Reply::StandIn(stand_in)),
            Err(error) => Err(self.clean(error)),
        }
    }

    /// Plan mode: an argument is not known yet, so the call can only be named.
    fn tell_dependent(&self, entry: &Entry, request: &Request) -> Result<Reply> {
        self.grants
            .permit(vec![crate::base::access::Access::new(request.call.resource.clone(), entry.effect)])?;
        self.host.tell(&Event::EffectBegan {
            position: request.position.clone(),
            call: request.call.clone(),
            digest: String::new(),
            effect: entry.effect,
            plan: format!("{} with a result that is not known yet", entry.name),
            inverse: Inverse::Nothing,
            at: request.at.clone(),
        });
        Ok(Reply::StandIn(format!("the result of `{}`", request.call)))
    }

    /// Carries the call out, its intent and its result journalled.
    async fn apply(&self, journal: &RunJournal, mut call: Permitted) -> Result<Value> {
        let (position, name) = (call.request.position.clone(), call.request.call.name());
        let inverse =
            if call.entry.effect.is_read() { Inverse::Nothing } else { self.ask_inverse(&call).await? };
        let began = self.began(&call, &inverse);
        let mut licence = match Licence::to_read(call.entry.effect) {
            Some(licence) => {
                journal.note(&began)?;
                licence
            }
            None => Licence::from(journal.intend(&began, &self.stored(&inverse))?),
        };
        self.host.tell(&began);
        if !call.entry.effect.is_read() && !call.request.unwinding {
            let way = Way::Inverse(inverse);
            self.ledger.push(ledger::Entry { position: position.clone(), what: call.plan.clone(), way });
        }
        let begin = clock::instant();
        let mut attempt = 0;
        let result = loop {
            let deadline = deadline(call.entry, &call.options);
            let bound = call.entry.bind(call.request.call.arguments.clone())?;
            let result = guard::run(bound, &call.cx, deadline, licence).await;
            let Err(error) = result else { break result };
            if attempt >= call.options.retry || !guard::may_be_retried(&error) || call.request.stop.is_given()
            {
                break Err(error);
            }
            attempt += 1;
            let pause = Duration::from_millis(250 << attempt.min(6));
            self.tell_retry(&call, (attempt, pause), &error)?;
            call.request.stop.pause(pause).await?;
            call.cx = call.cx.with_stop(call.request.stop.child());
            licence = match Licence::to_read(call.entry.effect) {
                Some(licence) => licence,
                None => Licence::from(journal.intend(&began, &Inverse::Nothing)?),
            };
        };
        let result = result.and_then(|value| bounded(&name, value)).map_err(|error| self.clean(error));
        let outcome = guard::outcome(call.entry.effect, &result);
        let unchanged = result.as_ref().is_err_and(|error| error.unchanged);
        if unchanged || (call.entry.atomic && outcome == Outcome::Failed) {
            self.ledger.withdraw(&position);
        }
        let ended = self.ended(&position, &name, begin.elapsed(), result.as_ref(), outcome);
        self.record(&ended)?;
        result.map_err(|error| guard::in_doubt(error, outcome))
    }

    fn tell_retry(&self, call: &Permitted, next: (u32, Duration), error: &Error) -> Result<()> {
        let event = Event::Retrying {
            position: call.request.position.clone(),
            attempt: u64::from(next.0),
            of: u64::from(call.options.retry) + 1,
            pause: next.1,
            error: self.clean(error.clone()),
        };
        self.record(&event)
    }

    async fn ask_inverse(&self, call: &Permitted) -> Result<Inverse> {
        let deadline = deadline(call.entry, &call.options);
        guard::within(call.bound.inverse(&call.cx), &call.cx, deadline).await.map_err(|error| {
            let what = format!("`{}` was not begun: its inverse could not be worked out", call.request.call);
            let mut error = self.clean(error);
            // These speak of the call itself, and say so better.
            if matches!(error.kind, Kind::Denied | Kind::Usage | Kind::Missing) {
                return error;
            }
            error.why = Some(match &error.why {
                Some(why) => format!("{}: {why}", error.what),
                None => error.what.clone(),
            });
            error.what = what;
            error
        })
    }

    /// The form of an inverse that may lie on a disk: secrets are references again.
    fn stored(&self, inverse: &Inverse) -> Inverse {
        match inverse {
            Inverse::Call(call) => {
                let refer = |value: &Value| self.host.redactor.refer(value);
                let arguments: Map<String, Value> =
                    call.arguments.iter().map(|(name, value)| (name.clone(), refer(value))).collect();
                Inverse::Call(Call { arguments, ..call.clone() })
            }
            other => other.clone(),
        }
    }

    fn began(&self, call: &Permitted, inverse: &Inverse) -> Event {
        let redactor = &self.host.redactor;
        let arguments = call.request.call.arguments.iter();
        let arguments = arguments.map(|(name, value)| (name.clone(), redactor.value(value))).collect();
        Event::EffectBegan {
            position: call.request.position.clone(),
            call: Call { arguments, ..call.request.call.clone() },
            digest: call.digest.clone(),
            effect: call.entry.effect,
            plan: call.plan.clone(),
            inverse: match inverse {
                // The arguments of an inverse hold old values; they are kept apart from the record that people read.
                Inverse::Call(call) => Inverse::Call(Call::new(call.resource.clone(), call.verb.clone())),
                other => other.clone(),
            },
            at: call.request.at.clone(),
        }
    }

    fn ended(
        &self,
        position: &str,
        name: &str,
        took: Duration,
        result: Result<&Value, &Error>,
        outcome: Outcome,
    ) -> Event {
        Event::EffectEnded {
            position: position.to_owned(),
            call: name.to_owned(),
            outcome,
            took,
            value: result.map_or(Value::Null, |value| self.host.redactor.value(value)),
            error: result.err().cloned(),
        }
    }

    /// An error without secrets.
    fn clean(&self, mut error: Error) -> Error {
        let redactor = &self.host.redactor;
        error.what = redactor.text(&error.what);
        error.why = error.why.as_ref().map(|why| redactor.text(why));
        error.fix = error.fix.as_ref().map(|fix| redactor.text(fix));
        error.details =
            error.details.iter().map(|(name, value)| (name.clone(), redactor.value(value))).collect();
        error
    }
}

fn deadline(entry: &Entry, options: &Options) -> Duration {
    options.timeout.unwrap_or(entry.timeout)
}

fn bounded(name: &str, value: Value) -> Result<Value> {
    let size = value.to_string().len();
    if size <= LARGEST_VALUE {
        return Ok(value);
    }
    Err(Error::usage(format!(
        "the value of `{name}` is too large for a script: {}",
        text::show_size(size as u64)
    ))
    .fix(format!("ask for less; at most {} come into a script", text::show_size(LARGEST_VALUE as u64))))
}

/// SHA-256 of a call with its whole arguments, hexadecimal.
fn digest(call: &Call) -> String {
    let text = serde_json::to_string(call).unwrap_or_default();
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
