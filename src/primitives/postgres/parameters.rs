//! Values of a script as parameters of a statement: in the server's own text form, of the type that it infers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use serde_json::{Map, Value};
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::base::text::hexadecimal;

/// A parameter; bound, never spliced into the SQL.
#[derive(Debug)]
pub(super) struct Parameter<'a>(pub(super) &'a Value);

type Failure = Box<dyn std::error::Error + Sync + Send>;

impl ToSql for Parameter<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        match text(self.0, ty)? {
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// The text form of `value` for the server's type; `None` is NULL.
fn text(value: &Value, ty: &Type) -> Result<Option<String>, Failure> {
    if let Kind::Domain(base) = ty.kind() {
        return text(value, base);
    }
    let is_json = matches!(*ty, Type::JSON | Type::JSONB);
    Ok(Some(match (value, ty.kind()) {
        (Value::Null, _) => return Ok(None),
        (Value::Object(map), _) if *ty == Type::BYTEA => bytes(map)?,
        (Value::String(text), _) => text.clone(),
        (Value::Array(items), Kind::Array(of)) => array(items, of)?,
        (Value::Array(_), _) if !is_json => {
            return Err(format!("an array cannot be a parameter of the type {}", ty.name()).into());
        }
        (other, _) => other.to_string(),
    }))
}

/// Bytes come as they are given out: `#{ base64: "…" }`.
fn bytes(map: &Map<String, Value>) -> Result<String, Failure> {
    let wrong = |why: String| format!("bytes are given as #{{ base64: \"…\" }}{why}");
    let text = map
        .get("base64")
        .and_then(Value::as_str)
        .filter(|_| map.len() == 1)
        .ok_or_else(|| wrong(String::new()))?;
    let bytes = STANDARD.decode(text).map_err(|why| wrong(format!(": {why}")))?;
    Ok(format!("\\x{}", hexadecimal(&bytes)))
}

fn array(items: &[Value], of: &Type) -> Result<String, Failure> {
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        out.push(match item {
            Value::Array(inner) if !matches!(*of, Type::JSON | Type::JSONB) => array(inner, of)?,
            _ => match text(item, of)? {
                None => "NULL".to_owned(),
                Some(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            },
        });
    }
    Ok(format!("{{{}}}", out.join(",")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_take_the_form_of_the_type_that_the_server_wants() {
        for (value, ty, wanted) in [
            (json!(5), Type::INT4, "5"),
            (json!(5), Type::TEXT, "5"),
            (json!(true), Type::BOOL, "true"),
            (json!("it's"), Type::TEXT, "it's"),
            (json!({ "a": [1] }), Type::JSONB, "{\"a\":[1]}"),
            (json!([1, 2]), Type::JSONB, "[1,2]"),
            (json!([1, null]), Type::INT4_ARRAY, "{\"1\",NULL}"),
            (json!(["a,\"b\\"]), Type::TEXT_ARRAY, "{\"a,\\\"b\\\\\"}"),
            (json!([[1], [2]]), Type::INT4_ARRAY, "{{\"1\"},{\"2\"}}"),
            (json!({ "base64": "AP8=" }), Type::BYTEA, "\\x00ff"),
            (json!("\\x00ff"), Type::BYTEA, "\\x00ff"),
        ] {
            assert_eq!(text(&value, &ty).unwrap().as_deref(), Some(wanted), "{value}");
        }
        assert_eq!(text(&Value::Null, &Type::INT4).unwrap(), None);
        assert!(text(&json!([1]), &Type::INT4).is_err());
        assert!(text(&json!({ "base64": "not base64!" }), &Type::BYTEA).is_err());
    }
}
