//! What is not well about an answer.

use std::time::Duration;

use serde_json::Value;

use super::Health;
use crate::base::text::headline;
use crate::sys::http::Answer;

impl Health {
    /// What is not well about an answer.
    pub(super) fn fault(
        &self,
        answer: &Answer,
        latency: Duration,
        under: Option<Duration>,
    ) -> Option<String> {
        if answer.status != self.status {
            let body = headline(&String::from_utf8_lossy(&answer.body), 80);
            let body = if body.is_empty() { body } else { format!(": {body}") };
            return Some(format!("{}{body}", answer.status_line));
        }
        let text = String::from_utf8_lossy(&answer.body);
        if let Some(wanted) = self.body.as_ref().filter(|wanted| !text.contains(wanted.as_str())) {
            return Some(format!(
                "{} without `{}`: {}",
                answer.status_line,
                headline(wanted, 40),
                headline(&text, 80)
            ));
        }
        if let Some(wanted) = &self.json {
            let wanted = Value::Object(wanted.clone());
            match serde_json::from_str::<Value>(&text) {
                Err(_) => {
                    return Some(format!(
                        "{}, which is no JSON: {}",
                        answer.status_line,
                        headline(&text, 80)
                    ));
                }
                Ok(have) => {
                    if let Some(fault) = difference(&wanted, &have, "") {
                        return Some(format!("{}, {fault}", answer.status_line));
                    }
                }
            }
        }
        under.filter(|under| latency >= *under).map(|_| format!("{}, too slow", answer.status_line))
    }
}

/// The first field of `wanted` that `have` does not have so.
fn difference(wanted: &Value, have: &Value, at: &str) -> Option<String> {
    match (wanted, have) {
        (Value::Object(fields), Value::Object(there)) => fields.iter().find_map(|(name, value)| {
            let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            match there.get(name) {
                None => Some(format!("`{at}` is missing")),
                Some(have) => difference(value, have, &at),
            }
        }),
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => None,
        _ if wanted == have => None,
        _ => Some(format!("`{at}` is {}", headline(&have.to_string(), 60))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_are_not_wanted_may_be_there() {
        let have = json!({ "status": "ok", "db": { "up": true, "ms": 3.0 }, "more": 1 });
        assert_eq!(difference(&json!({ "status": "ok", "db": { "ms": 3 } }), &have, ""), None);
        assert_eq!(difference(&json!({ "db": { "up": false } }), &have, "").unwrap(), "`db.up` is true");
        assert_eq!(difference(&json!({ "cache": 1 }), &have, "").unwrap(), "`cache` is missing");
    }
}
