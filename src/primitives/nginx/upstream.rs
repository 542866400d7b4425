//! The file of an upstream: written from its settings and weights, and read back.

use serde::Deserialize as _;
use serde_json::Value;

use super::{Table, Upstream};
use crate::base::text::parse_duration;
use crate::effect::traffic::Weights;

/// What the first line of a file says that was written here.
const OWN: &str = "written by playbook";

/// What is wrong with the settings.
pub(super) fn check(value: &Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    parse_duration(&table.reload_within).map_err(|why| why.what.clone())?;
    for (name, upstream) in &table.upstreams {
        if !is_plain(name) {
            return Err(format!("`{name}` is no name of an upstream; use letters, digits, `-`, `_` and `.`"));
        }
        if upstream.servers.is_empty() {
            return Err(format!(
                "the upstream `{name}` has no servers; write `servers = {{ blue = \"10.0.0.1:8080\" }}`"
            ));
        }
        for (server, address) in &upstream.servers {
            if !is_plain(server) {
                return Err(format!(
                    "`{server}` is no name of a server; use letters, digits, `-`, `_` and `.`"
                ));
            }
            let own = address.split_whitespace().any(|word| word.starts_with("weight=") || word == "down");
            if own || address.trim().is_empty() || address.contains([';', '{', '}', '#', '\n']) {
                return Err(format!(
                    "`{address}` of `{server}` is no server without a weight; write for example \"10.0.0.1:8080 max_fails=2\""
                ));
            }
        }
        if let Some(wrong) = upstream.lines.iter().find(|line| !is_line(line)) {
            return Err(format!("`{wrong}` is no line of an upstream; write for example \"keepalive 32;\""));
        }
    }
    Ok(())
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
}

fn is_line(line: &str) -> bool {
    line.strip_suffix(';').is_some_and(|rest| !rest.is_empty() && !rest.contains([';', '{', '}', '#', '\n']))
}

/// Whether a text was written here.
pub(super) fn is_own(text: &str) -> bool {
    text.lines().next().is_some_and(|first| first.starts_with('#') && first.contains(OWN))
}

/// Whether a text is the file of this upstream and holds nothing else, so that a script can put back no other configuration.
pub(super) fn is_sound(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let [first, open, inner @ .., close] = lines.as_slice() else { return false };
    let is_inner = |line: &&str| is_line(line) || is_server(line);
    is_own(first) && *open == format!("upstream {name} {{") && *close == "}" && inner.iter().all(is_inner)
}

fn is_server(line: &str) -> bool {
    line.rsplit_once('#').is_some_and(|(server, name)| {
        server.starts_with("server ") && is_line(server.trim_end()) && is_plain(name.trim())
    })
}

impl Upstream {
    /// The text of the file. nginx knows no weight 0: such a server is marked as down.
    pub(super) fn write(&self, name: &str, weights: &Weights) -> String {
        let mut text = format!(
            "# Weights of the upstream `{name}`, {OWN}: changes by hand are lost.\nupstream {name} {{\n"
        );
        for line in &self.lines {
            text += &format!("    {line}\n");
        }
        for (server, address) in &self.servers {
            let weight = match weights.get(server).copied().unwrap_or(0) {
                0 => "down".to_owned(),
                weight => format!("weight={weight}"),
            };
            text += &format!("    server {address} {weight};    # {server}\n");
        }
        text + "}\n"
    }

    /// The weights that a text written here gives; a server that it does not know gets nothing.
    pub(super) fn read(&self, text: &str) -> Weights {
        let mut weights: Weights = self.servers.keys().map(|name| (name.clone(), 0)).collect();
        for line in text.lines() {
            let Some((server, name)) = line.trim().rsplit_once('#') else { continue };
            let (Some(server), Some(weight)) =
                (server.trim().strip_prefix("server "), weights.get_mut(name.trim()))
            else {
                continue;
            };
            let mut words = server.trim_end_matches(';').split_whitespace();
            *weight = words.find_map(|word| word.strip_prefix("weight=")?.parse().ok()).unwrap_or(0);
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn upstream() -> Upstream {
        let settings = json!({ "file": "f", "servers": { "blue": "10.0.0.1:80 max_fails=2", "green": "unix:/run/g.sock" }, "lines": ["least_conn;"] });
        serde_json::from_value(settings).unwrap()
    }

    #[test]
    fn what_is_written_reads_back() {
        let weights = Weights::from([("blue".to_owned(), 90), ("green".to_owned(), 0)]);
        let text = upstream().write("app", &weights);
        assert!(
            is_own(&text) && text.contains("    server 10.0.0.1:80 max_fails=2 weight=90;    # blue\n"),
            "{text}"
        );
        assert!(
            text.contains("    least_conn;\n    server") && text.contains("server unix:/run/g.sock down;"),
            "{text}"
        );
        assert_eq!(upstream().read(&text), weights);
        assert!(is_sound(&text, "app") && !is_sound(&text, "other"));
        for more in ["server { listen 1;", "include /etc/passwd; }", "} http {"] {
            let text = text.replace("    least_conn;", &format!("    {more}"));
            assert!(!is_sound(&text, "app"), "{text}");
        }
        assert!(!is_own("upstream app { server 10.0.0.1:80; }\n") && !is_own(""));
    }

    #[test]
    fn settings_that_would_write_something_else_are_refused() {
        let with = |name: &str, address: &str, line: &str| {
            check(
                &json!({ "upstreams": { "app": { "file": "f", "servers": { name: address }, "lines": [line] } } }),
            )
        };
        assert_eq!(with("blue", "10.0.0.1:80 max_fails=2", "keepalive 32;"), Ok(()));
        for (name, address, line) in [
            ("blue", "10.0.0.1:80 weight=3", "keepalive 32;"),
            ("blue", "10.0.0.1:80; }", "keepalive 32;"),
            ("blue", "10.0.0.1:80", "keepalive 32; } server { listen 1;"),
            ("blue", "10.0.0.1:80", "keepalive 32"),
            ("b;lue", "10.0.0.1:80", "keepalive 32;"),
            ("blue", "", "keepalive 32;"),
        ] {
            assert!(with(name, address, line).is_err(), "{name} {address} {line}");
        }
    }
}
