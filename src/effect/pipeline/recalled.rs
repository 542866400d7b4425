//! What an earlier turn of the run recorded of a call stands in for the call.

use std::sync::Arc;

use serde_json::Value;

use super::{Pipeline, Request, guard, must};
use crate::base::access::ResourceId;
use crate::base::error::{Error, NOT_BEGUN, Result};
use crate::base::event::Event;
use crate::base::outcome::Outcome;
use crate::base::redact::MASK;
use crate::effect::cx::Cx;
use crate::effect::primitive::Entry;
use crate::effect::recall::{Asked, Record, Recorded};
use crate::effect::secrets;
use crate::sys::stop::Stop;

/// What the record has of a call.
pub(super) enum Recalled {
    /// It ended so.
    Over(Result<Value>),
    /// It began, and no end is known.
    Open(Box<Recorded>),
}

impl Pipeline {
    /// What the record has of the call; `None` when it is new, or when it only read and can do so again.
    pub(super) async fn recalled(
        &self,
        entry: &Entry,
        request: &Request,
        digest: &str,
    ) -> Result<Option<Recalled>> {
        if !self.recall.is_on() {
            return Ok(None);
        }
        let name = request.call.name();
        let asked = Asked::Effect(&name, digest, Some(&request.call));
        self.recall.keep_call(&request.position, &request.call);
        let Some(Record::Effect(recorded)) = self.recall.take(&request.position, &asked)? else {
            return Ok(None);
        };
        let is_read = entry.effect.is_read();
        let is_open = recorded.end.is_none() && recorded.decided.is_none();
        if is_open && self.recall.is_only_looking() {
            self.touched(entry, request, &recorded);
            return Err(Error::cancelled("the record of the run ends here").detail(NOT_BEGUN, true));
        }
        if is_open {
            return Ok((!is_read).then_some(Recalled::Open(recorded)));
        }
        let Some(result) = self.result(&recorded, request).await? else { return Ok(None) };
        self.touched(entry, request, &recorded);
        if !self.recall.is_quiet() {
            self.host.retell(&recorded.began);
            recorded.end.iter().for_each(|end| self.host.retell(end));
        }
        let outcome = recorded.outcome().unwrap_or(Outcome::Done);
        Ok(Some(Recalled::Over(result.map_err(|error| guard::in_doubt(error, outcome)))))
    }

    /// What the script gets; `None` when it has to be read again.
    async fn result(&self, recorded: &Recorded, request: &Request) -> Result<Option<Result<Value>>> {
        if let Some(value) = &recorded.decided {
            return Ok(Some(Ok(value.clone())));
        }
        let Some(Event::EffectEnded { value, error, .. }) = &recorded.end else { return Ok(None) };
        if let Some(error) = error {
            return Ok(Some(Err(error.clone())));
        }
        let Some(whole) = &recorded.whole else { return Ok(Some(Ok(value.clone()))) };
        if !whole.to_string().contains(MASK) {
            let whole = self.whole(whole, &request.call.resource, &request.stop).await?;
            return Ok(Some(Ok(whole)));
        }
        if matches!(recorded.began, Event::EffectBegan { effect, .. } if effect.is_read()) {
            return Ok(None);
        }
        Err(Error::missing(format!("the value of `{}` was not recorded whole", recorded.call()))
            .why("it held a secret in a form that could not be stored as a reference")
            .fix("take the run back with `playbook rollback`, and begin anew")
            .detail(NOT_BEGUN, true))
    }

    /// A stored value made whole: the references in it are the secrets' present values, read for `resource`.
    pub async fn whole(&self, stored: &Value, resource: &ResourceId, stop: &Stop) -> Result<Value> {
        let permit = self.grants.permit(Vec::new())?;
        let cx = Cx::new(Arc::clone(&self.host), resource.clone(), permit, stop.child());
        secrets::whole(&cx, stored).await
    }

    fn touched(&self, entry: &Entry, request: &Request, recorded: &Recorded) {
        let unchanged = match &recorded.end {
            Some(Event::EffectEnded { outcome: Outcome::Failed, error, .. }) => {
                entry.atomic || !must(entry, request) || error.as_ref().is_some_and(|error| error.unchanged)
            }
            _ => false,
        };
        if !entry.effect.is_read() && !request.unwinding && !unchanged {
            self.ledger.touch(&request.position);
        }
    }
}
