//! The secrets that the settings of a resource refer to, found by the settings' schema, and whether this machine has them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::environment::Resource;
use super::family::{self, Families};
use super::host::Host;
use crate::base::access::ResourceId;
use crate::base::error::{Error, Result};
use crate::base::secret::Reference;
use crate::sys::{environment, files};

/// A secret file larger than this is a mistake.
const LARGEST: u64 = 64 * 1024;

/// The references in a resource's settings, as they are written.
#[must_use]
pub fn of(resource: &Resource, families: Families) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if may_refer(&resource.settings)
        && let Some(family) = family::find(families, &resource.id.family)
    {
        let schema = (family.settings.schema)().to_value();
        let mut note = |text: &str| {
            found.insert(text.to_owned());
        };
        walk(&resource.settings, &schema, &schema, &mut note);
    }
    found
}

/// The first secret of a resource that this machine plainly does not have: a variable that is not set, a file that is
/// not there. Other keepers are not asked.
#[must_use]
pub fn unset(resource: &Resource, families: Families, project: &Path) -> Option<Error> {
    let all = of(resource, families);
    let mut references = all.iter().filter_map(|text| Reference::find(text));
    let missing = references.find(|reference| match reference.provider.as_str() {
        "env" => environment::variable(&reference.name).is_none_or(|value| value.is_empty()),
        "file" => !files::exists(&project.join(&reference.name)),
        _ => false,
    })?;
    Some(no_value(&missing, &resource.id))
}

/// From now on takes the secrets of the host's environment out of everything, as far as they lie on this machine.
pub fn learn(host: &Host) {
    for resource in host.environment.resources.values() {
        for text in of(resource, host.families) {
            if let Some(reference) = Reference::find(&text)
                && let Ok(Some(value)) = here(&reference, &host.project)
            {
                host.redactor.learn(&reference, &value);
            }
        }
    }
}

/// The value of a secret that lies on this machine; `None` where it has none.
pub(super) fn here(reference: &Reference, project: &Path) -> Result<Option<String>> {
    let value = match reference.provider.as_str() {
        "env" => environment::variable(&reference.name),
        "file" => {
            let path = project.join(&reference.name);
            files::exists(&path).then(|| files::read_text(&path, LARGEST)).transpose()?
        }
        _ => None,
    };
    Ok(value.as_deref().and_then(trimmed))
}

/// A value without the end of its line; none where nothing is left.
pub(super) fn trimmed(value: &str) -> Option<String> {
    Some(value.trim_end_matches(['\n', '\r'])).filter(|value| !value.is_empty()).map(str::to_owned)
}

/// Whether any text in the settings reads like a reference: most resources need no schema to know that they have none.
fn may_refer(settings: &Value) -> bool {
    match settings {
        Value::String(text) => Reference::find(text).is_some(),
        Value::Array(values) => values.iter().any(may_refer),
        Value::Object(fields) => fields.values().any(may_refer),
        _ => false,
    }
}

/// What is said of a secret without a value.
#[must_use]
pub fn no_value(reference: &Reference, resource: &ResourceId) -> Error {
    let fix = match reference.provider.as_str() {
        "env" => format!("export {} before running playbook", reference.name),
        "file" => format!("write the value to {}", reference.name),
        _ => format!("give `{reference}` a value"),
    };
    Error::missing(format!("the secret `{reference}` of `{resource}` has no value")).fix(fix)
}

/// Tells `note` of each text in `value` that the schema takes for a reference to a secret.
fn walk(value: &Value, schema: &Value, root: &Value, note: &mut dyn FnMut(&str)) {
    if let Some(path) = schema.get("$ref").and_then(Value::as_str)
        && let Some(meant) = root.pointer(path.trim_start_matches('#'))
    {
        return walk(value, meant, root, note);
    }
    for several in ["anyOf", "oneOf", "allOf"] {
        for one in schema.get(several).and_then(Value::as_array).into_iter().flatten() {
            walk(value, one, root, note);
        }
    }
    match value {
        Value::String(text) => {
            let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
            if format.contains("secret") && Reference::find(text).is_some() {
                note(text);
            }
        }
        Value::Array(values) => {
            let items = schema.get("items").unwrap_or(&Value::Null);
            values.iter().for_each(|value| walk(value, items, root, note));
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let own = schema.get("properties").and_then(|known| known.get(name));
                let any = own.or_else(|| schema.get("additionalProperties")).unwrap_or(&Value::Null);
                walk(value, any, root, note);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemars::JsonSchema;
    use serde_json::json;

    use super::*;
    use crate::base::secret::{Secret, Setting};

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is of interest")]
    struct Table {
        url: Setting,
        password: Option<Secret>,
        env: BTreeMap<String, Setting>,
        more: Vec<Inner>,
        plain: String,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is of interest")]
    struct Inner {
        key: Secret,
    }

    #[test]
    fn references_are_found_by_the_schema_at_any_depth() {
        let schema = schemars::schema_for!(Table).to_value();
        let value = json!({
            "url": "env:URL", "password": "file:pw", "env": { "A": "env:A", "B": "b" },
            "more": [{ "key": "env:KEY" }], "plain": "env:NOT",
        });
        let mut found = BTreeSet::new();
        walk(&value, &schema, &schema, &mut |text| {
            found.insert(text.to_owned());
        });
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["env:A", "env:KEY", "env:URL", "file:pw"]);
    }
}
