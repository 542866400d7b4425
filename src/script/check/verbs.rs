//! Handles: their constructors, their verbs, and what each call of a verb needs.

use std::collections::BTreeSet;

use rhai::{Expr, FnCallExpr, Position};

use super::kind::{Kind, Target};
use super::literals;
use super::touched::Touch;
use super::walk::Walk;
use crate::base::access::Access;
use crate::base::effect::Effect;
use crate::base::error::Error;
use crate::base::suggest;
use crate::effect::family;
use crate::effect::primitive::Entry;

/// The values of a call, and their kinds.
pub(super) type Arguments<'e> = (&'e [Expr], &'e [Kind]);

impl Walk<'_> {
    /// A method of a handle.
    pub(super) fn verb(
        &mut self,
        targets: &BTreeSet<Target>,
        call: &FnCallExpr,
        arguments: Arguments<'_>,
        position: Position,
    ) -> Kind {
        let (name, count, unit) = (call.name.as_str(), arguments.0.len(), self.unit);
        let families = self.world.families;
        let entries: Vec<(&Target, &'static Entry)> = targets
            .iter()
            .filter_map(|target| Some((target, family::find(families, target.family)?.entry(name)?)))
            .collect();
        let Some((first, entry)) = entries.first().copied() else {
            if let Some(function) = self.world.program.units[unit].function(name, count) {
                return self.enter(unit, function, arguments.1.to_vec(), Kind::Handles(targets.clone()));
            }
            let is_typed = self.world.program.typed.contains(name);
            if !self.world.natives.takes_handle(name, count + 1) && !is_typed {
                self.tell(position, name.len(), |_| unknown_verb(targets, families, name));
            }
            return Kind::Unknown;
        };
        // Only what is wrong for all that the handle may stand for is wrong.
        if targets.iter().all(|target| target.family == first.family) {
            self.arguments((first, entry), arguments, position);
        }
        for (target, entry) in entries {
            self.touch_with((target, entry), arguments, position);
        }
        Kind::Unknown
    }

    /// Notes what a call needs, as the primitive itself tells it.
    fn touch_with(
        &mut self,
        (target, entry): (&Target, &'static Entry),
        arguments: Arguments<'_>,
        position: Position,
    ) {
        if !self.is_telling() {
            return;
        }
        let Some(id) = target.id() else { return self.lose(target.family) };
        let signature = self.world.session.signature(target.family, entry);
        let schema = self.schema(entry);
        if literals::may_be_either(arguments, &schema, &signature) {
            self.found.open.insert(id.clone());
        }
        let needs = literals::guesses(arguments, &schema, &signature)
            .into_iter()
            .find_map(|arguments| entry.bind(&arguments).ok())
            .map_or_else(|| vec![Access::new(id.clone(), Effect::Read)], |bound| bound.needs(&id));
        for access in needs {
            if access.resource.family == literals::UNKNOWN {
                self.world.families.iter().for_each(|family| self.lose(family.name));
                continue;
            }
            let place = self.place(position, entry.name.len());
            self.touch(Touch { access, unit: self.unit, verb: Some(entry.name), place });
        }
    }
}

/// The resources that a handle may stand for, for a reader.
pub(super) fn show(targets: &BTreeSet<Target>) -> String {
    let name = |target: &Target| match &target.name {
        Some(name) => format!("`{}.{name}`", target.family),
        None => format!("a resource of `{}`", target.family),
    };
    targets.iter().map(name).collect::<Vec<_>>().join(" or ")
}

fn unknown_verb(targets: &BTreeSet<Target>, families: family::Families, name: &str) -> Error {
    let of = |target: &Target| family::find(families, target.family).map_or(&[][..], |family| family.entries);
    let verbs: Vec<&str> = targets.iter().flat_map(of).map(|entry| entry.name).collect();
    Error::usage(format!("{} has no method `{name}`", show(targets))).fix(suggest::advice(name, verbs))
}
