//! Between the engine's errors and ours: place, chain of calls, and what to do about it.

use rhai::{Dynamic, EvalAltResult, ParseErrorType, Position};

use super::session::Sources;
use super::{own, stand_in, values, words};
use crate::base::error::{Error, Kind, Report};

/// What the engine's functions return.
pub type Raised<T> = Result<T, Box<EvalAltResult>>;

/// An error of ours as the engine carries it: a map that `catch` may hold, or a termination that it may not.
#[must_use]
pub fn raise(error: Error, position: Position) -> Box<EvalAltResult> {
    let catchable = error.is_catchable();
    let map = serde_json::to_value(&error).map_or(Dynamic::UNIT, |json| values::from_json(&json));
    if catchable {
        EvalAltResult::ErrorRuntime(map, position).into()
    } else {
        EvalAltResult::ErrorTerminated(map, position).into()
    }
}

/// Whether the "error" is only how the engine leaves a block: `return`, `break`, `continue`, `exit`.
#[must_use]
pub fn is_departure(error: &EvalAltResult) -> bool {
    match error {
        EvalAltResult::Return(..) | EvalAltResult::LoopBreak(..) | EvalAltResult::Exit(..) => true,
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => matches!(**inner, EvalAltResult::Exit(..)),
        _ => false,
    }
}

/// The engine's error as ours, its place the innermost one; `file` is where the outermost position lies.
#[must_use]
pub fn explain(error: &EvalAltResult, file: &str, sources: &Sources) -> Error {
    let mut chain = Vec::new();
    let mut file = file.to_owned();
    let mut error = error;
    loop {
        match error {
            EvalAltResult::ErrorInFunctionCall(function, source, inner, position) => {
                let mut place = sources.place(&file, *position);
                // The engine names closures by a hash that no reader has seen.
                place.function = (!function.starts_with("anon$")).then(|| function.clone());
                chain.insert(0, place);
                if !source.is_empty() {
                    file.clone_from(source);
                }
                error = inner;
            }
            EvalAltResult::ErrorInModule(module, inner, position) => {
                let mut place = sources.place(&file, *position);
                place.function = Some(format!("import \"{module}\""));
                chain.insert(0, place);
                if !module.is_empty() {
                    file.clone_from(module);
                }
                error = inner;
            }
            _ => break,
        }
    }
    let mut ours = innermost(error);
    let position = error.position();
    if ours.at.is_none() && !position.is_none() {
        ours.at = Some(sources.place(&file, position));
    }
    if ours.chain.is_empty() {
        chain.retain(|place| place.line > 0);
        ours.chain = chain;
    }
    ours
}

fn innermost(error: &EvalAltResult) -> Error {
    match error {
        EvalAltResult::ErrorRuntime(value, _) | EvalAltResult::ErrorTerminated(value, _) => thrown(value),
        EvalAltResult::ErrorParsing(kind, _) => syntax(kind),
        EvalAltResult::ErrorVariableNotFound(name, _) => Error::usage(format!("there is no variable `{name}`")).fix(
            "a function does not see the variables around it: pass it as an argument; a step and a closure do see them",
        ),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            let name = signature.split([' ', '(']).next().unwrap_or_default();
            if stand_in::is_named_in(signature) {
                return horizon(&format!("`{name}` of a planned result"));
            }
            not_for(name, signature)
        }
        EvalAltResult::ErrorMismatchDataType(wanted, found, _) if stand_in::is_named_in(found) => {
            horizon(&format!("a planned result where {wanted} is needed"))
        }
        EvalAltResult::ErrorTooManyOperations(_) => limit("operations", "the script ran too many operations"),
        EvalAltResult::ErrorStackOverflow(_) => limit("call_depth", "functions call each other too deeply"),
        EvalAltResult::ErrorTooManyVariables(_) => limit("variables", "there are too many variables"),
        EvalAltResult::ErrorTooManyModules(_) => limit("modules", "too many modules are imported"),
        EvalAltResult::ErrorDataTooLarge(what, _) => limit("string`, `array` or `map", &format!("a value is too large: {what}")),
        EvalAltResult::ErrorModuleNotFound(name, _) => Error::missing(format!("there is no module `{name}`"))
            .fix("import \"std/…\" or the path of a .rhai file below the project, without `.rhai`"),
        EvalAltResult::ErrorFor(_) => Error::usage("`for` needs something to go through").fix("give an array, a map, a range or a text"),
        EvalAltResult::ErrorDotExpr(what, _) => property(what),
        EvalAltResult::ErrorMismatchDataType(wanted, found, _) if !wanted.is_empty() => {
            Error::usage(format!("{} is needed, and this is {}", spoken(wanted), spoken(found)))
                .fix("look with `log(…)` at the value, and where it comes from")
        }
        EvalAltResult::ErrorArrayBounds(length, index, _) => {
            let has = if *length == 0 { "is empty".to_owned() } else { format!("has {length}") };
            Error::usage(format!("there is no item {index}: the array {has}"))
                .fix("ask `.len()` first; the first item is 0")
        }
        EvalAltResult::ErrorArithmetic(what, _) => Error::new(Kind::Script, lower(what)),
        other => {
            let text = other.to_string();
            // The place is drawn; the text ends with it too.
            let what = text.rsplit_once(" (line ").map_or(text.as_str(), |(what, _)| what);
            Error::new(Kind::Script, lower(what))
        }
    }
}

