//! Carries a call out: the inverse is asked and the intent is on the disk before the change, the result after it.

use std::time::Duration;

use serde_json::Value;

use super::settle::Settled;
use super::{Permitted, Pipeline, forgive, guard};
use crate::base::call::Inverse;
use crate::base::error::{Error, Kind, Result};
use crate::base::event::Event;
use crate::base::outcome::Outcome;
use crate::base::text;
use crate::effect::consent::Wanted;
use crate::effect::content::fingerprint;
use crate::effect::journal::{Licence, RunJournal};
use crate::effect::recall::Recorded;
use crate::sys::{blocking, clock};

/// A value larger than this is bulk data, which goes from door to door and never into a script; in bytes of JSON.
const LARGEST_VALUE: usize = 4 * 1024 * 1024;

impl Pipeline {
    /// Carries out a call that has passed the permit; `open` is what an earlier turn began of it.
    pub(super) async fn apply(
        &self,
        journal: &RunJournal,
        mut call: Permitted,
        open: Option<Box<Recorded>>,
    ) -> Result<Value> {
        let effect = call.entry.effect;
        let must = call.bound.must() || call.request.unwinding;
        if !effect.is_read() && !call.request.unwinding {
            self.host.environment.windows.permit(&self.host.environment.name, clock::now())?;
        }
        let settled = match open {
            Some(recorded) => self.settle(&call, *recorded).await?,
            None => Settled::Fresh,
        };
        let (began, licence) = match settled {
            Settled::Done(value) => return Ok(value),
            Settled::Again(began) => {
                let licence = Licence::from(journal.intend(&began, &Inverse::Nothing)?);
                (*began, licence)
            }
            Settled::Fresh => self.begin(journal, &call, must).await?,
        };
        self.host.tell(&began);
        let begin = clock::instant();
        let mut result = self.attempt(journal, &mut call, &began, licence).await;
        if guard::outcome(effect, &result) == Outcome::InDoubt
            && let Err(error) = result
        {
            result = self.look_again(&call, error).await;
        }
        let result = result.and_then(|value| bounded(&call, value)).map_err(|error| self.clean(error));
        let result = result.map_err(|error| forgive::settle(must, error));
        forgive::explain(must, &result, &call.cx);
        let outcome = guard::outcome(effect, &result);
        let unchanged = result.as_ref().is_err_and(|error| error.unchanged);
        let is_kept = !effect.is_read() && !call.request.unwinding;
        if is_kept && !unchanged && !((call.entry.atomic || !must) && outcome == Outcome::Failed) {
            self.ledger.touch(&call.request.position);
        }
        self.keep_end(&call, begin.elapsed(), &result)?;
        forgive::receipt(must, result).map_err(|error| guard::in_doubt(error, outcome))
    }

    /// Asks a write for its inverse, and keeps its beginning: the licence to run it.
    async fn begin(&self, journal: &RunJournal, call: &Permitted, must: bool) -> Result<(Event, Licence)> {
        let effect = call.entry.effect;
        if let Some(licence) = Licence::to_read(effect) {
            let began = self.began(call, &Inverse::Nothing);
            journal.note(&began)?;
            return Ok((began, licence));
        }
        let inverse = forgive::inverse(must, self.ask_inverse(call).await)?;
        if let Some(consent) = self.host.consent.as_ref().filter(|_| !call.request.unwinding) {
            let (name, plan) = (call.request.call.name(), self.words(call));
            let content = self.content(call).await?;
            let (position, digest, effect) = (&call.request.position, &call.digest, call.effect);
            let content = content.as_deref();
            let (call, plan, inverse) = (name.as_str(), plan.as_str(), &inverse);
            consent(&Wanted { position, call, digest, content, effect, must, plan, inverse })?;
        }
        let began = self.began(call, &inverse);
        let licence = Licence::from(journal.intend(&began, &self.stored(&inverse))?);
        Ok((began, licence))
    }

    /// What the call takes from files and folders of the project, as a hash.
    async fn content(&self, call: &Permitted) -> Result<Option<String>> {
        let named: Vec<String> = call.bound.content().into_iter().map(str::to_owned).collect();
        if named.is_empty() {
            return Ok(None);
        }
        let project = self.host.project.clone();
        blocking::run(move || Ok(fingerprint(&project, &named))).await
    }

    /// Tries once, and again as often as the call allows.
    async fn attempt(
        &self,
        journal: &RunJournal,
        call: &mut Permitted,
        began: &Event,
        first: Licence,
    ) -> Result<Value> {
        let mut licence = first;
        let mut attempt = 0;
        loop {
            let bound = call.entry.bind(&call.request.call.arguments)?;
            call.cx.witness.clear();
            let result = match self.mocked(&call.request.call, &call.request.position) {
                Some(answer) => answer,
                None => guard::run(bound, &call.cx, call.deadline(), licence).await,
            };
            let Err(error) = result else { return result };
            let spent = attempt >= call.options.retry || call.request.stop.is_given();
            if spent || !guard::may_be_retried(&error) {
                return Err(error);
            }
            attempt += 1;
            let pause = Duration::from_millis(250 << attempt.min(6));
            self.record(&Event::Retrying {
                position: call.request.position.clone(),
                attempt: u64::from(attempt),
                of: u64::from(call.options.retry) + 1,
                pause,
                error: self.clean(error),
            })?;
            call.request.stop.pause(pause).await?;
            call.cx = call.cx.with_stop(call.request.stop.child());
            licence = match Licence::to_read(call.entry.effect) {
                Some(licence) => licence,
                None => Licence::from(journal.intend(began, &Inverse::Nothing)?),
            };
        }
    }

    async fn ask_inverse(&self, call: &Permitted) -> Result<Inverse> {
        if self.is_mocked(&call.request.call) {
            return Ok(Inverse::Nothing);
        }
        let asked = guard::within(call.bound.inverse(&call.cx), &call.cx, call.deadline()).await;
        // Asked all the same: it is there that a call is refused which cannot be carried out.
        let asked = asked.map(|inverse| if call.options.stays { Inverse::Nothing } else { inverse });
        asked.map_err(|error| {
            let mut error = self.clean(error);
            // These speak of the call itself, and say so better.
            if matches!(error.kind, Kind::Denied | Kind::Usage | Kind::Missing) {
                return error;
            }
            error.what = format!("`{}` was not begun: {}", call.request.call, error.what);
            error
        })
    }
}

fn bounded(call: &Permitted, value: Value) -> Result<Value> {
    let text = value.to_string();
    let size = text.len();
    if size <= LARGEST_VALUE {
        // A fraction may differ in its last digit once it was written and read: a script that goes on after a crash must
        // see the same one as before it.
        return Ok(if has_fraction(&value) { serde_json::from_str(&text).unwrap_or(value) } else { value });
    }
    let (size, most) = (text::show_size(size as u64), text::show_size(LARGEST_VALUE as u64));
    Err(Error::usage(format!("the value of `{}` is too large for a script: {size}", call.request.call))
        .fix(format!("ask for less; at most {most} come into a script")))
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(map) => map.values().any(has_fraction),
        _ => false,
    }
}
