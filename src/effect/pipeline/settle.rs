//! Settles a doubt: a change began, and nothing tells whether it was done. The system itself is asked, then the policy
//! of the call, then the person.

use std::time::Duration;

use serde_json::Value;

use super::{Permitted, Pipeline, Request, forgive, guard};
use crate::base::call::Call;
use crate::base::decision::{Answer, Choice, Question};
use crate::base::error::{Error, Kind, NOT_BEGUN, Result};
use crate::base::event::{Event, Position};
use crate::base::outcome::Outcome;
use crate::effect::options::{OnDoubt, Options};
use crate::effect::recall::Recorded;
use crate::effect::witness;
use crate::sys::environment;
use crate::sys::stop::Stop;

/// How a doubt was settled.
pub(super) enum Settled {
    /// It counts as done, with this value.
    Done(Value),
    /// It was not done: it begins anew.
    Fresh,
    /// It is done again; this was its beginning, and what it found then is still how it is taken back.
    Again(Box<Event>),
}

impl Pipeline {
    /// Settles what an earlier turn began.
    pub(super) async fn settle(&self, call: &Permitted, recorded: Recorded) -> Result<Settled> {
        let found = recorded.found().filter(|_| !call.options.stays);
        call.cx.witness.recall(recorded.witness.clone(), found);
        let (happened, why) = match self.look(call, true).await {
            Ok(happened) => (happened, None),
            Err(error) => (None, Some(error.what.clone())),
        };
        let decide = |choice, by: &str| self.decide(call, &answer(choice), by);
        match happened {
            Some(true) => {
                let value = self.settled(call).await?;
                if value.is_none() && call.entry.idempotent && !call.request.unwinding {
                    return Ok(Settled::Again(Box::new(recorded.began)));
                }
                let value = value.unwrap_or_default();
                decide(Choice::Happened, "probe")?;
                self.count_as_done(call, &recorded, &value)?;
                Ok(Settled::Done(value))
            }
            // A part of it may have been done: what it found before that is still how it is taken back.
            Some(false) if call.entry.idempotent && !call.request.unwinding && found == Some(true) => {
                Ok(Settled::Again(Box::new(recorded.began)))
            }
            Some(false) => decide(Choice::NotHappened, "probe").map(|()| Settled::Fresh),
            // To put something back twice is to put it back, where a block does not say otherwise.
            None if call.options.on_doubt.is_none() && (call.request.unwinding || call.entry.idempotent) => {
                match (self.overwriting(call).await?, self.recall.doubts().1) {
                    (Some(_), Some(OnDoubt::Skip)) => self.ask(call, recorded, why),
                    (Some(error), None | Some(OnDoubt::Fail)) => Err(error),
                    _ => Ok(Settled::Again(Box::new(recorded.began))),
                }
            }
            None => self.ask(call, recorded, why),
        }
    }

    /// Asks the policy, then the person.
    fn ask(&self, call: &Permitted, recorded: Recorded, why: Option<String>) -> Result<Settled> {
        let (choose, otherwise) = self.recall.doubts();
        let policy = call.options.on_doubt.or(otherwise);
        if policy.is_none() && !call.bound.must() {
            return self.let_go(call, &recorded, why);
        }
        let error = doubt(call, why);
        let (answer, by) = match (policy, choose) {
            (Some(OnDoubt::Retry), _) => (answer(Choice::Retry), "policy".to_owned()),
            (Some(OnDoubt::Skip), _) => (answer(Choice::Skip), "policy".to_owned()),
            (Some(OnDoubt::Fail), _) | (_, None) => return Err(error),
            (_, Some(choose)) => {
                let choices = vec![
                    Choice::Happened,
                    Choice::NotHappened,
                    Choice::Retry,
                    Choice::Value,
                    Choice::ByHand,
                    Choice::Stop,
                ];
                let what = call.request.call.name();
                let answer = choose(&Question { error: error.clone(), what, choices });
                (answer, environment::person())
            }
        };
        if matches!(answer.choice, Choice::Stop | Choice::Rollback) {
            return Err(error);
        }
        self.decide(call, &answer, &by)?;
        match answer.choice {
            Choice::NotHappened => Ok(Settled::Fresh),
            Choice::Retry => Ok(Settled::Again(Box::new(recorded.began))),
            _ => {
                self.count_as_done(call, &recorded, &answer.value)?;
                Ok(Settled::Done(answer.value))
            }
        }
    }

    /// The error for doing something again that would take away what a later run wrote; `None` where none did.
    async fn overwriting(&self, call: &Permitted) -> Result<Option<Error>> {
        if !call.entry.overwrites || call.request.unwinding {
            return Ok(None);
        }
        let Some(run) = call.cx.changed_by_later().await? else { return Ok(None) };
        let id = call.cx.run();
        let (call, resource) = (&call.request.call, &call.request.call.resource);
        let what = format!("`{call}` is not done again: a later run changed `{resource}`");
        let fix = format!(
            "look at `{resource}`, then go on with `playbook resume {id} --on-doubt skip`, or do it again with `--on-doubt \
             retry`, which takes away what was written since"
        );
        Ok(Some(
            Error::new(Kind::Changed, what).why(format!("it was {run}")).fix(fix).detail(NOT_BEGUN, true),
        ))
    }

