//! The one redactor: takes every known secret out of text, in each form it may travel in, across chunk borders.

use std::sync::{Arc, LazyLock, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use serde_json::Value;

use super::error::Result;
use super::secret::Reference;

/// What stands where a secret stood.
pub const MASK: &str = "[secret]";

/// Values shorter than this are not searched for: they would mask half of every text.
const SHORTEST: usize = 4;

/// Knows every secret that was revealed in this process.
static EVERY: LazyLock<Redactor> = LazyLock::new(Redactor::default);

/// Knows the values of the secrets that were revealed so far; clones share that knowledge.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    known: Arc<RwLock<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    secrets: Vec<(Reference, String)>,
    search: Option<AhoCorasick>,
    longest: usize,
}

impl Redactor {
    /// From now on takes `value` out of everything, in its plain, base64, URL- and JSON-escaped forms.
    pub fn learn(&self, reference: &Reference, value: &str) {
        let Ok(mut known) = self.known.write() else { return };
        if value.len() < SHORTEST || known.secrets.iter().any(|(_, have)| have == value) {
            return;
        }
        known.secrets.push((reference.clone(), value.to_owned()));
        let forms: Vec<String> = known.secrets.iter().flat_map(|(_, value)| forms(value)).collect();
        known.longest = forms.iter().map(String::len).max().unwrap_or(0);
        known.search = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&forms).ok();
        drop(known);
        if !Arc::ptr_eq(&self.known, &EVERY.known) {
            EVERY.learn(reference, value);
        }
    }

    /// The one that knows the secrets of all others: for what libraries say, which know of no run.
    #[must_use]
    pub fn of_process() -> &'static Self {
        &EVERY
    }

    /// `text` without any known secret.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let Ok(known) = self.known.read() else { return MASK.to_owned() };
        match &known.search {
            Some(search) if search.is_match(text) => {
                let mut out = String::with_capacity(text.len());
                search.replace_all_with(text, &mut out, |_, _, out| {
                    out.push_str(MASK);
                    true
                });
                out
            }
            _ => text.to_owned(),
        }
    }

    /// `value` without any known secret in its strings and keys.
    #[must_use]
    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(map) => {
                Value::Object(map.iter().map(|(key, item)| (self.text(key), self.value(item))).collect())
            }
            other => other.clone(),
        }
    }

    /// `value` with each known secret replaced by `${REFERENCE}`, so that it can be stored and made whole later by
    /// [`whole`]. What looks like a reference and is none is marked.
    #[must_use]
    pub fn refer(&self, value: &Value) -> Value {
        let Ok(known) = self.known.read() else { return value.clone() };
        map_strings(value, &|text| {
            known.secrets.iter().fold(marked(text), |text, (reference, secret)| {
                text.replace(secret.as_str(), &format!("${{{reference}}}"))
            })
        })
    }

    /// How many bytes of a stream must be held back so that a secret across two chunks is still seen.
    #[must_use]
    pub fn overlap(&self) -> usize {
        self.known.read().map_or(0, |known| known.longest.saturating_sub(1))
    }
}

/// The text with a colon put into what only looks like a reference: `${env:A}` becomes `${:env:A}`.
fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split("${");
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let looks = part.starts_with(':') || Reference::find(part).is_some();
        out.push_str(if looks { "${:" } else { "${" });
        out.push_str(part);
    }
    out
}

/// A stored value made whole again: each reference is what `reveal` says.
pub fn whole(value: &Value, reveal: &mut dyn FnMut(&Reference) -> Result<String>) -> Result<Value> {
    Ok(match value {
        Value::String(text) => Value::String(whole_text(text, reveal)?),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| whole(item, reveal)).collect::<Result<_>>()?)
        }
        Value::Object(map) => Value::Object(
            map.iter().map(|(key, item)| Ok((key.clone(), whole(item, reveal)?))).collect::<Result<_>>()?,
        ),
        other => other.clone(),
    })
}

