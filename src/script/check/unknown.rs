//! Functions and methods that are not there, or not for so many values: what the reader may have meant.

use super::functions::Function;
use super::slips;
use super::walk::Walk;
use crate::base::error::Error;
use crate::base::suggest;
use crate::effect::family;
use crate::script::{own, words};

impl Walk<'_> {
    /// No function of that name takes `count` values.
    pub(super) fn unknown_function(&self, name: &str, count: usize) -> Error {
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
        if let Some(error) = family::lacking(self.world.families, name) {
            return error;
        }
        let error = Error::usage(format!("there is no function `{name}`"));
        let has_some = |family: &str| self.world.environment.resources.keys().any(|id| id.family == family);
        let mut families = self.world.families.to_vec();
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
        let known = known.chain(words::FORMS.iter().map(|(word, _)| *word));
        error.fix(match suggest::nearest(name, known).map(|near| (near, slips::written(near))) {
            Some((_, Some(written))) => format!("did you mean `{written}`?"),
            Some((near, None)) => format!("did you mean `{near}`?"),
            None => format!("declare it: `fn {name}(…) {{ … }}`, or import the module that has it"),
        })
    }

    /// No method of that name takes `count` values.
    pub(super) fn unknown_method(&self, name: &str, count: usize) -> Error {
        let unit = &self.world.program.units[self.unit];
        let entries = || self.world.families.iter().flat_map(|family| family.entries);
        if let Some(entry) = entries().find(|entry| entry.name == name) {
            return Error::usage(format!("`{name}` is given more values than it takes: {count}"))
                .fix(format!("for example: {}", entry.example));
        }
        if self.world.natives.has(name) || unit.named(name).next().is_some() {
            let natives =
                self.world.natives.counts(name).into_iter().filter_map(|count| count.checked_sub(1));
            let own = unit.named(name).map(|one| one.parameters.len());
            return wrong_count(name, natives.chain(own).collect(), count, unit.named(name).next());
        }
        let known = entries().map(|entry| entry.name).chain(unit.names()).chain(self.world.natives.names());
        let error = Error::usage(format!("nothing has a method `{name}`"));
        match suggest::nearest(name, known) {
            Some(near) => error.fix(format!("did you mean `{near}`?")),
            None => error.fix(format!("declare it: `fn {name}(…) {{ … }}`, in which `this` is the value")),
        }
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
    error.fix(match (function, own::find(name)) {
        (Some(function), _) => format!("write `{name}({})`", function.parameters.join(", ")),
        (None, Some(own)) => format!("write for example {}", own.example),
        (None, None) => format!("give it {wanted}"),
    })
}
