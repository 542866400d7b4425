//! Plan mode: a read runs, anything else is told and stands in for its result. Nothing here can make a licence to write.

use std::sync::atomic::Ordering;

use super::{Permitted, Pipeline, Reply, Request, guard};
use crate::base::access::Access;
use crate::base::call::Inverse;
use crate::base::error::{Kind, Result};
use crate::base::event::Event;
use crate::effect::journal::Licence;
use crate::effect::primitive::Entry;
use crate::sys::clock;

impl Pipeline {
    /// Plans a call that has passed the permit.
    pub(super) async fn plan(&self, call: Permitted) -> Result<Reply> {
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
        let begin = clock::instant();
        let deadline = call.deadline();
        let Permitted { bound, cx, request, entry, .. } = call;
        let result = guard::run(bound, &cx, deadline, licence).await.map_err(|error| self.clean(error));
        let waits_for_changes = self.planned.load(Ordering::Relaxed) > 0
            && result.as_ref().is_err_and(|error| error.kind.is_catchable());
        if waits_for_changes {
            // It may well fail only because what was planned before has not been done.
            return Ok(Reply::StandIn(stand_in));
        }
        self.host.tell(&self.ended(&request, entry.effect, begin.elapsed(), &result));
        result.map(Reply::Value)
    }

    /// Plans a call with an argument that is not known yet: it can only be named.
    pub(super) fn plan_dependent(&self, entry: &Entry, request: &Request) -> Result<Reply> {
        self.grants.permit(vec![Access::new(request.call.resource.clone(), entry.effect)])?;
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
}
