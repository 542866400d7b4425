//! `check NAME, CONDITION` and `metric NAME, CONDITION`: the lines of the checklist, with target and actual.

use std::sync::Arc;

use rhai::{Dynamic, Engine, EvalAltResult, EvalContext, Expr, Expression, Token};
use serde_json::Value;

use crate::base::error::{Error, Kind};
use crate::base::event::{Event, Judgement};
use crate::base::text;
use crate::effect::recall::{Asked, Record};
use crate::script::session::{Session, text_of};
use crate::script::{here, stand_in, traces, values};

/// Teaches the engine both forms.
pub(super) fn register(engine: &mut Engine, session: &Arc<Session>) {
    for (word, judgement) in [("__check", Judgement::Check), ("__metric", Judgement::Metric)] {
        let session = Arc::clone(session);
        engine.register_custom_syntax_with_state_raw(
            word,
            |seen, _, _| Ok(["$expr$", ",", "$expr$"].get(seen.len() - 1).map(|symbol| (*symbol).into())),
            false,
            move |context, inputs, _| judge(&session, context, inputs, judgement),
        );
    }
}

/// What a condition came to.
struct Judged {
    passed: Option<bool>,
    actual: Value,
    target: String,
}

fn judge(
    session: &Session,
    context: &mut EvalContext,
    inputs: &[Expression],
    judgement: Judgement,
) -> traces::Raised<Dynamic> {
    let at = inputs[0].position();
    let name = context.eval_expression_tree(&inputs[0])?;
    let name = text_of(&name, "the name of a check").map_err(|error| traces::raise(error, at))?;
    let name = session.pipeline.host.redactor.text(&name);
    let judged = match compare(context, &inputs[1], judgement) {
        Err(error) if session.is_planning() && depends(&error, context, session) => {
            Judged { passed: None, actual: Value::Null, target: String::new() }
        }
        judged => judged?,
    };
    let position = here::next();
    let asked = Asked::Judged(judgement, &name);
    let before = session.recall(&position, &asked).map_err(|error| traces::raise(error, at))?;
    let event = Event::Judged {
        position,
        judgement,
        name: name.clone(),
        // What the planned changes do to it nobody knows: as things are now is no verdict.
        passed: judged.passed.filter(|_| !session.pipeline.has_planned_changes()),
        condition: written(context, inputs, session),
        actual: session.pipeline.host.redactor.value(&judged.actual),
        target: session.pipeline.host.redactor.text(&judged.target),
    };
    match before {
        // A person has seen it fail and let the run go on.
        Some(Record::Judged { event, waved: true }) => {
            session.retell(&event);
            return Ok(true.into());
        }
        Some(Record::Judged { event: then, .. }) if is_same(&then, judged.passed) => session.retell(&then),
        _ => session.record(&event).map_err(|error| traces::raise(error, at))?,
    }
    if judged.passed != Some(false) || session.is_planning() {
        return Ok(judged.passed.unwrap_or(false).into());
    }
    let Event::Judged { actual, target, condition, .. } = event else { return Ok(false.into()) };
    let why = if target.is_empty() {
        format!("`{condition}` is not true")
    } else {
        format!("it is {actual}, and should be {target}")
    };
    Err(traces::raise(
        Error::new(Kind::Check, format!("{} “{name}” does not hold", judgement.word())).why(why),
        at,
    ))
}

fn is_same(then: &Event, now: Option<bool>) -> bool {
    matches!(then, Event::Judged { passed, .. } if *passed == now)
}

fn depends(error: &EvalAltResult, context: &EvalContext, session: &Session) -> bool {
    traces::explain(error, context.source().unwrap_or_default(), &session.sources).kind == Kind::Horizon
}

