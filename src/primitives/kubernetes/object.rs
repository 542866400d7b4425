//! Objects as plain data: what people wrote in them, how two of them differ, and what leads back from one to the other.

use serde_json::{Map, Value, json};

/// What the server keeps for itself in `metadata`.
const OWN: [&str; 6] =
    ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"];
/// An annotation in which a controller counts.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// The text at a path of an object; empty when there is none.
pub(super) fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a path of an object; 0 when there is none.
pub(super) fn number(object: &Value, path: &str) -> i64 {
    object.pointer(path).and_then(Value::as_i64).unwrap_or_default()
}

/// The list at a path of an object; empty when there is none.
pub(super) fn list<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    object.pointer(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The name of an object.
pub(super) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// The state of one of an object's conditions, its reason and its message.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let found = list(object, "/status/conditions").iter().find(|one| one["type"] == kind)?;
    Some((text(found, "/status"), text(found, "/reason"), text(found, "/message")))
}

/// The revision that a controller counts, as text.
pub(super) fn revision(object: &Value) -> &str {
    object["metadata"]["annotations"][REVISION].as_str().unwrap_or_default()
}

/// The object without what the server and its controllers keep in it: what people decided.
pub(super) fn decided(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(top) = object.as_object_mut() {
        top.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        OWN.iter().for_each(|name| drop(metadata.remove(*name)));
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(REVISION);
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
    }
    object
}

/// The object as a script may see it: without the server's bookkeeping, and without what a Secret holds.
pub(super) fn shown(mut object: Value, is_secret: bool) -> Value {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    let object = without_copy(object);
    if is_secret { masked(object) } else { object }
}

/// The object without a tool's copy of its whole manifest, which nobody reads, and in which a Secret would stand in clear.
pub(super) fn without_copy(mut object: Value) -> Value {
    let metadata = object.get_mut("metadata");
    if let Some(annotations) = metadata.and_then(|metadata| metadata.get_mut("annotations")?.as_object_mut())
    {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    object
}

/// A Secret with the size of each value in place of the value.
pub(super) fn masked(mut object: Value) -> Value {
    for part in ["data", "stringData"] {
        let values = object.get_mut(part).and_then(Value::as_object_mut);
        for value in values.into_iter().flat_map(Map::values_mut) {
            let size = value.as_str().map_or(0, str::len);
            let size = if part == "data" { size / 4 * 3 } else { size };
            *value = format!("(secret, about {size} bytes)").into();
        }
    }
    object
}

/// The JSON merge patch that makes `to` of `from`; `None` when they are the same.
pub(super) fn merge_patch(from: &Value, to: &Value) -> Option<Value> {
    let (Value::Object(have), Value::Object(want)) = (from, to) else {
        return (from != to).then(|| to.clone());
    };
    let mut patch = Map::new();
    for name in have.keys().filter(|name| !want.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    for (name, value) in want {
        let part = match have.get(name) {
            Some(from) => merge_patch(from, value),
            None => Some(value.clone()),
        };
        if let Some(part) = part {
            patch.insert(name.clone(), part);
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// A label selector of an object as the API server takes it in a query; empty when it selects nothing.
pub(super) fn selector(of: &Value) -> String {
    let mut parts: Vec<String> = Vec::new();
    let labels = of["matchLabels"].as_object().into_iter().flatten();
    parts.extend(labels.filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?))));
    for expression in list(of, "/matchExpressions") {
        let (key, operator) = (text(expression, "/key"), text(expression, "/operator"));
        let values: Vec<&str> = list(expression, "/values").iter().filter_map(Value::as_str).collect();
        let values = values.join(",");
        parts.extend(match operator {
            "In" => Some(format!("{key} in ({values})")),
            "NotIn" => Some(format!("{key} notin ({values})")),
            "Exists" => Some(key.to_owned()),
            "DoesNotExist" => Some(format!("!{key}")),
            _ => None,
        });
    }
    parts.join(",")
}

/// A patch of one field: `{"spec": {"replicas": 3}}` of `spec.replicas`.
pub(super) fn field(path: &[&str], value: impl Into<Value>) -> Value {
    path.iter().rev().fold(value.into(), |inner, name| json!({ *name: inner }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_patch_leads_back_and_says_only_what_differs() {
        let before = json!({ "spec": { "replicas": 1, "paused": true, "list": [1, 2] }, "same": 1 });
        let after = json!({ "spec": { "replicas": 3, "list": [1, 2, 3], "new": { "a": 1 } }, "same": 1 });
        let back = merge_patch(&after, &before).unwrap();
        assert_eq!(back, json!({ "spec": { "replicas": 1, "paused": true, "list": [1, 2], "new": null } }));
        assert_eq!(merge_patch(&before, &before), None);
    }

    #[test]
    fn what_people_decided_is_left_and_a_secret_is_not_shown() {
        let object = json!({
            "metadata": { "name": "a", "uid": "u", "resourceVersion": "7", "annotations": { REVISION: "3" } },
            "data": { "key": "aHVudGVyMg==" }, "status": { "x": 1 },
        });
        assert_eq!(
            decided(&object),
            json!({ "metadata": { "name": "a" }, "data": { "key": "aHVudGVyMg==" } })
        );
        let shown = shown(object, true).to_string();
        assert!(shown.contains("secret, about") && !shown.contains("aHVudGVyMg"), "{shown}");
    }

    #[test]
    fn a_selector_is_written_as_in_a_query() {
        let of = json!({
            "matchLabels": { "app": "web" },
            "matchExpressions": [
                { "key": "tier", "operator": "In", "values": ["a", "b"] },
                { "key": "old", "operator": "DoesNotExist" },
            ],
        });
        assert_eq!(selector(&of), "app=web,tier in (a,b),!old");
    }
}
