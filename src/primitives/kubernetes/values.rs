//! Values in a manifest: each stands wherever its name does in braces.

use serde_json::{Map, Value};

use crate::base::error::{Error, Result};
use crate::base::suggest;

/// The text with each value in its places. Where values are given at all, a place without one is an error, which names it
/// in `named`, the file.
pub(super) fn fill(named: &str, text: &str, values: &Map<String, Value>) -> Result<String> {
    if values.is_empty() {
        return Ok(text.to_owned());
    }
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((begin, name)) = place(rest) {
        filled.push_str(&rest[..begin]);
        let at = text.len() - rest.len() + begin;
        let value = values.get(name).ok_or_else(|| missing(named, &text[..at], name, values))?;
        filled.push_str(&spoken(name, value)?);
        rest = &rest[begin + name.len() + 2..];
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Where the next place begins, and the name in it. `${NAME}` and `{{NAME}}` are other people's.
fn place(text: &str) -> Option<(usize, &str)> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut from = 0;
    while let Some(found) = text[from..].find('{') {
        let begin = from + found;
        let inner = &text[begin + 1..];
        let name = &inner[..inner.find(|letter| !is_word(letter)).unwrap_or(inner.len())];
        let behind = &inner[name.len()..];
        let is_ours = !text[..begin].ends_with(['$', '{'])
            && !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && behind.starts_with('}')
            && !behind.starts_with("}}");
        if is_ours {
            return Some((begin, name));
        }
        from = begin + 1;
    }
    None
}

fn missing(named: &str, before: &str, name: &str, values: &Map<String, Value>) -> Error {
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let given = values.keys().map(String::as_str);
    let fix = match suggest::nearest(name, given) {
        Some(near) => format!("did you mean `{near}`? Both names must be the same"),
        None => format!(
            "give it: `values: #{{ {name}: … }}`; braces that stay as they are are `{name}: \"{{{name}}}\"`"
        ),
    };
    Error::usage(format!("{named} has a place for `{name}`, and `values` lacks it"))
        .why(format!("line {line}, column {column}: `{{{name}}}`"))
        .fix(fix)
        .unchanged()
}

fn spoken(name: &str, value: &Value) -> Result<String> {
    match value {
        Value::String(text) if !text.contains(['\n', '\r']) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        _ => Err(Error::usage(format!("the value `{name}` cannot stand in a manifest"))
            .fix("give a text of one line, a number, or true or false")
            .unchanged()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(name: &str, value: Value) -> Map<String, Value> {
        Map::from_iter([(name.to_owned(), value)])
    }

    #[test]
    fn a_value_stands_where_its_name_does_and_is_one_line() {
        let text = "image: shop:{release}\nother: {a: b}\nshell: ${release} {{release}} {} {1}";
        let filled = |value| fill("x", text, &values("release", value));
        let wanted = |release: &str| text.replacen("{release}", release, 1);
        assert_eq!(filled("v2".into()).unwrap(), wanted("v2"));
        assert_eq!(filled(3.into()).unwrap(), wanted("3"));
        assert_eq!(filled("{release}".into()).unwrap(), text);
        assert!(filled("v2\nkind: Secret".into()).is_err() && filled(Value::Null).is_err());
        assert_eq!(fill("x", text, &Map::new()).unwrap(), text);
    }

    #[test]
    fn a_place_without_a_value_is_named_with_its_line() {
        let text = "a: b\n\nreplicas: {replicas}\n";
        let error = fill("k8s/b.yaml", text, &values("replcas", 3.into())).unwrap_err();
        let told = error.to_string();
        assert!(told.contains("k8s/b.yaml has a place for `replicas`"), "{told}");
        assert_eq!(error.why.as_deref(), Some("line 3, column 11: `{replicas}`"));
        assert!(error.fix.as_deref().unwrap().contains("did you mean `replcas`"));
        let error = fill("x", "{a}", &values("other", 3.into())).unwrap_err();
        assert_eq!(error.why.as_deref(), Some("line 1, column 1: `{a}`"));
        assert!(error.fix.as_deref().unwrap().contains("`a: \"{a}\"`"));
    }
}
