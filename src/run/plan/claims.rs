//! Which planned change each change of a run is: every planned one is made once, and again only in another try.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Plan};
use crate::base::effect::Effect;

/// A change of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made<'a> {
    /// Where in the tree of the run.
    pub position: &'a str,
    /// The call's name.
    pub call: &'a str,
    /// SHA-256 of its arguments.
    pub digest: &'a str,
    /// Its class.
    pub effect: Effect,
}

/// What is known of a run's changes so far. It grows with the plan, and not with the run.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// The place of each planned change that was made, by the place where it was made.
    taken: BTreeMap<String, String>,
    /// The places of `retry` at which there was another try.
    retried: BTreeSet<String>,
}

impl Claims {
    /// The planned change that was made at that place.
    pub(super) fn taken<'a>(&self, plan: &'a Plan, position: &str) -> Option<&'a Change> {
        plan.changes.get(self.taken.get(position)?)
    }

    /// Takes the planned change that this one is, or tells that it is one in another try; `false` when it is not planned.
    pub(super) fn take(&mut self, plan: &Plan, made: &Made<'_>) -> bool {
        if self.taken.contains_key(made.position) {
            return true;
        }
        let retry = self.retried.iter().find(|retry| is_in(made.position, retry));
        let planned = match retry {
            Some(retry) => {
                self.there(plan, made).or_else(|| self.moved(plan, made, |place| is_in(place, retry)))
            }
            None => self.there(plan, made).or_else(|| self.moved(plan, made, |_| true)),
        };
        let Some(planned) = planned else {
            return retry.is_some_and(|retry| is_again(plan, made, retry));
        };
        self.taken.insert(made.position.to_owned(), planned);
        true
    }

    /// Hears that there is another try at `position`.
    pub(super) fn retry(&mut self, position: &str) {
        self.retried.insert(position.to_owned());
    }

    /// How many of the planned changes were made.
    pub(super) fn count(&self) -> usize {
        self.taken.len()
    }

    /// The planned changes that were not made, in their order.
    pub(super) fn missing<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = &'a Change> {
        plan.changes.iter().filter(|(place, _)| !self.is_taken(place)).map(|(_, change)| change)
    }

    fn is_taken(&self, place: &str) -> bool {
        self.taken.values().any(|taken| taken == place)
    }

    /// The place of `made`, where it is what is planned there.
    fn there(&self, plan: &Plan, made: &Made<'_>) -> Option<String> {
        let (place, change) = plan.changes.get_key_value(made.position)?;
        (change.is_it(made.call, made.digest) && !self.is_taken(place)).then(|| place.clone())
    }

    /// Where `made` is planned among the places that are meant: something that is only read, or was left out, has moved it from
    /// there. Of one whose arguments were not known, only its own step tells that it is the same.
    fn moved(&self, plan: &Plan, made: &Made<'_>, is_meant: impl Fn(&str) -> bool) -> Option<String> {
        let is_same = |(place, change): &(&String, &Change)| {
            change.call == made.call
                && (change.digest == made.digest
                    || (change.digest.is_empty() && step(place) == step(made.position)))
        };
        let same = plan.changes.iter().filter(is_same).map(|(place, _)| place);
        same.filter(|place| is_meant(place)).find(|place| !self.is_taken(place)).cloned()
    }
}

/// Whether `made` is planned in the `retry` at that place, of which this is another try.
fn is_again(plan: &Plan, made: &Made<'_>, retry: &str) -> bool {
    let is_known =
        |digest: &str| digest == made.digest || (digest.is_empty() && made.effect != Effect::Destroy);
    plan.changes
        .iter()
        .any(|(place, change)| is_in(place, retry) && change.call == made.call && is_known(&change.digest))
}

/// Whether a place lies in the step or `retry` at another.
fn is_in(place: &str, outer: &str) -> bool {
    place.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}

/// The step that a place lies in.
fn step(position: &str) -> &str {
    position.rsplit_once('/').map_or("", |(step, _)| step)
}