    /// A notice that may have arrived is not sent again, and nobody is kept waiting to say whether it did.
    fn let_go(&self, call: &Permitted, recorded: &Recorded, why: Option<String>) -> Result<Settled> {
        let why = why.map_or_else(String::new, |why| format!("; it could not be looked at: {why}"));
        let error = Error::remote(format!("it is not known whether `{}` was done", call.request.call))
            .why(format!("it had begun when the run was cut off, so it may have arrived all the same{why}"))
            .fix("to have it sent again, say `on_doubt: \"retry\"` at the call; to be asked, `must: true`");
        let result = Err(forgive::settle(false, self.clean(error)));
        self.host.tell(&recorded.began);
        forgive::explain(false, &result, &call.cx);
        self.keep_end(call, Duration::ZERO, &result)?;
        forgive::receipt(false, result).map(Settled::Done)
    }

    /// After a timeout in this turn: whether it was done all the same. What was not done yet may still be under way, so
    /// only a yes settles it.
    pub(super) async fn look_again(&self, call: &Permitted, error: Error) -> Result<Value> {
        let is_timeout = error.kind == Kind::Timeout && !call.request.stop.is_given();
        if is_timeout
            && !call.request.unwinding
            && self.look(call, true).await.is_ok_and(|it| it == Some(true))
        {
            let value = self.settled(call).await?;
            self.decide(call, &answer(Choice::Happened), "probe")?;
            return Ok(value.unwrap_or_default());
        }
        if is_timeout && call.options.on_doubt == Some(OnDoubt::Skip) {
            self.decide(call, &answer(Choice::Skip), "policy")?;
            return Ok(Value::Null);
        }
        Err(error)
    }

    /// Whether the effect of a call that stands at `position` of that `run` is still there as the call left it: `None` when
    /// that cannot be told. `gave` is the value that the call had.
    pub async fn is_as_left(
        &self,
        (call, gave): (&Call, &Value),
        (run, position): (&str, &Position),
        stop: Stop,
    ) -> Result<Option<bool>> {
        let entry = self.entry(call)?;
        let request = Request {
            call: call.clone(),
            position: position.clone(),
            at: None,
            stop,
            depends: false,
            unwinding: true,
        };
        let mut call = self.permitted(entry, Options::default(), String::new(), request)?;
        call.cx = call.cx.of_past(run);
        call.cx.witness.gave(gave.clone());
        self.look(&call, false).await.map_err(|error| self.clean(error))
    }

    /// See [`Primitive::touches`](crate::effect::primitive::Primitive::touches); `None` also when a secret is lacking.
    #[must_use]
    pub fn touches(&self, call: &Call) -> Option<String> {
        self.entry(call).ok()?.bind(&call.arguments).ok()?.touches()
    }

    async fn look(&self, call: &Permitted, settling: bool) -> Result<Option<bool>> {
        let mut cx = call.cx.with_stop(call.request.stop.child());
        cx.settling = settling;
        guard::within(call.bound.probe(&cx), &cx, call.deadline()).await
    }

    /// The value of a call that was found done: as the system tells it, or as the call itself said that it would be.
    async fn settled(&self, call: &Permitted) -> Result<Option<Value>> {
        let cx = call.cx.with_stop(call.request.stop.child());
        let asked = guard::within(call.bound.settled(&cx), &cx, call.deadline()).await;
        let value = asked.map_err(|error| self.clean(error))?;
        Ok(value.or_else(|| cx.witnessed()?.get(witness::VALUE).cloned()))
    }

    fn decide(&self, call: &Permitted, answer: &Answer, by: &str) -> Result<()> {
        self.record(&Event::Decided {
            position: call.request.position.clone(),
            what: call.plan.clone(),
            choice: answer.choice,
            by: by.to_owned(),
            value: self.host.redactor.value(&answer.value),
            note: answer.note.clone(),
        })
    }

    /// Tells and keeps the end of a call that is not made again.
    fn count_as_done(&self, call: &Permitted, recorded: &Recorded, value: &Value) -> Result<()> {
        self.host.tell(&recorded.began);
        if !call.request.unwinding {
            self.ledger.touch(&call.request.position);
        }
        self.keep_end(call, Duration::ZERO, &Ok(value.clone()))
    }

    /// Keeps the end of a call, its value whole where what people read lacks a secret of it, and tells it.
    pub(super) fn keep_end(&self, call: &Permitted, took: Duration, result: &Result<Value>) -> Result<()> {
        let ended = self.ended(&call.request, call.entry.effect, took, result);
        match (&self.mode, &ended, result) {
            (super::Mode::Apply(journal), Event::EffectEnded { value: shown, .. }, Ok(value))
                if shown != value =>
            {
                let redactor = &self.host.redactor;
                journal.note_whole(&ended, &redactor.value(&redactor.refer(value)))?;
                self.host.tell(&ended);
                Ok(())
            }
            _ => self.record(&ended),
        }
    }
}

const fn answer(choice: Choice) -> Answer {
    Answer { choice, value: Value::Null, note: None }
}

fn doubt(call: &Permitted, why: Option<String>) -> Error {
    let why = why.map_or_else(
        || "it had begun when the run was cut off, and the system itself does not tell".to_owned(),
        |why| format!("it had begun when the run was cut off, and it could not be looked at: {why}"),
    );
    let fix = format!(
        "look at the system itself, then go on with `playbook resume {} --on-doubt retry` or `--on-doubt skip`; or say at \
         the call what is right: `on_doubt: \"retry\"`",
        call.cx.run()
    );
    Error::new(
        Kind::InDoubt,
        format!("it is not known whether `{}` was done: {}", call.request.call, call.plan),
    )
    .why(why)
    .fix(fix)
    .detail(NOT_BEGUN, true)
    .detail("outcome", Outcome::InDoubt.words())
}