/// The engine's "Unknown property 'x' - a getter is not registered for type 'i64'".
fn property(text: &str) -> Error {
    let mut quoted = text.split('\'').skip(1).step_by(2);
    let (Some(name), Some(kind)) = (quoted.next(), quoted.next()) else {
        return Error::new(Kind::Script, lower(text));
    };
    let kind = spoken(kind);
    let is_nothing = kind == "nothing";
    let kind = if is_nothing { "the value is nothing, and".to_owned() } else { kind };
    Error::usage(format!("{kind} has no property `{name}`")).fix(if is_nothing {
        "look where the value comes from: a map gives nothing for a name that it does not have"
    } else {
        "look with `log(…)` at the value: a map has properties, and so has what a call gives as a map"
    })
}

/// The engine's "wait (i64)": nothing of that name takes such values. That there is none at all a check has found.
fn not_for(name: &str, signature: &str) -> Error {
    if name.starts_with("anon$") {
        return Error::usage("this closure was made in a module, and can be called only there")
            .why("a closure is a function of the file that it is written in")
            .fix("let the module call it, or let it return what the closure would give");
    }
    let types = signature.split_once('(').map_or("", |(_, types)| types.trim_end_matches(')'));
    let types: Vec<String> = types.split(", ").filter(|kind| !kind.is_empty()).map(spoken).collect();
    let ours = own::find(name)
        .and_then(|own| types.iter().enumerate().find_map(|(place, found)| own.refuses(place, found, None)));
    if let Some(error) = ours {
        return error;
    }
    let is_word = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
    match types.as_slice() {
        [] => Error::usage(format!("there is no function `{name}` that takes nothing"))
            .fix("give it what it takes"),
        [left, right] if !is_word => Error::usage(format!("`{name}` does not go between {left} and {right}"))
            .fix("turn one into the other: `parse_int(text)`, `value.to_string()`"),
        all => Error::usage(format!("`{name}` does not take {}", all.join(" with ")))
            .fix("look with `log(…)` at what it is given: it takes values of another type"),
    }
}

/// A type as people call it.
pub(super) fn spoken(kind: &str) -> String {
    let known = match kind.trim_start_matches('&').trim_start_matches("mut ") {
        "()" => "nothing",
        "i64" | "INT" => "a whole number",
        "f64" | "FLOAT" => "a number with a point",
        "bool" => "`true` or `false`",
        "string" | "String" | "ImmutableString" | "str" | "str | ImmutableString | String" => "a text",
        "char" => "a single letter",
        "array" => "an array",
        "map" => "a map",
        "Fn" => "a function",
        "range" | "range=" => "a range",
        other => return format!("a value of the type `{other}`"),
    };
    known.to_owned()
}

/// What a script threw, or a primitive raised: a map of ours comes back whole, anything else is the text of the error.
fn thrown(value: &Dynamic) -> Error {
    let json = values::shown(value);
    if let Ok(report) = serde_json::from_value::<Error>(json.clone()) {
        return report;
    }
    let what = match &json {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Object(map) if map.contains_key("what") => {
            let field = |name: &str| map.get(name).and_then(|value| value.as_str()).map(str::to_owned);
            let mut error = Error::new(Kind::Script, field("what").unwrap_or_default());
            let report: &mut Report = &mut error;
            (report.why, report.fix) = (field("why"), field("fix"));
            return error;
        }
        other => other.to_string(),
    };
    Error::new(Kind::Script, what)
}

fn syntax(kind: &ParseErrorType) -> Error {
    let what = words::as_written(&lower(&kind.to_string()));
    let error = Error::usage(format!("syntax: {what}"));
    match kind {
        ParseErrorType::ExprTooDeep => limit("expression_depth", "an expression nests too deeply"),
        ParseErrorType::Reserved(word) | ParseErrorType::VariableUndefined(word) => {
            error.fix(format!("`{word}` is not available here"))
        }
        ParseErrorType::MissingToken(token, _) => error.fix(format!("put `{token}` there")),
        _ => error,
    }
}

fn horizon(on: &str) -> Error {
    Error::new(Kind::Horizon, format!("beyond here the plan depends on {on}"))
}

fn limit(name: &str, what: &str) -> Error {
    Error::new(Kind::Limit, what).fix(format!(
        "look for a loop that does not end; the bound is `{name}` in [env.NAME.limits] of playbook.toml"
    ))
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_property_is_told_in_our_words() {
        let told = property("Unknown property 'foo' - a getter is not registered for type 'i64'");
        assert_eq!(told.what, "a whole number has no property `foo`");
        let told = property("Unknown property 'foo' - a setter is not registered for type '()'");
        assert_eq!(told.what, "the value is nothing, and has no property `foo`");
        assert!(told.fix.as_ref().is_some_and(|fix| fix.contains("a map gives nothing")));
    }
}
