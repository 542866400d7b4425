//! Manifests: YAML or JSON of one or more objects, from a file of the project or as a text, and what each asks for.

use std::path::Path;

use serde_json::{Map, Value};

use super::change::Change;
use super::cluster::{Cluster, Way};
use super::kind::Kind;
use super::object::{name, text};
use super::target::is_name;
use crate::base::access::ResourceId;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::sys::files;

/// A manifest larger than this is something else.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The objects of a manifest, in its order.
#[derive(Debug)]
pub(super) struct Manifest {
    /// What people call it: the file, or "the manifest".
    pub(super) named: String,
    /// The objects.
    pub(super) objects: Vec<Value>,
}

/// What a plan calls a manifest, without reading it.
pub(super) fn spoken(manifest: &str) -> String {
    if is_text(manifest) {
        let all = documents(manifest, "").unwrap_or_default();
        let name = |object: &Value| match name(object) {
            "" => format!("{}…", text(object, "/metadata/generateName")),
            name => name.to_owned(),
        };
        let spoken = |object: &Value| format!("{}/{}", text(object, "/kind").to_lowercase(), name(object));
        let names: Vec<String> = all.iter().map(spoken).collect();
        return if names.is_empty() { "a manifest".to_owned() } else { names.join(", ") };
    }
    manifest.to_owned()
}

/// Reads a manifest: a text, or the file or folder of the project that it names, with `values` in their places.
pub(super) fn read(cx: &Cx, manifest: &str, values: &Map<String, Value>) -> Result<Manifest> {
    let (named, yaml) = match is_text(manifest) {
        true => ("the manifest".to_owned(), manifest.to_owned()),
        false => {
            let path = cx.path(manifest)?;
            if !files::exists(&path) {
                return Err(Error::usage(format!("there is no manifest {manifest}"))
                    .fix("name a file of the project, or give the manifest itself as a text"));
            }
            (manifest.to_owned(), text_of(&path)?)
        }
    };
    let objects = documents(&filled(yaml, values)?, &named)?;
    match objects.is_empty() {
        true => Err(Error::usage(format!("{named} holds no object"))),
        false => Ok(Manifest { named, objects }),
    }
}

/// What a file holds; of a folder, what its files hold whose names end in `.yaml` and `.yml`, in the order of their names.
fn text_of(path: &Path) -> Result<String> {
    if !files::is_folder(path) {
        return files::read_text(path, LARGEST);
    }
    let mut paths = [files::list(path, "yaml")?, files::list(path, "yml")?].concat();
    paths.sort();
    let texts: Vec<String> =
        paths.iter().map(|path| files::read_text(path, LARGEST)).collect::<Result<_>>()?;
    Ok(texts.join("\n---\n"))
}

/// The text with each value in place of its name in braces.
fn filled(mut yaml: String, values: &Map<String, Value>) -> Result<String> {
    for (name, value) in values {
        let text = match value {
            Value::String(text) if !text.contains(['\n', '\r']) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => {
                return Err(Error::usage(format!("the value `{name}` cannot stand in a manifest"))
                    .fix("give a text of one line, a number, or true or false"));
            }
        };
        yaml = yaml.replace(&format!("{{{name}}}"), &text);
    }
    Ok(yaml)
}

/// One line without a brace is a path.
fn is_text(manifest: &str) -> bool {
    manifest.contains('\n') || manifest.trim_start().starts_with('{')
}

fn documents(yaml: &str, named: &str) -> Result<Vec<Value>> {
    let all: Vec<Value> = serde_saphyr::from_multiple(yaml).map_err(|why| {
        // Only the first line: what follows draws the place, and a secret may stand there.
        let why = why.to_string();
        Error::usage(format!("{named} is no YAML")).why(why.lines().next().unwrap_or_default())
    })?;
    let mut objects = Vec::new();
    for document in all {
        match text(&document, "/kind") {
            "List" => objects.extend(document["items"].as_array().cloned().unwrap_or_default()),
            _ if document.is_null() => {}
            _ => objects.push(document),
        }
    }
    for (number, object) in objects.iter().enumerate() {
        let missing = ["/apiVersion", "/kind"].into_iter().find(|path| text(object, path).is_empty());
        if let Some(missing) = missing {
            return Err(Error::usage(format!("object {} of {named} has no `{}`", number + 1, &missing[1..])));
        }
    }
    Ok(objects)
}

