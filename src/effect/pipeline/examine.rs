//! Looks at a resource without a script: under a permit to read, a deadline and a stop, like every other effect.

use std::sync::Arc;
use std::time::Duration;

use super::{Pipeline, guard};
use crate::base::access::{Access, ResourceId};
use crate::base::call::Call;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::secret::{Reference, Secret};
use crate::effect::cx::Cx;
use crate::effect::family;
use crate::effect::health::{Examine, Health};
use crate::sys::stop::Stop;

impl Pipeline {
    /// Looks whether a resource can be used; `None` where its family has no such look.
    pub async fn examine(&self, id: &ResourceId, within: Duration, stop: &Stop) -> Result<Option<Health>> {
        let family = family::find(self.host.families, &id.family);
        let cx = self.reading(id, stop)?;
        let seen = match family.map(|family| family.health) {
            Some(Examine::By(look)) => guard::within(look(cx.clone()), &cx, within).await,
            Some(Examine::Reading(verb, arguments)) => {
                let read = self.entry(&Call::new(id.clone(), verb)).and_then(|entry| {
                    let arguments = arguments.iter().map(|(name, text)| {
                        let value = serde_json::from_str(text).unwrap_or_else(|_| (*text).into());
                        ((*name).to_owned(), value)
                    });
                    entry.bind(&arguments.collect())
                });
                let value = guard::within(read?.run(cx.clone()), &cx, within).await;
                value.map(|value| Health::read(&value))
            }
            Some(Examine::Never(_)) | None => return Ok(None),
        };
        // Each of its troubles leaves here without secrets, too.
        let mut health = seen.or_else(Health::or_refused).map_err(|error| self.clean(error))?;
        health.troubles = health.troubles.into_iter().map(|trouble| self.clean(trouble)).collect();
        health.facts = health.facts.iter().map(|fact| self.host.redactor.text(fact)).collect();
        health.version = health.version.map(|version| self.host.redactor.text(&version));
        Ok(Some(health))
    }

    /// Sees whether a secret that a resource refers to has a value.
    pub async fn resolves(
        &self,
        id: &ResourceId,
        secret: &Reference,
        within: Duration,
        stop: &Stop,
    ) -> Result<()> {
        let cx = self.reading(id, stop)?;
        let secret = Secret(secret.clone());
        let seen = guard::within(cx.reveal(&secret), &cx, within).await;
        seen.map(drop).map_err(|error| self.clean(error))
    }

    /// Removes what was left half done in the stores that this run may change, as well as that can be done now: what is
    /// not removed is found by the next run that writes there.
    pub async fn tidy(&self, within: Duration, stop: &Stop) {
        if self.host.mocks.is_some() {
            return;
        }
        for id in self.grants.changeable() {
            let Some(open) = family::find(self.host.families, &id.family).and_then(|family| family.store)
            else {
                continue;
            };
            let Ok(permit) = self.grants.permit(vec![Access::new(id.clone(), Effect::Write)]) else {
                continue;
            };
            let mut cx = Cx::new(Arc::clone(&self.host), id.clone(), permit, stop.child());
            if let super::Mode::Apply(journal) = &self.mode {
                cx = cx.of_run(journal.clone());
            }
            let tidy = async { open(cx.clone()).await?.tidy().await };
            let _ = guard::within(tidy, &cx, within).await;
        }
    }

    fn reading(&self, id: &ResourceId, stop: &Stop) -> Result<Cx, Error> {
        let permit = self.grants.permit(vec![Access::new(id.clone(), Effect::Read)])?;
        Ok(Cx::new(Arc::clone(&self.host), id.clone(), permit, stop.child()))
    }
}
