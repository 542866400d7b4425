//! Calls of functions: of the script, of its modules, of the engine; and constructors of handles.

use rhai::{Expr, FnCallExpr, FnPtr, Position, Token};

use super::functions::Function;
use super::kind::Kind;
use super::natives;
use super::walk::Walk;
use crate::base::error::Error;
use crate::base::suggest;
use crate::effect::family;
use crate::script::modules::STANDARD;

impl Walk<'_> {
    /// A call; returns the kind of its value.
    pub(super) fn call(&mut self, call: &FnCallExpr, position: Position) -> Kind {
        // A closure that captures is written as a call of `curry` with copies of the variables.
        if let ("curry", Some(Expr::DynamicConstant(value, _))) = (call.name.as_str(), call.args.first())
            && let Some(closure) = value.read_lock::<FnPtr>()
        {
            return self.closure(closure.fn_name(), call.args.len() - 1);
        }
        let kinds: Vec<Kind> = call.args.iter().map(|argument| self.expression(argument)).collect();
        if let Some(operator) = &call.op_token {
            return operated(operator, kinds);
        }
        if call.is_qualified() {
            return self.module_call(call, kinds, position);
        }
        let (name, count, unit) = (call.name.as_str(), kinds.len(), self.unit);
        if let Some(function) = self.world.program.units[unit].function(name, count) {
            return self.enter(unit, function, kinds, Kind::Nothing);
        }
        if let Some(family) = family::find(self.world.families, name) {
            return self.constructor(family, call, position);
        }
        if let Some(instead) = natives::gone(name) {
            self.tell(position, name.len(), |_| {
                Error::usage(format!("`{name}` is not part of the language")).fix(instead)
            });
            return Kind::Unknown;
        }
        if self.world.natives.takes(name, count) {
            return self.native(call);
        }
        self.free_verb(call, &kinds, position)
    }

    fn native(&mut self, call: &FnCallExpr) -> Kind {
        match (call.name.as_str(), call.args.as_slice()) {
            ("Fn", [Expr::StringConstant(name, _)]) => {
                self.pass_on(name);
                Kind::Plain
            }
            ("wait", [duration]) => {
                self.duration(duration);
                Kind::Nothing
            }
            ("now" | "type_of" | "Fn" | "print" | "debug" | "is_def_var" | "is_def_fn", _) => Kind::Plain,
            _ => Kind::Unknown,
        }
    }

    /// A verb without a dot, `value(db, "…")`, is the method `db.value("…")`; anything else is not known.
    fn free_verb(&mut self, call: &FnCallExpr, kinds: &[Kind], position: Position) -> Kind {
        let name = call.name.as_str();
        if self.verbs_take(name, kinds.len().saturating_sub(1)) {
            if let [Kind::Handles(targets), kinds @ ..] = kinds {
                return self.verb(targets, call, (&call.args[1..], kinds), position);
            }
            if kinds.first().is_some_and(|kind| matches!(kind, Kind::Unknown | Kind::Nothing)) {
                self.lose_verb(name);
                return Kind::Unknown;
            }
        }
        let count = kinds.len();
        self.tell(position, name.len(), |walk| walk.unknown_function(name, count));
        Kind::Unknown
    }

    fn unknown_function(&self, name: &str, count: usize) -> Error {
        let unit = &self.world.program.units[self.unit];
        if self.look_up(name).is_some() {
            return Error::usage(format!("`{name}` is a variable and no function"))
                .fix(format!("if it holds a closure, write `{name}.call(…)`"));
        }
        let counts: Vec<usize> = unit.named(name).map(|one| one.parameters.len()).collect();
        if !counts.is_empty() || self.world.natives.has(name) {
            let all = counts.into_iter().chain(self.world.natives.counts(name)).collect();
            return wrong_count(name, all, count, unit.named(name).next());
        }
        let error = Error::usage(format!("there is no function `{name}`"));
        let has_some = |family: &str| self.world.environment.resources.keys().any(|id| id.family == family);
        let mut families: Vec<_> = self.world.families.iter().copied().collect();
        families.sort_by_key(|family| !has_some(family.name));
        if let Some(entry) = families.iter().find_map(|family| family.entry(name)) {
            return error.fix(format!("it is a method; for example: {}", entry.example));
        }
        for (alias, module) in &unit.aliases {
            let exported = module.map(|module| &self.world.program.units[module]);
            if exported.is_some_and(|module| module.named(name).any(|one| !one.is_private)) {
                return error.fix(format!("write `{alias}::{name}(…)`"));
            }
        }
        let families = self.world.families.iter().map(|family| family.name);
        let known = unit.names().chain(families).chain(self.world.natives.names()).chain(self.variables());
        error.fix(match suggest::nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("declare it: `fn {name}(…) {{ … }}`, or import the module that has it"),
        })
    }

    fn module_call(&mut self, call: &FnCallExpr, kinds: Vec<Kind>, position: Position) -> Kind {
        let (name, count) = (call.name.as_str(), kinds.len());
        let Some(module) = self.module(&call.namespace) else { return Kind::Unknown };
        let unit = &self.world.program.units[module];
        match unit.function(name, count) {
            Some(function) if !unit.functions[function].is_private => {
                return self.enter(module, function, kinds, Kind::Nothing);
            }
            _ => {}
        }
        let alias = call.namespace.root();
        let whole = format!("{alias}::{name}");
        self.tell(position, name.len(), |_| {
            let public = |one: &&Function| !one.is_private;
            let counts: Vec<usize> =
                unit.named(name).filter(public).map(|one| one.parameters.len()).collect();
            if !counts.is_empty() {
                return wrong_count(&whole, counts, count, unit.named(name).find(public));
            }
            if unit.named(name).next().is_some() {
                return Error::usage(format!("`{whole}` is private to its module"))
                    .fix(format!("take `private` away from it in {}", unit.name));
            }
            let names = unit.names().filter(|name| unit.named(name).any(|one| !one.is_private));
            let mut names: Vec<&str> = names.collect();
            names.sort_unstable();
            Error::usage(format!("the module `{}` has no function `{name}`", unit.name))
                .fix(suggest::advice(name, names))
        });
        Kind::Unknown
    }

    /// The module behind a namespace, where it is one that was read.
    pub(super) fn module(&mut self, namespace: &rhai::Namespace) -> Option<usize> {
        let (alias, unit) = (namespace.root(), &self.world.program.units[self.unit]);
        if namespace.path.len() > 1 || alias == "global" {
            return None;
        }
        if let Some(module) = unit.aliases.get(alias) {
            return *module;
        }
        self.tell(namespace.position(), alias.len(), |_| {
            let near = suggest::nearest(alias, unit.aliases.keys().map(String::as_str));
            let standard = STANDARD.iter().find(|(path, _)| path.strip_prefix("std/") == Some(alias));
            Error::usage(format!("no module is imported as `{alias}`")).fix(match (near, standard) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, Some((path, _))) => format!("add the line: import \"{path}\" as {alias};"),
                (None, None) => format!("add the line: import \"…\" as {alias};"),
            })
        });
        None
    }
}

/// The kind of what an operator gives: only `+` joins arrays and maps.
fn operated(operator: &Token, kinds: Vec<Kind>) -> Kind {
    match operator {
        Token::Plus | Token::Minus => match kinds.contains(&Kind::Plain) {
            true => Kind::Plain,
            false => Kind::Unknown,
        },
        _ => Kind::Plain,
    }
}

/// That a function does not take `count` values.
pub(super) fn wrong_count(
    name: &str,
    mut takes: Vec<usize>,
    count: usize,
    function: Option<&Function>,
) -> Error {
    takes.sort_unstable();
    takes.dedup();
    let wanted = takes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let values = if takes == [1] { "value" } else { "values" };
    let error = Error::usage(format!("`{name}` takes {wanted} {values}, and it is given {count}"));
    match function {
        Some(function) => error.fix(format!("write `{name}({})`", function.parameters.join(", "))),
        None => error.fix(format!("give it {wanted}")),
    }
}
