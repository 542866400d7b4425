//! Expressions: what each is made of, and the kind of its value.

use rhai::{Expr, FnPtr, Stmt};

use super::functions;
use super::kind::Kind;
use super::walk::Walk;

impl Walk<'_> {
    /// An expression; returns the kind of its value.
    pub(super) fn expression(&mut self, expression: &Expr) -> Kind {
        match expression {
            Expr::BoolConstant(..)
            | Expr::IntegerConstant(..)
            | Expr::FloatConstant(..)
            | Expr::CharConstant(..)
            | Expr::StringConstant(..) => Kind::Plain,
            Expr::DynamicConstant(value, _) => match value.read_lock::<FnPtr>() {
                Some(closure) => self.closure(closure.fn_name(), 0),
                None => Kind::Unknown,
            },
            Expr::Unit(_) => Kind::Nothing,
            Expr::ThisPtr(_) => self.this(),
            Expr::Variable(variable, _, position) if variable.2.is_empty() => {
                self.variable(&variable.1, *position)
            }
            Expr::Variable(variable, _, _) => {
                self.module(&variable.2);
                Kind::Unknown
            }
            Expr::Stmt(block) => self.block(block.statements()),
            Expr::FnCall(call, position) => self.call(call, *position),
            Expr::Dot(parts, _, _) => {
                let receiver = self.expression(&parts.lhs);
                self.look_for_change(&parts.lhs, &parts.rhs);
                self.chain(receiver, &parts.rhs)
            }
            Expr::Index(parts, flags, _) => {
                let receiver = self.expression(&parts.lhs);
                self.index(&receiver, &parts.rhs, *flags)
            }
            Expr::Custom(custom, position) => self.form(custom, *position),
            _ => self.composed(expression),
        }
    }

    /// An expression of several of the same rank.
    fn composed(&mut self, expression: &Expr) -> Kind {
        match expression {
            Expr::InterpolatedString(parts, _) => {
                parts.iter().for_each(|part| drop(self.expression(part)));
                Kind::Plain
            }
            Expr::Array(items, _) => {
                let kind = items.iter().fold(Kind::Nothing, |kind, item| kind.or(self.expression(item)));
                Kind::Items(Box::new(kind))
            }
            Expr::Map(map, _) => {
                let fields = map.0.iter().map(|(key, value)| (key.name.to_string(), self.expression(value)));
                Kind::Map(fields.collect())
            }
            Expr::And(sides, _) | Expr::Or(sides, _) => {
                sides.iter().for_each(|side| drop(self.expression(side)));
                Kind::Plain
            }
            Expr::Coalesce(sides, _) => {
                sides.iter().fold(Kind::Nothing, |kind, side| kind.or(self.expression(side)))
            }
            _ => Kind::Unknown,
        }
    }

    /// A closure is made: its body sees the variables around it, of which the first `captured` parameters are copies.
    pub(super) fn closure(&mut self, name: &str, captured: usize) -> Kind {
        self.stirs += 1;
        if !functions::is_closure(name) {
            self.pass_on(name);
            return Kind::Plain;
        }
        let unit = &self.world.program.units[self.unit];
        let Some(closure) = unit.functions.iter().find(|function| function.name == name) else {
            return Kind::Plain;
        };
        let (depth, function) = (self.depth(), self.function.take());
        let mut hint = self.hint.take();
        for parameter in closure.parameters.iter().skip(captured) {
            self.declare(parameter, hint.take().unwrap_or(Kind::Unknown));
        }
        self.statements(&closure.body);
        self.forget(depth);
        self.function = function;
        Kind::Plain
    }
}

/// Whether an expression is a closure, as the parser writes one down.
pub(super) fn is_closure(expression: &Expr) -> bool {
    match expression {
        Expr::DynamicConstant(value, _) => value.is_fnptr(),
        Expr::Stmt(block) => matches!(block.statements().first(), Some(Stmt::Share(_))),
        _ => false,
    }
}
