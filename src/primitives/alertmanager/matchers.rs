//! Matchers: which alerts are meant, as a map of labels in scripts and as Alertmanager takes them.

use serde_json::{Map, Value, json};

use crate::base::error::{Error, Result};

/// How a label is compared, with the signs that stand before the value in a script.
const SIGNS: [(&str, bool, bool); 3] = [("=~", true, true), ("!~", true, false), ("!=", false, false)];

/// A script's map as Alertmanager takes it.
pub(super) fn write(labels: &Map<String, Value>) -> Result<Vec<Value>> {
    if labels.is_empty() {
        return Err(Error::usage("no label says which alerts are meant")
            .fix("give some, for example `#{ alertname: \"HighErrorRate\" }`"));
    }
    let each = labels.iter().map(|(name, value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return Err(Error::usage(format!("the label `{name}` is {value}")).fix("give a text")),
        };
        let sign =
            SIGNS.iter().find_map(|(sign, regex, equal)| Some((text.strip_prefix(sign)?, *regex, *equal)));
        let (value, regex, equal) = sign.unwrap_or((text.as_str(), false, true));
        Ok(json!({ "name": name, "value": value, "isRegex": regex, "isEqual": equal }))
    });
    each.collect()
}

/// The map that stands for Alertmanager's matchers; none when it cannot say so, because a label is meant twice.
pub(super) fn read(matchers: &Value) -> Option<Map<String, Value>> {
    let mut labels = Map::new();
    for matcher in matchers.as_array()? {
        let (name, value) = (matcher["name"].as_str()?, matcher["value"].as_str()?);
        let how = (matcher["isRegex"] == json!(true), matcher["isEqual"] != json!(false));
        let sign =
            SIGNS.iter().find(|(_, regex, equal)| (*regex, *equal) == how).map_or("", |(sign, ..)| sign);
        if labels.insert(name.to_owned(), json!(format!("{sign}{value}"))).is_some() {
            return None;
        }
    }
    Some(labels)
}

/// The matchers as people write them: `alertname="Down", job=~"api.*"`.
pub(super) fn told(labels: &Map<String, Value>) -> String {
    let each = write(labels).unwrap_or_default();
    each.iter().map(filter).collect::<Vec<_>>().join(", ")
}

/// One matcher in the form of a filter.
pub(super) fn filter(matcher: &Value) -> String {
    let sign = match (matcher["isRegex"] == json!(true), matcher["isEqual"] != json!(false)) {
        (true, true) => "=~",
        (true, false) => "!~",
        (false, true) => "=",
        (false, false) => "!=",
    };
    format!("{}{sign}{}", matcher["name"].as_str().unwrap_or_default(), matcher["value"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_before_a_value_say_how_it_is_compared() {
        let labels =
            json!({ "a": "x", "b": "=~y.*", "c": "!=z", "d": "!~w", "n": 3 }).as_object().unwrap().clone();
        assert_eq!(told(&labels), "a=\"x\", b=~\"y.*\", c!=\"z\", d!~\"w\", n=\"3\"");
        let written = Value::Array(write(&labels).unwrap());
        assert_eq!(read(&written).unwrap()["b"], "=~y.*");
        assert!(read(&json!([written[0], written[0]])).is_none());
        assert!(write(&Map::new()).is_err());
    }
}
