//! Handles: their constructors, their verbs, and what each call of a verb needs.

use std::collections::BTreeSet;

use rhai::{Expr, FnCallExpr, Position};

use super::kind::{Kind, Target};
use super::literals;
use super::touched::Touch;
use super::walk::Walk;
use crate::base::access::{Access, ResourceId};
use crate::base::effect::Effect;
use crate::base::error::Error;
use crate::base::suggest;
use crate::effect::family::{self, Family};
use crate::effect::primitive::Entry;

/// The values of a call, and their kinds.
pub(super) type Arguments<'e> = (&'e [Expr], &'e [Kind]);

impl Walk<'_> {
    /// `postgres("main")`: the environment must have it.
    pub(super) fn constructor(
        &mut self,
        family: &'static Family,
        call: &FnCallExpr,
        position: Position,
    ) -> Kind {
        let name = match call.args.as_slice() {
            [Expr::StringConstant(name, _)] => name.to_string(),
            [Expr::IntegerConstant(..) | Expr::FloatConstant(..) | Expr::BoolConstant(..)]
            | []
            | [_, _, ..] => {
                self.tell(position, family.name.len(), |_| {
                    Error::usage(format!("`{}` takes the name of a resource", family.name))
                        .fix(format!("write for example {}(\"main\")", family.name))
                });
                return Kind::handle(family.name, None);
            }
            _ => {
                self.lose(family.name);
                return Kind::handle(family.name, None);
            }
        };
        let id = ResourceId::new(family.name, name.as_str());
        if self.world.environment.resources.contains_key(&id) {
            let place = self.place(position, family.name.len());
            let access = Access::new(id, Effect::Read);
            self.touch(Touch { access, unit: self.unit, verb: None, place });
        } else {
            self.lose(family.name);
            let is_used = self.world.header.uses.iter().any(|access| access.resource == id);
            // What the header names is told there, once.
            if self.live && !is_used {
                let argument = call.args[0].start_position();
                self.tell(argument, name.chars().count() + 2, |walk| no_resource(walk, &id));
            }
        }
        Kind::handle(family.name, Some(name))
    }

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
        let needs = literals::guesses(arguments, &(entry.schema)().into(), &signature)
            .into_iter()
            .find_map(|arguments| entry.bind(arguments).ok())
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

fn no_resource(walk: &Walk<'_>, id: &ResourceId) -> Error {
    let environment = walk.world.environment;
    let error = Error::usage(format!("`{id}` is no resource of the environment `{}`", environment.name));
    let of_family = environment.resources.keys().filter(|have| have.family == id.family);
    let add = format!("add [env.{}.{id}] to playbook.toml", environment.name);
    let names: Vec<&str> = of_family.map(|have| have.name.as_str()).collect();
    error.fix(match (suggest::nearest(&id.name, names.iter().copied()), names.is_empty()) {
        (Some(near), _) => format!("did you mean `{}(\"{near}\")`? Otherwise {add}", id.family),
        (None, true) => add,
        (None, false) => format!("choose one of {}, or {add}", suggest::list(names)),
    })
}

fn unknown_verb(targets: &BTreeSet<Target>, families: family::Families, name: &str) -> Error {
    let of = |target: &Target| family::find(families, target.family).map_or(&[][..], |family| family.entries);
    let verbs: Vec<&str> = targets.iter().flat_map(of).map(|entry| entry.name).collect();
    Error::usage(format!("{} has no method `{name}`", show(targets))).fix(suggest::advice(name, verbs))
}
