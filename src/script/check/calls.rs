//! Calls of functions: of the script, of the engine; and constructors of handles.

use rhai::{Expr, FnCallExpr, FnPtr, Position, Token};

use super::kind::Kind;
use super::literals;
use super::natives;
use super::walk::Walk;
use crate::base::error::Error;
use crate::base::moment;
use crate::effect::family;
use crate::script::forms::{gate, parallel};
use crate::script::own;
use crate::sys::clock;

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
        self.stirs += usize::from(matches!(call.name.as_str(), "call" | "parallel"));
        if let Some(own) = own::find(&call.name) {
            self.own(own, &call.args);
        }
        if let ("log", [text @ (Expr::StringConstant(..) | Expr::InterpolatedString(..)), _]) =
            (call.name.as_str(), call.args.as_slice())
        {
            self.tell(text.start_position(), 1, |_| {
                Error::usage("`log` takes one text, and it is given 2 values")
                    .fix("write them as one: log(`… ${value}`)")
            });
        }
        match (call.name.as_str(), call.args.as_slice()) {
            ("wait_until", [Expr::StringConstant(text, at)]) => {
                if let Err(error) = moment::next(text, clock::now()) {
                    self.tell(*at, text.chars().count() + 2, |_| error);
                }
                Kind::Nothing
            }
            ("Fn", [Expr::StringConstant(name, _)]) => {
                self.pass_on(name);
                Kind::Plain
            }
            ("parallel", [_, options]) => {
                self.parallel(options);
                Kind::Unknown
            }
            ("gate", [name, options]) => {
                self.gate(name, options);
                Kind::Plain
            }
            ("wait" | "wait_until", _) => Kind::Nothing,
            ("now" | "type_of" | "Fn" | "print" | "debug" | "is_def_var" | "is_def_fn", _) => Kind::Plain,
            _ => Kind::Unknown,
        }
    }

    /// A gate whose options are literal can be asked of nobody who is not there.
    fn gate(&mut self, name: &Expr, options: &Expr) {
        let Some(given) = literals::literal(options) else { return };
        let name = if let Expr::StringConstant(name, _) = name { name.as_str() } else { "gate" };
        if let Err(error) = gate::asked(name, &given, &self.world.environment.people) {
            self.tell(options.start_position(), 2, |_| error);
        }
    }

    /// The options of `parallel`, as far as they are literal.
    fn parallel(&mut self, options: &Expr) {
        let Expr::Map(options, _) = options else { return };
        for (name, value) in &options.0 {
            let literal = literals::literal(value);
            let is_computed = literal.is_none() && name.name == "limit";
            let judged = parallel::judge(&name.name, literal.and_then(|value| value.as_i64()));
            if let Some(error) = judged.err().filter(|_| !is_computed) {
                self.tell(name.pos, name.name.chars().count(), |_| error);
            }
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