fn whole_text(text: &str, reveal: &mut dyn FnMut(&Reference) -> Result<String>) -> Result<String> {
    let mut parts = text.split("${");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some(rest) = part.strip_prefix(':') {
            out.push_str("${");
            out.push_str(rest);
            continue;
        }
        let named = part.split_once('}').and_then(|(name, rest)| Some((Reference::find(name)?, rest)));
        match named {
            Some((reference, rest)) => {
                out.push_str(&reveal(&reference)?);
                out.push_str(rest);
            }
            None => {
                out.push_str("${");
                out.push_str(part);
            }
        }
    }
    Ok(out)
}

/// The same value with every string passed through `change`.
#[must_use]
pub fn map_strings(value: &Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(items) => items.iter().map(|item| map_strings(item, change)).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, item)| (key.clone(), map_strings(item, change))).collect())
        }
        other => other.clone(),
    }
}

/// The forms that a value travels in: itself, its lines, base64 at each of three offsets, URL- and JSON-escaped.
fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned()];
    forms.extend(value.lines().filter(|line| line.len() >= SHORTEST * 2).map(str::to_owned));
    for engine in
        [&base64::engine::general_purpose::STANDARD_NO_PAD, &base64::engine::general_purpose::URL_SAFE_NO_PAD]
    {
        for offset in 0..3_usize {
            let shifted = [vec![0_u8; offset], value.as_bytes().to_vec()].concat();
            let encoded = engine.encode(&shifted);
            // The characters at either end also encode their neighbours, so only the inner ones are sure.
            let from = (offset * 8).div_ceil(6);
            let until = shifted.len() * 8 / 6;
            if let Some(inner) = encoded.get(from..until).filter(|inner| inner.len() >= SHORTEST * 2) {
                forms.push(inner.to_owned());
            }
        }
    }
    forms.push(url_escape(value));
    let json = Value::String(value.to_owned()).to_string();
    forms.push(json[1..json.len() - 1].to_owned());
    forms.retain(|form| form.len() >= SHORTEST);
    forms.sort();
    forms.dedup();
    forms
}

fn url_escape(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        let redactor = Redactor::default();
        redactor.learn(&Reference { provider: "env".into(), name: "PW".into() }, "hun ter\"2!");
        redactor
    }

    #[test]
    fn every_travelling_form_is_masked() {
        let redactor = redactor();
        let basic = base64::engine::general_purpose::STANDARD.encode("user:hun ter\"2!");
        for text in ["x hun ter\"2! y", "hun%20ter%222%21", "{\"a\":\"hun ter\\\"2!\"}", basic.as_str()] {
            let clean = redactor.text(text);
            assert!(clean.contains(MASK), "{text} → {clean}");
        }
        assert_eq!(redactor.text("nothing here"), "nothing here");
    }

    #[test]
    fn a_stored_value_becomes_whole_again_and_what_only_looks_like_a_reference_stays() {
        let value = serde_json::json!({ "a": "pw=s3cr3t-Wörd ${env:PW} ${:x} ${HOME} $", "b": ["${file:x"] });
        let redactor = Redactor::default();
        redactor.learn(&"env:PW".parse().unwrap(), "s3cr3t-Wörd");
        let stored = redactor.refer(&value);
        assert_eq!(stored["a"], "pw=${env:PW} ${:env:PW} ${::x} ${HOME} $");
        let mut reveal = |reference: &Reference| {
            assert_eq!(reference.to_string(), "env:PW");
            Ok("s3cr3t-Wörd".to_owned())
        };
        assert_eq!(whole(&stored, &mut reveal).unwrap(), value);
    }

    #[test]
    fn a_stored_value_refers_to_the_secret_instead() {
        let value = serde_json::json!({ "set": ["pw=hun ter\"2!"] });
        assert_eq!(redactor().refer(&value), serde_json::json!({ "set": ["pw=${env:PW}"] }));
    }
}
