//! Calls of methods on anything; those on handles go on in `verbs`.

use rhai::{Expr, FnCallExpr, Position};

use super::expressions::is_closure;
use super::kind::Kind;
use super::walk::Walk;
use crate::base::error::Error;

/// Methods that put something into an array or a map.
const FILLERS: &[&str] = &["push", "append", "insert", "pad", "splice", "set", "mixin", "fill_with"];

/// Methods of an array that give its items to a closure, one by one.
const ITERATORS: &[&str] =
    &["map", "filter", "for_each", "all", "some", "find", "find_map", "index_of", "drain", "retain"];

impl Walk<'_> {
    /// A call of a method; returns the kind of its value.
    pub(super) fn method(&mut self, receiver: Kind, call: &FnCallExpr, position: Position) -> Kind {
        let (name, count, unit) = (call.name.as_str(), call.args.len(), self.unit);
        let gives_items = matches!(receiver, Kind::Items(_)) && ITERATORS.contains(&name);
        let kinds: Vec<Kind> = call
            .args
            .iter()
            .map(|argument| {
                self.hint = (gives_items && is_closure(argument)).then(|| receiver.item());
                let kind = self.expression(argument);
                self.hint = None;
                kind
            })
            .collect();
        match &receiver {
            Kind::Handles(targets) => {
                let is_own = self.world.program.units[unit].function(name, count).is_some();
                if is_own && self.verbs_take(name, count) {
                    self.tell(position, name.len(), |_| hidden(name));
                }
                return self.verb(targets, call, (&call.args, &kinds), position);
            }
            Kind::Map(fields) if fields.contains_key(name) => return Kind::Unknown,
            _ => {}
        }
        if let Some(function) = self.world.program.units[unit].function(name, count) {
            return self.enter(unit, function, kinds, receiver);
        }
        if self.world.natives.takes(name, count + 1) {
            self.stirs += usize::from(name == "call" || ITERATORS.contains(&name));
            return of_native(receiver, name);
        }
        if self.world.program.keys.contains(name) || self.world.program.typed.contains(name) {
            return Kind::Unknown;
        }
        if self.verbs_take(name, count) {
            self.lose_verb(name);
            return Kind::Unknown;
        }
        self.tell(position, name.len(), |walk| walk.unknown_method(name, count));
        Kind::Unknown
    }

    /// Whether some family has that verb, for so many values.
    pub(super) fn verbs_take(&self, name: &str, count: usize) -> bool {
        self.world.families.iter().any(|family| {
            family.entry(name).is_some_and(|entry| {
                count <= self.world.session.signature(family.name, entry).len().max(1) + 1
            })
        })
    }

    /// Notes that a verb is called on who knows which resource.
    pub(super) fn lose_verb(&mut self, name: &str) {
        for family in self.world.families.iter().filter(|family| family.entry(name).is_some()) {
            self.lose(family.name);
        }
    }

    /// A method that puts something into a variable's array or map makes its kind uncertain.
    pub(super) fn look_for_change(&mut self, variable: &Expr, rest: &Expr) {
        let method = match rest {
            Expr::MethodCall(call, _) => Some(call),
            Expr::Dot(parts, _, _) | Expr::Index(parts, _, _) => match &parts.lhs {
                Expr::MethodCall(call, _) => Some(call),
                // What is changed lies deeper inside.
                Expr::Property(..) => return self.look_for_change(variable, &parts.rhs),
                _ => None,
            },
            _ => None,
        };
        let is_own = |name: &str| self.world.program.units[self.unit].named(name).next().is_some();
        if method.is_some_and(|call| FILLERS.contains(&call.name.as_str()) || is_own(&call.name)) {
            self.changed_inside(variable);
        }
    }
}

/// A script's own function comes before the methods of the engine: the primitive would silently not be called.
fn hidden(name: &str) -> Error {
    Error::usage(format!(
        "the playbook's own function `{name}` would be called here, and not the resource's method"
    ))
    .fix(format!("give the function another name, for example `{name}_one`"))
}

/// The kind of what a built-in method gives.
fn of_native(receiver: Kind, name: &str) -> Kind {
    match (receiver, name) {
        (Kind::Map(fields), "values") => {
            Kind::Items(Box::new(fields.into_values().fold(Kind::Nothing, Kind::or)))
        }
        (Kind::Items(kind), "filter" | "extract") => Kind::Items(kind),
        (Kind::Items(kind), "shift" | "pop" | "get" | "find") => *kind,
        (_, "len" | "to_string" | "contains" | "is_empty" | "type_of") => Kind::Plain,
        _ => Kind::Unknown,
    }
}
