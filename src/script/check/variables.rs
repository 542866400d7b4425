//! Variables and properties that are not there: misspelt, declared elsewhere, or missing from the header.

use rhai::Position;

use super::kind::Kind;
use super::verbs;
use super::walk::Walk;
use crate::base::error::Error;
use crate::base::suggest;
use crate::script::header::Type;

/// What `run` holds.
pub(super) const RUN: &[&str] = &["id", "environment", "person", "playbook"];

impl Walk<'_> {
    /// A variable is read; also the name of a function, which is a pointer to it.
    pub(super) fn variable(&mut self, name: &str, position: Position) -> Kind {
        if let Some(kind) = self.look_up(name) {
            return kind.clone();
        }
        match name {
            "params" => return Kind::Facts("params"),
            "run" => return Kind::Facts("run"),
            _ => {}
        }
        if self.world.program.units[self.unit].named(name).next().is_some() {
            self.pass_on(name);
            return Kind::Plain;
        }
        self.tell(position, name.len(), |walk| {
            Error::usage(format!("there is no variable `{name}`")).fix(walk.missing_variable(name))
        });
        Kind::Unknown
    }

    fn missing_variable(&self, name: &str) -> String {
        let unit = &self.world.program.units[self.unit];
        if self.function.is_some() && unit.outer.contains(name) {
            return format!(
                "a function does not see the variables around it: give it `{name}` as an argument"
            );
        }
        if let Some(family) = self.world.families.iter().find(|family| family.name == name) {
            return format!("say which one: {}(\"main\")", family.name);
        }
        if unit.declared.contains(name) {
            return format!(
                "`{name}` is seen only in the block that declares it, and after its `let`: declare it earlier"
            );
        }
        match suggest::nearest(name, self.variables().chain(["params", "run"])) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("declare it with `let {name} = …`, or put it in quotes if it is a text"),
        }
    }

    /// A property is read.
    pub(super) fn property(&mut self, receiver: &Kind, name: &str, position: Position) -> Kind {
        match receiver {
            Kind::Map(fields) => fields.get(name).cloned().unwrap_or(Kind::Unknown),
            Kind::Facts("params") => self.parameter(name, position),
            Kind::Facts(_) => {
                if !RUN.contains(&name) {
                    self.tell(position, name.len(), |_| {
                        let error = Error::usage(format!("`run` holds no `{name}`"));
                        error.fix(suggest::advice(name, RUN.iter().copied()))
                    });
                }
                Kind::Plain
            }
            Kind::Handles(targets) => {
                self.tell(position, name.len(), |walk| {
                    let is_verb = walk.world.families.iter().any(|family| family.entry(name).is_some());
                    let what = format!("{} has no property `{name}`", verbs::show(targets));
                    Error::usage(what).fix(match is_verb {
                        true => format!("it is a method: write `{name}(…)`"),
                        false => "a resource has only methods: `playbook docs` lists them".to_owned(),
                    })
                });
                Kind::Unknown
            }
            _ => Kind::Unknown,
        }
    }

    fn parameter(&mut self, name: &str, position: Position) -> Kind {
        let parameters = &self.world.header.parameters;
        match parameters.iter().find(|parameter| parameter.name == name) {
            Some(parameter) if parameter.kind == Type::List => Kind::Items(Box::new(Kind::Plain)),
            Some(_) => Kind::Plain,
            None => {
                self.tell(position, name.len(), |_| {
                    let names = parameters.iter().map(|parameter| parameter.name.as_str());
                    let add = format!("add it to `params` in the header: {name} = \"string\"");
                    Error::usage(format!("`{name}` is no parameter of this playbook")).fix(
                        match suggest::nearest(name, names) {
                            Some(near) => format!("did you mean `params.{near}`? Otherwise {add}"),
                            None => add,
                        },
                    )
                });
                Kind::Unknown
            }
        }
    }
}
