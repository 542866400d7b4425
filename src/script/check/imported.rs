//! What is called in modules.

use rhai::{FnCallExpr, Namespace, Position};

use super::functions::Function;
use super::kind::Kind;
use super::unknown::wrong_count;
use super::walk::Walk;
use crate::base::error::Error;
use crate::base::suggest;
use crate::script::modules::STANDARD;

impl Walk<'_> {
    /// `alias::function(…)`; returns the kind of its value.
    pub(super) fn module_call(&mut self, call: &FnCallExpr, kinds: Vec<Kind>, position: Position) -> Kind {
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
    pub(super) fn module(&mut self, namespace: &Namespace) -> Option<usize> {
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
