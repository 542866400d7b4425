//! The one path every effect takes: options, bind, permit, describe, recall or record, ask the inverse, journal the
//! intent, run under deadline and stop, redact, journal the result, report.

mod apply;
mod examine;
mod forgive;
mod guard;
mod plan;
mod recalled;
mod settle;
mod told;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::cx::{Cx, Host};
use super::family;
use super::journal::RunJournal;
use super::ledger::Ledger;
use super::options::Options;
use super::policy::Grants;
use super::primitive::{Bound, Entry};
use super::recall::Recall;
use super::references;
use crate::base::access::{Access, ResourceId};
use crate::base::call::Call;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::event::{Event, Position};
use crate::base::place::Place;
use crate::base::{suggest, text};
use crate::sys::stop::Stop;
use recalled::Recalled;

/// How a result that does not exist yet begins where it is put into a text.
const UNKNOWN: &str = "⟨the result of ";

/// What stands for the run's id while it is planned.
pub const ID_WHILE_PLANNING: &str = "plan";

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
    /// The id by which the script knows the run: of one that is taken back, that of the run that it undoes.
    pub known_as: String,
    /// How far the run may go.
    pub grants: Grants,
    /// Carried out or only told.
    pub mode: Mode,
    /// What earlier turns of the run recorded.
    pub recall: Recall,
    /// What must be known so that it can be taken back.
    pub ledger: Ledger,
    /// The resources that a plan would have changed by now: what is read there now is not what will be read then.
    pub planned: Mutex<BTreeSet<ResourceId>>,
}

/// A call that has passed the permit, with all that is known of it.
struct Permitted {
    entry: &'static Entry,
    bound: Box<dyn Bound>,
    /// What these arguments make of it: some take more than the verb alone.
    effect: Effect,
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
        let options = Options::take(&mut request.call.arguments)?;
        if let Some(error) = options.refused(entry, &request.call.name()) {
            return Err(error);
        }
        if request.depends {
            return self.plan_dependent(entry, &request);
        }
        let digest = self.digest(&request.call);
        let open = match self.recalled(entry, &request, &digest).await? {
            Some(Recalled::Over(Ok(value))) => return Ok(Reply::Value(value)),
            Some(Recalled::Over(failed)) => {
                return forgive::receipt(must(entry, &request), failed).map(Reply::Value);
            }
            Some(Recalled::Open(open)) => Some(open),
            None => None,
        };
        let call = self.permitted(entry, options, digest, request)?;
        match &self.mode {
            Mode::Plan => self.plan(call).await,
            Mode::Apply(journal) => self.apply(journal, call, open).await.map(Reply::Value),
        }
    }

    /// Binds the arguments, and asks whether the grants cover the call.
    fn permitted(
        &self,
        entry: &'static Entry,
        options: Options,
        digest: String,
        request: Request,
    ) -> Result<Permitted> {
        let bound = entry.bind(&request.call.arguments)?;
        let needs = bound.needs(&request.call.resource);
        let effect = effect(entry, &request.call.resource, &needs);
        let permit =
            if request.unwinding { self.grants.permit_undo(needs)? } else { self.grants.permit(needs)? };
        if request.stop.is_given() {
            return Err(request.stop.reason().unwrap_or_else(|| Error::cancelled("stopped")));
        }
        let mut cx =
            Cx::new(Arc::clone(&self.host), request.call.resource.clone(), permit, request.stop.child());
        cx = cx.at(request.position.clone());
        if let Mode::Apply(journal) = &self.mode {
            cx = cx.of_run(journal.clone());
        }
        let plan = self.described(&options, bound.as_ref(), &request.call.resource);
        Ok(Permitted { entry, bound, effect, options, cx, plan, digest, request })
    }

    /// What a call does, in the words with which it would be told.
    pub fn told_as(&self, call: &Call) -> Result<String> {
        let mut arguments = call.arguments.clone();
        let options = Options::take(&mut arguments)?;
        let bound = self.entry(call)?.bind(&arguments)?;
        Ok(self.described(&options, bound.as_ref(), &call.resource))
    }

    /// The first secret without a value of the resources that a call needs.
    pub fn lacks(&self, call: &Call) -> Option<Error> {
        let host = &self.host;
        let bound = self.entry(call).and_then(|entry| entry.bind(&call.arguments));
        let needs = bound.map(|bound| bound.needs(&call.resource)).unwrap_or_default();
        let needed = std::iter::once(&call.resource).chain(needs.iter().map(|access| &access.resource));
        needed
            .filter_map(|id| host.environment.resources.get(id))
            .find_map(|resource| references::unset(resource, host.families, &host.project))
    }

    fn described(&self, options: &Options, bound: &dyn Bound, resource: &ResourceId) -> String {
        let plan = options.label.clone().unwrap_or_else(|| bound.plan(resource));
        self.host.redactor.text(&text::headline(&plan, 240))
    }

    /// Journals an event, when there is a journal, and tells every listener.
    pub fn record(&self, event: &Event) -> Result<()> {
        if let Mode::Apply(journal) = &self.mode {
            journal.note(event)?;
            // Whoever is told that a gate asks may answer at once, from another process.
            if matches!(event, Event::GateOpened { .. }) {
                journal.flush()?;
            }
        }
        self.host.tell(event);
        Ok(())
    }

    /// SHA-256 of a call with its whole arguments, hexadecimal; empty while a text among them holds what is not known yet. The
    /// shared options are not among them: another timeout makes no other call. The id of the run counts as the word that
    /// stands for it in a plan, so that what was planned is known again.
    fn digest(&self, call: &Call) -> String {
        let mut json = serde_json::to_string(call).unwrap_or_default();
        if matches!(self.mode, Mode::Plan) && json.contains(UNKNOWN) {
            return String::new();
        }
        if !self.known_as.is_empty() {
            json = json.replace(&self.known_as, ID_WHILE_PLANNING);
        }
        text::hexadecimal(&Sha256::digest(json.as_bytes()))
    }

    fn entry(&self, call: &Call) -> Result<&'static Entry> {
        let family = family::find(self.host.families, &call.resource.family)
            .ok_or_else(|| Error::usage(format!("there is no family `{}`", call.resource.family)))?;
        family.entry(&call.verb).ok_or_else(|| {
            Error::usage(format!("`{}` cannot `{}`", call.resource, call.verb))
                .fix(suggest::advice(&call.verb, family.entries.iter().map(|entry| entry.name)))
        })
    }

    /// An error without secrets.
    #[must_use]
    pub fn clean(&self, mut error: Error) -> Error {
        let redactor = &self.host.redactor;
        error.what = redactor.text(&error.what);
        error.why = error.why.as_ref().map(|why| redactor.text(why));
        error.fix = error.fix.as_ref().map(|fix| redactor.text(fix));
        error.details =
            error.details.iter().map(|(name, value)| (name.clone(), redactor.value(value))).collect();
        error
    }
}

impl Permitted {
    /// How long it may take.
    fn deadline(&self) -> Duration {
        self.options.timeout.unwrap_or(self.entry.timeout)
    }
}

/// What a call does to its resource that needs so much.
fn effect(entry: &Entry, resource: &ResourceId, needs: &[Access]) -> Effect {
    if entry.effect.is_read() {
        return Effect::Read;
    }
    let needs = needs.iter().filter(|need| need.resource == *resource);
    needs.map(|need| need.effect).fold(entry.effect, Effect::max)
}

/// Whether a failure of the call has to be heeded.
fn must(entry: &Entry, request: &Request) -> bool {
    request.unwinding || entry.bind(&request.call.arguments).is_ok_and(|bound| bound.must())
}
