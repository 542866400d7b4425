//! The secrets that the settings of resources refer to, found by the settings' schemas, and whether each has a value.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::finding::Finding;
use crate::base::access::ResourceId;
use crate::base::error::Error;
use crate::base::secret::Reference;
use crate::effect::environment::Resource;
use crate::effect::family::{self, Families};
use crate::effect::pipeline::Pipeline;
use crate::sys::stop::Stop;

/// Which resource refers to which secret.
pub(super) struct Secrets(BTreeSet<(ResourceId, String)>);

impl Secrets {
    /// The secrets of these resources.
    pub(super) fn of(resources: &[Resource], families: Families) -> Self {
        let mut found = BTreeSet::new();
        for resource in resources {
            let Some(family) = family::find(families, &resource.id.family) else { continue };
            let schema = (family.settings.schema)().to_value();
            let mut note = |text: &str| {
                found.insert((resource.id.clone(), text.to_owned()));
            };
            walk(&resource.settings, &schema, &schema, &mut note);
        }
        Self(found)
    }

    /// One finding on all of them; none where there are no secrets. Which one has no value its resource says as well.
    pub(super) async fn resolve(
        self,
        pipeline: &Pipeline,
        within: Duration,
        stop: &Stop,
    ) -> std::option::IntoIter<Finding> {
        let looks = self.0.iter().filter_map(|(id, text)| {
            let reference = Reference::find(text)?;
            Some(async move { pipeline.resolves(id, &reference, within, stop).await })
        });
        let seen = futures::future::join_all(looks).await;
        let missing: Vec<Error> = seen.iter().filter_map(|one| one.as_ref().err().cloned()).collect();
        let finding = match (seen.len(), missing.len()) {
            (0, _) => return None.into_iter(),
            (1, 0) => Finding::new("secrets").fact("the only one has a value"),
            (all, 0) => Finding::new("secrets").fact(format!("all {all} have a value")),
            (all, none) => Finding::new("secrets").fact(format!("{none} of {all} without a value")),
        };
        Some(missing.into_iter().fold(finding, Finding::because)).into_iter()
    }
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
