//! A command as a call says it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::base::access::ResourceId;
use crate::base::text;
use crate::effect::output::spoken;

/// A command: arguments one by one, or a text for the host's shell.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Words {
    /// A program and its arguments, one by one
    List(Vec<String>),
    /// A text for `sh -c`
    Text(String),
}

impl Words {
    /// The argument list that the settings judge, and that runs.
    pub(super) fn arguments(&self) -> Vec<String> {
        match self {
            Self::List(list) => list.clone(),
            Self::Text(text) => vec!["sh".to_owned(), "-c".to_owned(), text.clone()],
        }
    }

    /// As people would type it.
    pub(super) fn spoken(&self) -> String {
        match self {
            Self::List(list) => spoken(&list.iter().map(String::as_str).collect::<Vec<_>>()),
            Self::Text(text) => format!("`{}`", text::headline(text, 160)),
        }
    }

    pub(super) fn value(&self) -> Value {
        match self {
            Self::List(list) => list.clone().into(),
            Self::Text(text) => text.clone().into(),
        }
    }
}

/// The hosts in words: `ssh.web`, or some of it.
pub(super) fn on(resource: &ResourceId, hosts: Option<&[String]>) -> String {
    match hosts {
        None => resource.to_string(),
        Some(hosts) => format!("{} of {resource}", text::headline(&hosts.join(", "), 80)),
    }
}
