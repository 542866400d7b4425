//! Manifests: YAML or JSON of one or more objects, from a file of the project or as a text, and what each asks for.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::change::Change;
use super::cluster::{Cluster, Way};
use super::kind::Kind;
use super::object::{name, text};
use super::target::is_name;
use super::values;
use crate::base::access::ResourceId;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::sys::files;

/// A manifest larger than this is something else.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The objects of a manifest, in its order.
#[derive(Debug)]
pub(super) struct Manifest {
    /// What people call it: the file, the folder, or "the manifest".
    pub(super) named: String,
    /// The objects.
    pub(super) objects: Vec<Object>,
}

/// One object of a manifest.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// Where it stands: the file, or "the manifest".
    pub(super) place: String,
    /// The object.
    pub(super) value: Value,
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
    let (named, texts) = match is_text(manifest) {
        true => ("the manifest", vec![("the manifest".to_owned(), manifest.to_owned())]),
        false => (manifest, texts_of(&cx.path(manifest)?, manifest)?),
    };
    let mut objects = Vec::new();
    for (place, text) in texts {
        let filled = values::fill(&place, &text, values)?;
        let all = documents(&filled, &place)?;
        objects.extend(all.into_iter().map(|value| Object { place: place.clone(), value }));
    }
    match objects.is_empty() {
        true => Err(Error::usage(format!("{named} holds no object"))),
        false => Ok(Manifest { named: named.to_owned(), objects }),
    }
}

/// What a file holds; of a folder, what each of its files holds whose name ends in `.yaml` and `.yml`, in the order of their
/// names.
fn texts_of(path: &Path, named: &str) -> Result<Vec<(String, String)>> {
    if !files::exists(path) {
        return Err(Error::usage(format!("there is no manifest {named}"))
            .fix("name a file of the project, or give the manifest itself as a text"));
    }
    if !files::is_folder(path) {
        return Ok(vec![(named.to_owned(), files::read_text(path, LARGEST)?)]);
    }
    let mut paths = [files::list(path, "yaml")?, files::list(path, "yml")?].concat();
    paths.sort();
    let text_of = |path: &PathBuf| {
        let last = path.file_name().unwrap_or_default().to_string_lossy();
        Ok((format!("{}/{last}", named.trim_end_matches('/')), files::read_text(path, LARGEST)?))
    };
    paths.iter().map(text_of).collect()
}

/// One line without a brace is a path.
fn is_text(manifest: &str) -> bool {
    manifest.contains('\n') || manifest.trim_start().starts_with('{')
}

fn documents(yaml: &str, named: &str) -> Result<Vec<Value>> {
    let all: Vec<Value> = serde_saphyr::from_multiple(yaml).map_err(|why| {
        // Only the first line: what follows draws the place, and a secret may stand there.
        let why = why.to_string();
        let why = why.lines().next().unwrap_or_default();
        Error::usage(format!("{named} is no YAML"))
            .why(why.trim_start_matches("error: "))
            .fix(format!("correct {named} there"))
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
            .map(|object| &object.value)
            .filter(|object| text(object, "/kind") == "CustomResourceDefinition")
            .filter_map(Kind::defined)
            .collect();
        let mut changes = Vec::new();
        for Object { place, value: object } in &self.objects {
            let (version, kind, name) = (text(object, "/apiVersion"), text(object, "/kind"), name(object));
            let called = format!("{} `{name}` of {place}", kind.to_lowercase());
            if !is_name(name) {
                return Err(Error::usage(format!("the {kind} of {place} has no name"))
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
            let (name, way) = (name.to_owned(), Way::Apply { force });
            // In a folder, the name of the object is not where people look.
            let place = (*place != self.named).then(|| place.clone());
            changes.push(Change { kind, name, way, body, is_unborn, place });
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
    fn an_object_stays_in_the_namespace_of_its_resource() {
        let object =
            |namespace: &str| serde_json::json!({ "metadata": { "name": "a", "namespace": namespace } });
        assert!(placed(&object("other"), &Kind::pod(), "shop", "pod").is_err());
        let placed =
            placed(&serde_json::json!({ "metadata": { "name": "a" } }), &Kind::pod(), "shop", "pod").unwrap();
        assert_eq!(placed["metadata"]["namespace"], "shop");
    }
}
