//! Statements: what they declare, and the kind of the value that a block ends with.

use rhai::{ASTFlags, BinaryExpr, Expr, ImmutableString, OpAssignment, Position, Stmt};

use super::kind::Kind;
use super::walk::Walk;
use crate::base::error::Error;
use crate::script::words;

impl Walk<'_> {
    /// A block, whose variables end with it.
    pub(super) fn block<'s>(&mut self, statements: impl IntoIterator<Item = &'s Stmt>) -> Kind {
        let depth = self.depth();
        let kind = self.statements(statements);
        self.forget(depth);
        kind
    }

    /// Statements in a row; the kind of the last one's value.
    pub(super) fn statements<'s>(&mut self, statements: impl IntoIterator<Item = &'s Stmt>) -> Kind {
        statements.into_iter().fold(Kind::Nothing, |_, statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &Stmt) -> Kind {
        match statement {
            Stmt::Expr(expression) => return self.expression(expression),
            Stmt::FnCall(call, position) => return self.call(call, *position),
            Stmt::Block(block) => return self.block(block.statements()),
            Stmt::If(flow, _) => {
                self.expression(&flow.expr);
                let kind = self.block(flow.body.statements());
                return kind.or(self.block(flow.branch.statements()));
            }
            Stmt::Switch(switch, _) => {
                let (value, cases) = &**switch;
                self.expression(value);
                return cases.expressions.iter().fold(Kind::Nothing, |kind, case| {
                    self.expression(&case.lhs);
                    kind.or(self.expression(&case.rhs))
                });
            }
            Stmt::TryCatch(flow, _) => {
                let kind = self.block(flow.body.statements());
                let depth = self.depth();
                if let Expr::Variable(variable, _, _) = &flow.expr {
                    self.declare(&variable.1, Kind::Unknown);
                }
                let kind = kind.or(self.statements(flow.branch.statements()));
                self.forget(depth);
                return kind;
            }
            _ => self.plain_statement(statement),
        }
        Kind::Nothing
    }

    /// A statement without a value.
    fn plain_statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Var(variable, _, _) => {
                let (name, value, _) = &**variable;
                let kind = self.expression(value);
                self.refuse_word(&name.name, name.pos);
                self.declare(&name.name, kind);
            }
            Stmt::Assignment(assignment) => self.assignment(&assignment.0, &assignment.1),
            Stmt::While(flow, _) | Stmt::Do(flow, _, _) => {
                self.expression(&flow.expr);
                self.block(flow.body.statements());
            }
            Stmt::For(parts, _) => {
                let (variable, counter, flow) = &**parts;
                let kind = self.expression(&flow.expr).item();
                let depth = self.depth();
                self.refuse_word(&variable.name, variable.pos);
                self.declare(&variable.name, kind);
                if let Some(counter) = counter {
                    self.declare(&counter.name, Kind::Plain);
                }
                self.statements(flow.body.statements());
                self.forget(depth);
            }
            Stmt::Return(Some(value), flags, _) => {
                let kind = self.expression(value);
                if !flags.contains(ASTFlags::BREAK) {
                    self.returned(kind);
                }
            }
            Stmt::BreakLoop(Some(value), _, _) => drop(self.expression(value)),
            Stmt::Import(import, _) => drop(self.expression(&import.0)),
            _ => {}
        }
    }

    /// The engine lets a form's word be declared, and then takes each use of it as the form.
    fn refuse_word(&mut self, name: &ImmutableString, position: Position) {
        if let Some((word, _)) = words::FORMS.iter().find(|(_, keyword)| name == keyword) {
            self.tell(position, word.len(), |_| {
                Error::usage(format!("`{word}` is a word of the language and cannot be a variable"))
                    .fix("choose another name")
            });
        }
    }

    fn assignment(&mut self, operation: &OpAssignment, sides: &BinaryExpr) {
        let value = self.expression(&sides.rhs);
        self.expression(&sides.lhs);
        match &sides.lhs {
            Expr::Variable(variable, _, _) => {
                let kind = match (operation.is_op_assignment(), value) {
                    (true, Kind::Plain) => Kind::Plain,
                    (true, _) => Kind::Unknown,
                    (false, kind) => kind,
                };
                self.assign(&variable.1, kind);
            }
            other => self.changed_inside(other),
        }
    }

    /// Something inside the variable at the root of `expression` is given another value.
    pub(super) fn changed_inside(&mut self, expression: &Expr) {
        match expression {
            Expr::Variable(variable, _, _) => {
                if matches!(self.look_up(&variable.1), Some(Kind::Items(_) | Kind::Map(_))) {
                    self.assign(&variable.1, Kind::Unknown);
                }
            }
            Expr::Dot(parts, _, _) | Expr::Index(parts, _, _) => self.changed_inside(&parts.lhs),
            _ => {}
        }
    }
}
