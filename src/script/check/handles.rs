//! Constructors of handles: `postgres("main")` needs a resource of the environment.

use rhai::{Expr, FnCallExpr, Position};

use super::kind::Kind;
use super::touched::Touch;
use super::walk::Walk;
use crate::base::access::{Access, ResourceId};
use crate::base::effect::Effect;
use crate::base::error::Error;
use crate::base::suggest;
use crate::effect::family::Family;
use crate::effect::journal;

impl Walk<'_> {
    /// `postgres("main")`: the environment must have it.
    pub(super) fn constructor(
        &mut self,
        family: &'static Family,
        call: &FnCallExpr,
        position: Position,
    ) -> Kind {
        let own = journal::own();
        if family.name == own.family {
            if let [first, ..] = call.args.as_slice() {
                self.tell(first.start_position(), 1, |_| {
                    Error::usage(format!("`{}` takes no name: it is that of this run", family.name))
                        .fix(format!("write {}()", family.name))
                });
            }
            return Kind::handle(family.name, Some(own.name));
        }
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
