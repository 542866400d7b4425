//! The forms: `step`, `retry`, `check`, `metric`, whose blocks see the variables around them.

use rhai::{CustomExpr, Expr, Position};

use super::kind::Kind;
use super::walk::Walk;
use crate::base::error::Error;
use crate::script::words;

impl Walk<'_> {
    /// A form; returns the kind of its value.
    pub(super) fn form(&mut self, form: &CustomExpr, position: Position) -> Kind {
        let word = form.tokens.first().map(|keyword| words::as_written(keyword));
        match (word.as_deref(), form.inputs.as_slice()) {
            (Some("step"), [name, block, rollback @ ..]) => self.step(name, block, rollback.first()),
            (Some("retry"), [times, every, block]) => {
                self.expression(times);
                self.expression(every);
                self.times(times, position);
                self.duration(every);
                self.expression(block)
            }
            (_, inputs) => {
                inputs.iter().for_each(|input| drop(self.expression(input)));
                Kind::Plain
            }
        }
    }

    /// The rollback block sees the variables that its step has made.
    fn step(&mut self, name: &Expr, block: &Expr, rollback: Option<&Expr>) -> Kind {
        self.expression(name);
        let depth = self.depth();
        let kind = match block {
            Expr::Stmt(block) => self.statements(block.statements()),
            other => self.expression(other),
        };
        if let Some(rollback) = rollback {
            self.expression(rollback);
        }
        self.forget(depth);
        kind
    }

    fn times(&mut self, times: &Expr, position: Position) {
        let is_wrong = match times {
            Expr::IntegerConstant(number, _) => *number < 1,
            Expr::StringConstant(..) | Expr::FloatConstant(..) | Expr::BoolConstant(..) => true,
            _ => false,
        };
        if is_wrong {
            let at = if times.start_position().is_none() { position } else { times.start_position() };
            self.tell(at, 1, |_| {
                Error::usage("`retry` needs how many times")
                    .fix("write for example `retry 5 every \"2s\" { … }`")
            });
        }
    }
}
