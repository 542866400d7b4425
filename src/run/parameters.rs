//! The parameters of a run: `--set name=value` over the environment's over the header's defaults, checked all at once.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::effect::environment::Environment;
use crate::script::header::{Header, Parameter};

/// The value of every parameter of `header`, in its order. `set` holds the command line's `name=value`. All that is
/// wrong comes as one error.
pub fn resolve(header: &Header, environment: &Environment, set: &[String]) -> Result<Map<String, Value>> {
    let mut mistakes = Vec::new();
    let given = given(header, set, &mut mistakes);
    let mut values = Map::new();
    for parameter in &header.parameters {
        match value(parameter, &given, environment) {
            Ok(value) => drop(values.insert(parameter.name.clone(), value)),
            Err(error) => mistakes.push(error),
        }
    }
    Error::all(mistakes)?;
    Ok(values)
}

/// The command line's values by name.
fn given<'a>(header: &Header, set: &'a [String], mistakes: &mut Vec<Error>) -> BTreeMap<&'a str, &'a str> {
    let names = || header.parameters.iter().map(|one| one.name.as_str());
    let mut given = BTreeMap::new();
    for one in set {
        let Some((name, text)) = one.split_once('=') else {
            mistakes.push(Error::usage("`--set` takes NAME=VALUE").fix(
                match names().find(|name| *name == one) {
                    Some(name) => format!("write --set {name}=VALUE"),
                    None => "put a `=` between the name and its value".to_owned(),
                },
            ));
            continue;
        };
        let name = name.trim();
        if !names().any(|have| have == name) {
            let error = Error::usage(format!("`{name}` is no parameter of this playbook"));
            mistakes.push(error.fix(match header.parameters.as_slice() {
                [] => format!("leave it out, or add it to `params` in the header: {name} = \"string\""),
                _ => match suggest::nearest(name, names()) {
                    Some(near) => format!("did you mean `{near}`? Write --set {near}={text}"),
                    None => format!("leave it out; the playbook takes {}", suggest::list(names())),
                },
            }));
        } else if given.insert(name, text).is_some() {
            mistakes.push(Error::usage(format!("`{name}` is set twice")).fix("keep one of the two"));
        }
    }
    given
}

fn value(parameter: &Parameter, given: &BTreeMap<&str, &str>, environment: &Environment) -> Result<Value> {
    let name = parameter.name.as_str();
    if let Some(text) = given.get(name) {
        return parameter.accept(&Value::from(*text)).map_err(|error| match error.why {
            None => error.why(format!("given as --set {name}=…")),
            Some(_) => error,
        });
    }
    if let Some(value) = environment.parameters.get(name) {
        return parameter.accept(value).map_err(|error| {
            error.why(format!("it stands in [env.{}.params] of playbook.toml", environment.name))
        });
    }
    parameter.default.clone().ok_or_else(|| {
        let about = parameter.about.clone().unwrap_or_default();
        Error::usage(format!("the parameter `{name}` has no value")).why(about).at(parameter.at.clone()).fix(
            format!(
                "add --set {name}=VALUE, or {name} = … to [env.{}.params] of playbook.toml",
                environment.name
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"//! T.
//!
//! [params]
//! version = { type = "string", pattern = "[0-9.]+", about = "what to deploy" }
//! color = { type = "string", choices = ["blue", "green"], default = "blue" }
//! percent = { type = "int", min = 1, max = 100, default = 5 }
//! wait = { type = "duration", default = "5s" }
//! most = { type = "size", default = "1 KiB" }
//! hosts = { type = "list", default = [] }
//! fast = { type = "bool", default = false }
//! token = { type = "string", secret = true, default = "env:TOKEN" }
"#;

    fn resolved(parameters: Value, set: &[&str]) -> Result<Map<String, Value>> {
        let header = Header::read("deploy.rhai", HEADER).unwrap();
        let parameters = parameters.as_object().cloned().unwrap_or_default();
        let environment = Environment { name: "local".into(), parameters, ..Environment::default() };
        let set: Vec<String> = set.iter().map(|one| (*one).to_owned()).collect();
        resolve(&header, &environment, &set)
    }

    #[test]
    fn the_command_line_goes_over_the_environment_over_the_defaults() {
        let environment =
            serde_json::json!({ "version": "1.0", "percent": 7, "hosts": ["a"], "of_another_playbook": 1 });
        let values = resolved(environment, &["version=2.0=", "version=2.0"]).unwrap_err();
        assert!(values.what.contains("twice"), "{values}");
        let environment =
            serde_json::json!({ "version": "1.0", "percent": 7, "hosts": ["a"], "of_another_playbook": 1 });
        let values = resolved(environment, &["version=2.0", "most=2 MiB", "fast=true", "wait=1m"]).unwrap();
        let expected = serde_json::json!({
            "version": "2.0", "color": "blue", "percent": 7, "wait": "1m", "most": 2_097_152, "hosts": ["a"],
            "fast": true, "token": "env:TOKEN",
        });
        assert_eq!(Value::Object(values), expected);
        assert_eq!(
            resolved(Value::Null, &["version=1", "hosts=a, b"]).unwrap()["hosts"],
            serde_json::json!(["a", "b"])
        );
    }

    #[test]
    fn all_problems_come_at_once() {
        let environment = serde_json::json!({ "percent": "many", "color": "gren" });
        let set = ["verson=1", "wait=soon", "fast", "token=hunter2", "hosts=a"];
        let error = resolved(environment, &set).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
        insta::assert_snapshot!(error, @r#"
        `verson` is no parameter of this playbook
          fix: did you mean `version`? Write --set version=1

        `--set` takes NAME=VALUE
          fix: write --set fast=VALUE

        the parameter `version` has no value
          --> deploy.rhai:4:5
          |
        4 | //! version = { type = "string", pattern = "[0-9.]+", about = "what to deploy" }
          |     ^^^^^^^
          why: what to deploy
          fix: add --set version=VALUE, or version = … to [env.local.params] of playbook.toml

        `gren` is no choice of `color`
          why: it stands in [env.local.params] of playbook.toml
          fix: did you mean `green`?

        `percent` takes a whole number, such as 3, not `many`
          why: it stands in [env.local.params] of playbook.toml

        `wait` takes a duration, such as 30s or 5m, not `soon`
          why: given as --set wait=…

        the parameter `token` is a secret and takes no value in clear
          why: given as --set token=…
          fix: give a reference, for example env:NAME (known: `env`, `file`, `vault`, `aws-sm`, `aws-ssm`)
        "#);
    }

    #[test]
    fn pattern_and_range_hold() {
        let error = resolved(Value::Null, &["version=v2", "percent=101"]).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"
        `v2` does not match the pattern of `version`
          why: given as --set version=…
          fix: give a text that matches [0-9.]+

        `percent` must be at most 100, not 101
          why: given as --set percent=…
        ");
    }
}