/// Evaluates a condition; of a comparison each side once, so that both can be shown.
fn compare(
    context: &mut EvalContext,
    condition: &Expression,
    judgement: Judgement,
) -> Result<Judged, Box<EvalAltResult>> {
    let expression: &Expr = condition;
    if let Expr::FnCall(call, _) = expression
        && let Some(operator) = call.op_token.as_ref().filter(|token| is_comparison(token))
        && let [left, right] = call.args.as_slice()
    {
        let left = context.eval_expression_tree(&Expression::from(left))?.flatten();
        let right = context.eval_expression_tree(&Expression::from(right))?.flatten();
        let sign = operator.literal_syntax();
        let judged = Judged {
            passed: None,
            actual: values::shown(&left),
            target: format!("{sign} {}", values::shown(&right)),
        };
        if stand_in::within(&left).or_else(|| stand_in::within(&right)).is_some() {
            return Ok(Judged { actual: Value::Null, ..judged });
        }
        refuse_strangers(&left, &right, condition.position())?;
        let passed: bool = context.call_native_fn(sign, (left, right))?;
        return Ok(Judged { passed: Some(passed), ..judged });
    }
    let value = context.eval_expression_tree(condition)?;
    if stand_in::within(&value).is_some() {
        return Ok(Judged { passed: None, actual: Value::Null, target: String::new() });
    }
    let passed = value.as_bool().map_err(|found| {
        traces::raise(no_condition(judgement.word(), &traces::spoken(found)), condition.position())
    })?;
    Ok(Judged { passed: Some(passed), actual: Value::Bool(passed), target: String::new() })
}

/// What is said of a condition that is no yes or no.
pub(in crate::script) fn no_condition(word: &str, found: &str) -> Error {
    Error::usage(format!("a {word} needs a yes or no, and this is {found}")).fix(match word {
        "metric" => "compare it with its target: `metric \"latency (ms)\", took < 500`",
        _ => "compare it: `check \"rows\", rows == 3`",
    })
}

/// A text is never equal to a number: in the language that is silently `false`, in a checklist it is a mistake.
fn refuse_strangers(left: &Dynamic, right: &Dynamic, at: rhai::Position) -> Result<(), Box<EvalAltResult>> {
    let kind =
        |value: &Dynamic| if value.is_int() || value.is_float() { "number" } else { value.type_name() };
    let (one, other) = (kind(left), kind(right));
    if one == other || one == "()" || other == "()" {
        return Ok(());
    }
    let (left, right) = (traces::spoken(left.type_name()), traces::spoken(right.type_name()));
    let error = Error::usage(format!("{left} is compared with {right}"))
        .fix("turn one into the other: `parse_int(text)`, `value.to_string()`");
    Err(traces::raise(error, at))
}

const fn is_comparison(token: &Token) -> bool {
    matches!(
        token,
        Token::EqualsTo
            | Token::NotEqualsTo
            | Token::LessThan
            | Token::LessThanEqualsTo
            | Token::GreaterThan
            | Token::GreaterThanEqualsTo
    )
}

/// The condition as it stands in the script, white space folded.
fn written(context: &EvalContext, inputs: &[Expression], session: &Session) -> String {
    let position = inputs[0].position();
    let text = session.sources.text(context.source().unwrap_or_default()).unwrap_or_default();
    let (line, column) = (position.line().unwrap_or(1), position.position().unwrap_or(1));
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let from: String = text[before..].chars().skip(column.saturating_sub(1)).collect();
    let name = until(&from, &[',']);
    let condition = from[name.len()..].trim_start_matches(',');
    text::headline(until(condition, &[';']), 200)
}

/// The part of `source` up to one of `ends`, or to the bracket that closes what is around it.
fn until<'a>(source: &'a str, ends: &[char]) -> &'a str {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (index, letter) in source.char_indices() {
        match (quote, letter) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), letter) => quote = (letter != open).then_some(open),
            (None, '"' | '`') => quote = Some(letter),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') if depth == 0 => return &source[..index],
            (None, ')' | ']' | '}') => depth -= 1,
            (None, letter) if depth == 0 && ends.contains(&letter) => return &source[..index],
            _ => {}
        }
    }
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_ends_outside_of_brackets_and_quotes() {
        assert_eq!(until("\"a, b\" + f(1, 2), x == 1", &[',']), "\"a, b\" + f(1, 2)");
        assert_eq!(until("x == #{ a: 1 }.a && s != \";\"; log(1)", &[';']), "x == #{ a: 1 }.a && s != \";\"");
        assert_eq!(until("x == 1 } rollback", &[';']), "x == 1 ");
    }
}