impl Manifest {
    /// What each object asks for, its kind and namespace settled.
    pub(super) async fn changes(
        &self,
        resource: &ResourceId,
        cluster: &Cluster,
        force: bool,
    ) -> Result<Vec<Change>> {
        let definitions: Vec<Kind> = self
            .objects
            .iter()
            .filter(|object| text(object, "/kind") == "CustomResourceDefinition")
            .filter_map(Kind::defined)
            .collect();
        let mut changes = Vec::new();
        for object in &self.objects {
            let (version, kind, name) = (text(object, "/apiVersion"), text(object, "/kind"), name(object));
            let called = format!("{} `{name}` of {}", kind.to_lowercase(), self.named);
            if !is_name(name) {
                return Err(Error::usage(format!("the {kind} of {} has no name", self.named))
                    .fix("write `metadata: {name: …}`"));
            }
            let defined = || {
                definitions
                    .iter()
                    .find(|one| one.name == kind && version.starts_with(&format!("{}/", one.group)))
            };
            let known = cluster.named_kind(version, kind).await?;
            let is_unborn = known.is_none();
            let kind = match known {
                Some(kind) => kind,
                None => defined().cloned().ok_or_else(|| {
                    Error::usage(format!("`{resource}` knows no {kind} of {version}"))
                        .why(format!("the {called} is one"))
                        .fix("correct `apiVersion`, or apply its CustomResourceDefinition first")
                })?,
            };
            let body = placed(object, &kind, &cluster.namespace, &called)?;
            changes.push(Change { kind, name: name.to_owned(), way: Way::Apply { force }, body, is_unborn });
        }
        Ok(changes)
    }
}

/// The object within the resource's namespace; another one that it names is refused.
fn placed(object: &Value, kind: &Kind, namespace: &str, called: &str) -> Result<Value> {
    let mut object = object.clone();
    let named = text(&object, "/metadata/namespace");
    if !kind.is_namespaced {
        return Ok(object);
    }
    if !named.is_empty() && named != namespace {
        return Err(Error::usage(format!("the {called} belongs to the namespace `{named}`"))
            .why(format!("the resource is the namespace `{namespace}`"))
            .fix("take `namespace` out of the manifest, or declare a resource for that namespace"));
    }
    object["metadata"]["namespace"] = namespace.into();
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_lists_become_objects_and_empty_ones_are_left_out() {
        let yaml = "---\n# nothing\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: List\nitems:\n\
                    - {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n";
        let objects = documents(yaml, "x").unwrap();
        assert_eq!(objects.iter().map(name).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(spoken(yaml), "configmap/a, configmap/b");
        assert_eq!(spoken("k8s/web.yaml"), "k8s/web.yaml");
        assert!(documents("{apiVersion: v1, metadata: {name: a}}", "x").unwrap_err().what.contains("`kind`"));
        let broken = documents("kind: [\npassword: hunter2", "x").unwrap_err();
        assert!(broken.what.contains("no YAML") && !broken.to_string().contains("hunter2"), "{broken}");
    }

    #[test]
    fn a_value_stands_where_its_name_does_and_is_one_line() {
        let values = |value: Value| Map::from_iter([("release".to_owned(), value)]);
        let filled = |value| filled("image: shop:{release}\nother: {a: b}".to_owned(), &values(value));
        assert_eq!(filled("v2".into()).unwrap(), "image: shop:v2\nother: {a: b}");
        assert_eq!(filled(3.into()).unwrap(), "image: shop:3\nother: {a: b}");
        assert!(filled("v2\nkind: Secret".into()).is_err() && filled(Value::Null).is_err());
    }

    #[test]
    fn an_object_stays_in_the_namespace_of_its_resource() {
        let object =
            |namespace: &str| serde_json::json!({ "metadata": { "name": "a", "namespace": namespace } });
        assert!(placed(&object("other"), &Kind::pod(), "shop", "pod").is_err());
        let placed =
            placed(&serde_json::json!({ "metadata": { "name": "a" } }), &Kind::pod(), "shop", "pod").unwrap();
        assert_eq!(placed["metadata"]["namespace"], "shop");
    }
}
