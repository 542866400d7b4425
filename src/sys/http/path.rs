//! Which address a path means: always one below the base address.

use reqwest::Url;
use serde_json::{Map, Value};

use crate::base::error::{Error, Result};

/// The address of `path` below `base`, with `query` behind it.
pub fn join(base: &Url, path: &str, query: &Map<String, Value>) -> Result<Url> {
    let refuse = |why: &str| {
        Err(Error::usage(format!("`{path}` is no path of that resource: {why}"))
            .fix("write a path below the base address, for example \"/health\""))
    };
    if path.starts_with("//") || path.starts_with('\\') || has_scheme(path) {
        return refuse("it names a host of its own");
    }
    if path.chars().any(|c| c.is_control() || c == '#') {
        return refuse("it has characters that no path can have");
    }
    let below = path.strip_prefix('/').unwrap_or(path);
    let root = base.as_str().trim_end_matches('/');
    let whole = if path.is_empty() { base.as_str().to_owned() } else { format!("{root}/{below}") };
    let Ok(mut url) = whole.parse::<Url>() else { return refuse("it cannot be read as one") };
    // Dots may have climbed out of the base's own path, in any of their spellings.
    let home = base.path().trim_end_matches('/');
    let below_home =
        url.path().strip_prefix(home).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if url.origin() != base.origin() || !below_home {
        return refuse("it leads out of the base address");
    }
    if !query.is_empty() {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in query {
            pairs.append_pair(name, &scalar(name, value)?);
        }
    }
    Ok(url)
}

/// Says so where a path is one of no address at all.
pub fn check(path: &str) -> Result<()> {
    let any = "http://x".parse().map_err(|_| Error::bug("a fixed address cannot be read"))?;
    join(&any, path, &Map::new()).map(drop)
}

/// Names and values in the form of a query or of a submitted form.
pub fn encode(fields: &Map<String, Value>) -> Result<String> {
    let mut url: Url = "http://x".parse().map_err(|_| Error::bug("a fixed address cannot be read"))?;
    for (name, value) in fields {
        url.query_pairs_mut().append_pair(name, &scalar(name, value)?);
    }
    Ok(url.query().unwrap_or_default().to_owned())
}

fn scalar(name: &str, value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => Err(Error::usage(format!("`{name}` is {value}")).fix("give a text, a number or true/false")),
    }
}

fn has_scheme(path: &str) -> bool {
    path.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn joined(base: &str, path: &str) -> Option<String> {
        join(&base.parse().unwrap(), path, &Map::new()).ok().map(|url| url.to_string())
    }

    #[test]
    fn a_path_stays_below_its_base() {
        assert_eq!(joined("http://h:1", "/health").unwrap(), "http://h:1/health");
        assert_eq!(joined("http://h/v1/", "users?id=3").unwrap(), "http://h/v1/users?id=3");
        assert_eq!(joined("http://h/v1", "").unwrap(), "http://h/v1");
        assert_eq!(joined("http://h", "/go?to=http://x/").unwrap(), "http://h/go?to=http://x/");
        for wrong in [
            "//evil/x",
            "http://evil/",
            "HTTPS://evil",
            "\\\\evil",
            "/../x",
            "/%2e%2e/x",
            "/a\r\nHost: evil",
            "/a#b",
        ] {
            assert_eq!(joined("http://h/v1", wrong), None, "{wrong}");
            // Where a path leads to hangs on the base; what it may not be does not.
            assert_eq!(check(wrong).is_ok(), wrong.ends_with("/x") && !wrong.starts_with("//"), "{wrong}");
        }
    }

    #[test]
    fn a_query_is_escaped_and_flat() {
        let query = json!({ "q": "a b&c=d", "n": 3, "on": true }).as_object().unwrap().clone();
        let url = join(&"http://h".parse().unwrap(), "/s?x=1", &query).unwrap();
        assert_eq!(url.as_str(), "http://h/s?x=1&q=a+b%26c%3Dd&n=3&on=true");
        assert!(encode(json!({ "deep": [1] }).as_object().unwrap()).is_err());
    }
}
