//! Chains: properties, methods and indexes, one after the other.

use rhai::{ASTFlags, Expr};

use super::kind::Kind;
use super::walk::Walk;

impl Walk<'_> {
    /// What comes after the dot: a property or a method, and then perhaps more.
    pub(super) fn chain(&mut self, receiver: Kind, rest: &Expr) -> Kind {
        match rest {
            Expr::Property(property, position) => self.property(&receiver, &property.2, *position),
            Expr::MethodCall(call, position) => self.method(receiver, call, *position),
            Expr::Dot(parts, _, _) => {
                let kind = self.chain(receiver, &parts.lhs);
                self.chain(kind, &parts.rhs)
            }
            Expr::Index(parts, flags, _) => {
                let kind = self.chain(receiver, &parts.lhs);
                self.index(&kind, &parts.rhs, *flags)
            }
            other => self.expression(other),
        }
    }

    /// What stands in brackets, and then perhaps more: without the flag, the tree goes on inside `rest`.
    pub(super) fn index(&mut self, receiver: &Kind, rest: &Expr, flags: ASTFlags) -> Kind {
        if !flags.contains(ASTFlags::BREAK) {
            match rest {
                Expr::Dot(parts, _, _) => {
                    let kind = self.at(receiver, &parts.lhs);
                    return self.chain(kind, &parts.rhs);
                }
                Expr::Index(parts, flags, _) => {
                    let kind = self.at(receiver, &parts.lhs);
                    return self.index(&kind, &parts.rhs, *flags);
                }
                _ => {}
            }
        }
        self.at(receiver, rest)
    }

    fn at(&mut self, receiver: &Kind, index: &Expr) -> Kind {
        self.expression(index);
        match (receiver, index) {
            (Kind::Facts(_) | Kind::Map(_), Expr::StringConstant(name, position)) => {
                self.property(receiver, name, *position)
            }
            _ => receiver.item(),
        }
    }
}
