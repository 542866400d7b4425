//! What a tool tells as JSON, or line by line, as a value.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::error::{Error, Result};
use crate::base::text::headline;

/// How an output is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Parse {
    /// One JSON value, as `json`; words before and after it, as some tools print them, are left out
    Json,
    /// A JSON value on each line, as the array `json`; lines that are none are left out
    JsonLines,
    /// The lines that are not empty, as the array `lines`
    Lines,
}

/// The result of a program with its output read.
pub(super) fn with(how: Option<Parse>, mut done: Value) -> Result<Value> {
    let Some(how) = how else { return Ok(done) };
    let text = done["stdout"].as_str().unwrap_or_default().to_owned();
    match how {
        Parse::Lines => done["lines"] = text.lines().filter(|line| !line.trim().is_empty()).collect(),
        Parse::JsonLines => {
            done["json"] = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect();
        }
        Parse::Json => done["json"] = one(&text)?,
    }
    Ok(done)
}

/// The one JSON value in an output.
fn one(text: &str) -> Result<Value> {
    let whole = serde_json::from_str::<Value>(text.trim());
    let why = match whole {
        Ok(value) => return Ok(value),
        Err(why) => why,
    };
    // `npm` and others print a greeting first: the value begins where a line does.
    let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    for start in starts.filter(|start| text[*start..].trim_start().starts_with(['{', '['])) {
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        if let Some(Ok(value)) = values.next() {
            return Ok(value);
        }
    }
    Err(Error::remote("the output holds no JSON")
        .why(format!("{why}: {}", headline(text, 200)))
        .fix("give the tool the option that makes it print JSON, as `--json`, or leave `parse` out")
        .detail("stdout", json!(headline(text, 2000))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(how: Parse, stdout: &str) -> Result<Value> {
        with(Some(how), json!({ "code": 0, "stdout": stdout }))
    }

    #[test]
    fn tools_are_read_as_they_print() {
        assert_eq!(read(Parse::Json, "{\"a\":1}\n").unwrap()["json"], json!({ "a": 1 }));
        assert_eq!(
            read(Parse::Json, "> shop@1 audit\n> npm audit\n\n{\n \"a\": [1]\n}\nbye\n").unwrap()["json"],
            json!({ "a": [1] })
        );
        assert_eq!(
            read(Parse::JsonLines, "{\"a\":1}\nwarning\n{\"a\":2}\n").unwrap()["json"],
            json!([{ "a": 1 }, { "a": 2 }])
        );
        assert_eq!(read(Parse::Lines, "one\n\ntwo\n").unwrap()["lines"], json!(["one", "two"]));
        assert!(
            read(Parse::Json, "no such thing").unwrap_err().why.as_ref().unwrap().contains("no such thing")
        );
    }
}
