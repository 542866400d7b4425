//! Carries a call out: the inverse is asked and the intent is on the disk before the change, the result after it.

use std::time::Duration;

use serde_json::Value;

use super::{Permitted, Pipeline, guard};
use crate::base::call::Inverse;
use crate::base::error::{Error, Kind, Result};
use crate::base::event::Event;
use crate::base::outcome::Outcome;
use crate::base::text;
use crate::effect::journal::{Licence, RunJournal};
use crate::effect::ledger::{Entry, Way};
use crate::sys::clock;

/// A value larger than this is bulk data, which goes from door to door and never into a script; in bytes of JSON.
const LARGEST_VALUE: usize = 4 * 1024 * 1024;

impl Pipeline {
    /// Carries out a call that has passed the permit.
    pub(super) async fn apply(&self, journal: &RunJournal, mut call: Permitted) -> Result<Value> {
        let effect = call.entry.effect;
        if !effect.is_read() && !call.request.unwinding {
            self.host.environment.windows.permit(&self.host.environment.name, clock::now())?;
        }
        let inverse = if effect.is_read() { Inverse::Nothing } else { self.ask_inverse(&call).await? };
        let began = self.began(&call, &inverse);
        let licence = match Licence::to_read(effect) {
            Some(licence) => {
                journal.note(&began)?;
                licence
            }
            None => Licence::from(journal.intend(&began, &self.stored(&inverse))?),
        };
        self.host.tell(&began);
        let is_kept = !effect.is_read() && !call.request.unwinding;
        if is_kept {
            let (position, what) = (call.request.position.clone(), call.plan.clone());
            self.ledger.push(Entry { position, what, way: Way::Inverse(inverse) });
        }
        let begin = clock::instant();
        let result = self.attempt(journal, &mut call, &began, licence).await;
        let result = result.and_then(|value| bounded(&call, value)).map_err(|error| self.clean(error));
        let outcome = guard::outcome(effect, &result);
        let unchanged = result.as_ref().is_err_and(|error| error.unchanged);
        if is_kept && (unchanged || (call.entry.atomic && outcome == Outcome::Failed)) {
            self.ledger.withdraw(&call.request.position);
        }
        self.record(&self.ended(&call.request, effect, begin.elapsed(), &result))?;
        result.map_err(|error| guard::in_doubt(error, outcome))
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
            let bound = call.entry.bind(call.request.call.arguments.clone())?;
            let result = guard::run(bound, &call.cx, call.deadline(), licence).await;
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
        let asked = guard::within(call.bound.inverse(&call.cx), &call.cx, call.deadline()).await;
        asked.map_err(|error| {
            let mut error = self.clean(error);
            // These speak of the call itself, and say so better.
            if matches!(error.kind, Kind::Denied | Kind::Usage | Kind::Missing) {
                return error;
            }
            error.why = Some(match &error.why {
                Some(why) => format!("{}: {why}", error.what),
                None => error.what.clone(),
            });
            error.what =
                format!("`{}` was not begun: its inverse could not be worked out", call.request.call);
            error
        })
    }
}

fn bounded(call: &Permitted, value: Value) -> Result<Value> {
    let size = value.to_string().len();
    if size <= LARGEST_VALUE {
        return Ok(value);
    }
    let (size, most) = (text::show_size(size as u64), text::show_size(LARGEST_VALUE as u64));
    Err(Error::usage(format!("the value of `{}` is too large for a script: {size}", call.request.call))
        .fix(format!("ask for less; at most {most} come into a script")))
}
