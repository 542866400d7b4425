//! Between the script's values and JSON: what a primitive takes and gives back.

use rhai::{Array, Blob, Dynamic, Map};
use serde_json::{Number, Value};

use super::handle::Handle;
use super::stand_in;
use crate::base::error::{Error, Result};

/// Values nest no deeper than this: comparing or printing deeper ones takes unbounded time inside one native call.
const DEEPEST: usize = 64;

/// A script's value as JSON. Closures, ranges and other things that would not survive a round trip are refused.
pub fn to_json(value: &Dynamic) -> Result<Value> {
    to_json_at(value, 0)
}

fn to_json_at(value: &Dynamic, depth: usize) -> Result<Value> {
    if depth > DEEPEST {
        return Err(
            Error::usage(format!("a value nests deeper than {DEEPEST} levels")).fix("pass a flatter value")
        );
    }
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(yes) = value.as_bool() {
        return Ok(Value::Bool(yes));
    }
    if let Ok(number) = value.as_int() {
        return Ok(Value::from(number));
    }
    if let Ok(number) = value.as_float() {
        return Number::from_f64(number).map(Value::Number).ok_or_else(|| {
            Error::usage(format!("{number} cannot be passed on")).fix("pass a finite number")
        });
    }
    if value.is_string() || value.is_char() {
        return Ok(Value::String(value.to_string()));
    }
    if let Some(handle) = value.read_lock::<Handle>() {
        return Ok(Value::String(handle.id.to_string()));
    }
    if let Some(items) = value.read_lock::<Array>() {
        return items.iter().map(|item| to_json_at(item, depth + 1)).collect();
    }
    if let Some(map) = value.read_lock::<Map>() {
        let pairs = map.iter().map(|(key, item)| Ok((key.to_string(), to_json_at(item, depth + 1)?)));
        return Ok(Value::Object(pairs.collect::<Result<_>>()?));
    }
    if let Some(blob) = value.read_lock::<Blob>() {
        return Ok(Value::Array(blob.iter().map(|byte| Value::from(*byte)).collect()));
    }
    Err(Error::usage(format!("a value of type `{}` cannot be passed on", value.type_name()))
        .fix("pass numbers, texts, yes or no, arrays, maps or handles of resources"))
}

/// JSON as a script's value; whole numbers stay whole.
pub fn from_json(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(yes) => (*yes).into(),
        Value::Number(number) => number
            .as_i64()
            .map(Dynamic::from)
            .or_else(|| number.as_f64().map(Dynamic::from))
            .unwrap_or(Dynamic::UNIT),
        Value::String(text) => text.clone().into(),
        Value::Array(items) => items.iter().map(from_json).collect::<Array>().into(),
        Value::Object(map) => {
            map.iter().map(|(key, item)| (key.as_str().into(), from_json(item))).collect::<Map>().into()
        }
    }
}

/// A value as the report shows it: text bare, all else as JSON; what is no JSON by its own words.
#[must_use]
pub fn shown(value: &Dynamic) -> Value {
    to_json(value).unwrap_or_else(|_| {
        let what = stand_in::within(value).map_or_else(|| value.type_name().to_owned(), |it| it.what);
        Value::String(format!("⟨{what}⟩"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_survives_the_round_trip() {
        let json =
            serde_json::json!({ "a": [1, 2.5, "x", null, true], "b": { "c": -9_007_199_254_740_993_i64 } });
        assert_eq!(to_json(&from_json(&json)).unwrap(), json);
    }

    #[test]
    fn a_deep_or_strange_value_is_refused() {
        let mut deep = Dynamic::from(1_i64);
        for _ in 0..=DEEPEST {
            deep = Dynamic::from(vec![deep]);
        }
        assert!(to_json(&deep).unwrap_err().what.contains("deeper"));
        assert!(to_json(&Dynamic::from(1_i64..2)).unwrap_err().what.contains("cannot be passed"));
        assert!(to_json(&Dynamic::from(f64::NAN)).is_err());
    }
}
