//! Plan mode: a read runs, anything else is told and stands in for its result. Nothing here can make a licence to write.

use std::sync::PoisonError;

use super::{Permitted, Pipeline, Reply, Request, forgive, guard};
use crate::base::access::{Access, ResourceId};
use crate::base::call::Inverse;
use crate::base::error::{Error, Kind, Result};
use crate::base::event::Event;
use crate::effect::journal::Licence;
use crate::effect::primitive::Entry;
use crate::effect::references;
use crate::effect::sql::database_of;
use crate::sys::clock;

impl Pipeline {
    /// Plans a call that has passed the permit.
    pub(super) async fn plan(&self, call: Permitted) -> Result<Reply> {
        let stand_in = Reply::StandIn(format!("the result of `{}`", call.request.call));
        let resource = &call.request.call.resource;
        let Some(licence) = Licence::to_read(call.entry.effect) else {
            self.has_secrets(&call)?;
            let inverse = self.foreseen(&call).await?;
            self.host.tell(&self.began(&call, &inverse));
            let changed = call.bound.needs(resource).into_iter().filter(|need| !need.effect.is_read());
            self.would_change(changed.map(|need| need.resource));
            return Ok(stand_in);
        };
        self.host.tell(&self.began(&call, &Inverse::Nothing));
        // What waits for a change, or looks at what a change is planned for, can only be told.
        if call.entry.waits || self.is_changed(Some(resource)) {
            return Ok(stand_in);
        }
        let begin = clock::instant();
        let deadline = call.deadline();
        let Permitted { bound, cx, request, entry, .. } = call;
        let result = match self.mocked(&request.call, &request.position) {
            Some(answer) => answer,
            None => guard::run(bound, &cx, deadline, licence).await,
        };
        let result = result.map_err(|error| self.clean(error));
        // It may well fail only because what was planned elsewhere has not been done.
        if self.is_changed(None) && result.as_ref().is_err_and(|error| error.kind.is_catchable()) {
            return Ok(stand_in);
        }
        self.host.tell(&self.ended(&request, entry.effect, begin.elapsed(), &result));
        result.map(Reply::Value)
    }

    /// A change whose secrets this machine does not have would fail, unless that may be.
    fn has_secrets(&self, call: &Permitted) -> Result<()> {
        if self.is_mocked(&call.request.call) || !call.bound.must() {
            return Ok(());
        }
        let (needs, families) = (call.bound.needs(&call.request.call.resource), self.host.families);
        let resources = needs.iter().filter_map(|need| self.host.environment.resources.get(&need.resource));
        let unset = resources.filter_map(|one| references::unset(one, families, &self.host.project)).next();
        unset.map_or(Ok(()), Err)
    }

    /// How a planned change would be taken back, as far as that can be told before the changes.
    async fn foreseen(&self, call: &Permitted) -> Result<Inverse> {
        if self.is_mocked(&call.request.call) {
            return Ok(Inverse::Nothing);
        }
        let asked = guard::within(call.bound.inverse(&call.cx), &call.cx, call.deadline()).await;
        let inverse = match forgive::inverse(call.bound.must(), asked) {
            Ok(_) if call.options.stays => Inverse::Nothing,
            Ok(inverse) => inverse,
            Err(denied) if denied.kind == Kind::Denied => return Err(self.clean(denied)),
            // What it looks for may be made only by what is planned before it: nothing is to be told of that yet.
            Err(_) if self.is_changed(None) => Inverse::Nothing,
            Err(why) => Inverse::Refused { why: refusal(&self.clean(why)) },
        };
        let is_covered = || self.ledger.is_promised(&call.request.position);
        Ok(match inverse {
            Inverse::None { .. } if is_covered() => Inverse::Block,
            inverse => inverse,
        })
    }

    fn would_change(&self, resources: impl Iterator<Item = ResourceId>) {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner).extend(resources);
    }

    /// Whether a change is planned for the resource or for the database that it lies in; for any at all when none is named.
    fn is_changed(&self, resource: Option<&ResourceId>) -> bool {
        let planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |resource: &ResourceId| {
            let database = || database_of(&self.host, resource);
            planned.contains(resource) || database().is_some_and(|database| planned.contains(&database))
        };
        resource.map_or(!planned.is_empty(), is_it)
    }

    /// Whether a change was planned so far, so that what is read from now on may be another thing then.
    #[must_use]
    pub fn has_planned_changes(&self) -> bool {
        self.is_changed(None)
    }

    /// Plans a call with an argument that is not known yet: it can only be named.
    pub(super) fn plan_dependent(&self, entry: &Entry, request: &Request) -> Result<Reply> {
        self.grants.permit(vec![Access::new(request.call.resource.clone(), entry.effect)])?;
        if !entry.effect.is_read() {
            self.would_change(std::iter::once(request.call.resource.clone()));
        }
        self.host.tell(&Event::EffectBegan {
            position: request.position.clone(),
            call: request.call.clone(),
            digest: String::new(),
            effect: entry.effect,
            plan: format!("{} with a result that is not known yet", entry.name),
            inverse: Inverse::Nothing,
            stays: false,
            at: request.at.clone(),
        });
        Ok(Reply::StandIn(format!("the result of `{}`", request.call)))
    }
}

/// Why a change would not begin, and what to do about it.
fn refusal(error: &Error) -> String {
    error.fix.as_ref().map_or_else(|| error.what.clone(), |fix| format!("{}; {fix}", error.what))
}
