//! What a playbook touches, computed from its calls: per resource the verbs, the lines, and the strongest effect.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::base::access::{Access, ResourceId};
use crate::base::effect::Effect;
use crate::base::place::Place;

/// One use of a resource.
#[derive(Clone, Debug)]
pub(super) struct Touch {
    pub(super) access: Access,
    /// The file, for the order.
    pub(super) unit: usize,
    /// The verb; none for a handle that is only made.
    pub(super) verb: Option<&'static str>,
    pub(super) place: Place,
}

/// A resource that a playbook touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Touched {
    /// Which.
    pub resource: ResourceId,
    /// The strongest effect on it.
    pub access: Effect,
    /// The verbs called on it or with it, in the order of their first calls.
    pub verbs: Vec<Verb>,
    /// The first place that needs the strongest effect.
    pub at: Place,
}

/// A verb, and where it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verb {
    /// Its name.
    pub name: String,
    /// What it does to the resource.
    pub effect: Effect,
    /// Where it is called, as `FILE:LINE`, each once.
    pub at: Vec<String>,
}

/// Sums the uses up, resource by resource.
pub(super) fn sum(mut touches: Vec<Touch>) -> Vec<Touched> {
    touches.sort_by_key(|touch| (touch.unit, touch.place.line, touch.place.column));
    let mut all: BTreeMap<ResourceId, Touched> = BTreeMap::new();
    for Touch { access, verb, place, .. } in touches {
        let at = format!("{}:{}", place.file, place.line);
        let touched = all.entry(access.resource.clone()).or_insert_with(|| Touched {
            resource: access.resource,
            access: access.effect,
            verbs: Vec::new(),
            at: place.clone(),
        });
        if access.effect > touched.access {
            (touched.access, touched.at) = (access.effect, place);
        }
        let Some(name) = verb else { continue };
        match touched.verbs.iter_mut().find(|verb| verb.name == name) {
            Some(verb) => {
                verb.effect = verb.effect.max(access.effect);
                if !verb.at.contains(&at) {
                    verb.at.push(at);
                }
            }
            None => {
                touched.verbs.push(Verb { name: name.to_owned(), effect: access.effect, at: vec![at] });
            }
        }
    }
    all.into_values().collect()
}
