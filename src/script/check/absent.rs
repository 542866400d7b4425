//! Files of the project that are named and are not there: whether the playbook may make them before it needs them.

use std::path::Path;

use serde_json::Value;

use super::touched::Touched;
use crate::effect::environment::Environment;

/// Whether a use of a resource may make the file: a program may make any, a store what lies in its own folder.
pub(super) fn may_make(environment: &Environment, one: &Touched, file: &str) -> bool {
    let is_in_store = || {
        let resource = environment.resources.get(&one.resource);
        let path = resource.and_then(|resource| resource.settings.get("path")).and_then(Value::as_str);
        path.is_some_and(|path| Path::new(file).starts_with(path.trim_start_matches("./")))
    };
    match one.resource.family.as_str() {
        "program" | "git" => !one.access.is_read(),
        "files" => !one.access.is_read() && is_in_store(),
        "s3" => one.verbs.iter().any(|verb| verb.name.starts_with("download")),
        _ => false,
    }
}
