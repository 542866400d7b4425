//! The forms: `step`, `retry`, `check`, `metric`, whose blocks see the variables around them.

use rhai::{CustomExpr, Expr, Position, Token};

use super::kind::Kind;
use super::types;
use super::walk::Walk;
use crate::base::error::Error;
use crate::script::forms::check;
use crate::script::words;

/// Whether an operator calculates, and so gives no yes or no.
const fn is_sum(operator: &Token) -> bool {
    matches!(
        operator,
        Token::Plus | Token::Minus | Token::Multiply | Token::Divide | Token::Modulo | Token::PowerOf
    )
}

impl Walk<'_> {
    /// A form; returns the kind of its value.
    pub(super) fn form(&mut self, form: &CustomExpr, position: Position) -> Kind {
        let word = form.tokens.first().map(|keyword| words::as_written(keyword));
        match (word.as_deref(), form.inputs.as_slice()) {
            (Some("step"), [name, block, rollback @ ..]) => {
                self.step((name, position), block, rollback.first())
            }
            (Some("retry"), [times, every, block]) => {
                self.expression(times);
                self.expression(every);
                self.times(times, position);
                self.duration(every, None);
                self.expression(block)
            }
            (Some(word @ ("check" | "metric")), [name, condition]) => {
                self.expression(name);
                self.expression(condition);
                self.name(name, word);
                self.condition(condition, word);
                Kind::Plain
            }
            (_, inputs) => {
                inputs.iter().for_each(|input| drop(self.expression(input)));
                Kind::Plain
            }
        }
    }

    /// The rollback block sees the variables that its step has made.
    fn step(&mut self, (name, at): (&Expr, Position), block: &Expr, rollback: Option<&Expr>) -> Kind {
        self.expression(name);
        self.name(name, "step");
        let (depth, stirs) = (self.depth(), self.stirs);
        let kind = match block {
            Expr::Stmt(block) => self.statements(block.statements()),
            other => self.expression(other),
        };
        if let Some(rollback) = rollback {
            if self.stirs == stirs {
                self.warn(at, "step".len(), || {
                    Error::usage("the rollback block of this step would never run")
                        .why("the step changes nothing, so there is nothing to take back")
                        .fix("put the block behind the step that makes the change")
                });
            }
            self.expression(rollback);
        }
        self.forget(depth);
        kind
    }

    /// The name of a form is a text that says something.
    fn name(&mut self, name: &Expr, word: &str) {
        let what = match (name, types::found(name)) {
            (Expr::StringConstant(text, _), _) if text.trim().is_empty() => {
                format!("this {word} has no name")
            }
            (_, Some(found)) if found != "string" => {
                format!("the name of a {word} is a text, and this is {}", types::spoken(found))
            }
            _ => return,
        };
        let example = match word {
            "step" => "step \"Back up the database\" { … }",
            "metric" => "metric \"latency (ms)\", took < 500",
            _ => "check \"rows\", rows == 3",
        };
        self.tell(name.start_position(), 1, |_| {
            Error::usage(what).fix(format!("say what it is: `{example}`"))
        });
    }

    /// A condition is a yes or no; what certainly is none is told.
    fn condition(&mut self, condition: &Expr, word: &str) {
        let found = match condition {
            Expr::BoolConstant(..) => return,
            Expr::InterpolatedString(..) => "a text",
            Expr::FnCall(call, _) if call.op_token.as_ref().is_some_and(is_sum) => {
                "the result of a calculation"
            }
            _ => match types::found(condition) {
                Some(found) => types::spoken(found),
                None => return,
            },
        };
        self.tell(condition.start_position(), 1, |_| check::no_condition(word, found));
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
