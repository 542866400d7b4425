//! The value of a flag as a column holds it: yes or no, a number, or a word.

use serde_json::Value;

/// The words for on and off that a column of text may hold.
const WORDS: [(&str, &str); 6] =
    [("true", "false"), ("on", "off"), ("yes", "no"), ("1", "0"), ("t", "f"), ("enabled", "disabled")];

/// Whether a held value means on; nothing held means off.
pub(super) fn is_on(held: &Value) -> Option<bool> {
    match held {
        Value::Bool(yes) => Some(*yes),
        Value::Null => Some(false),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => Some(false),
            Some(1.0) => Some(true),
            _ => None,
        },
        Value::String(text) => WORDS.iter().find_map(|(on, off)| match text.to_lowercase() {
            word if word == *on => Some(true),
            word if word == *off => Some(false),
            _ => None,
        }),
        _ => None,
    }
}

/// `value` in the form in which the column held its value before.
pub(super) fn like(held: &Value, value: bool) -> Value {
    match held {
        Value::Number(_) => u8::from(value).into(),
        Value::String(text) => {
            let word = text.to_lowercase();
            let pair = WORDS.iter().find(|(on, off)| word == *on || word == *off).unwrap_or(&WORDS[0]);
            let word = if value { pair.0 } else { pair.1 };
            let is_loud = text.len() > 1 && text.chars().all(|c| !c.is_lowercase());
            if is_loud { word.to_uppercase().into() } else { word.into() }
        }
        _ => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_keeps_the_form_that_the_column_has() {
        for (held, on, off) in [
            (json!(true), json!(true), json!(false)),
            (json!(0), json!(1), json!(0)),
            (json!("off"), json!("on"), json!("off")),
            (json!("TRUE"), json!("TRUE"), json!("FALSE")),
            (json!("t"), json!("t"), json!("f")),
            (json!(null), json!(true), json!(false)),
        ] {
            assert_eq!((like(&held, true), like(&held, false)), (on.clone(), off.clone()));
            assert_eq!((is_on(&on), is_on(&off)), (Some(true), Some(false)));
        }
        for strange in [json!(2), json!("perhaps"), json!({ "base64": "" })] {
            assert_eq!(is_on(&strange), None);
        }
    }
}
