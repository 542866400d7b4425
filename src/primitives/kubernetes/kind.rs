//! The kinds of objects that an API server knows, and how they are found by what people write.

use serde_json::Value;

/// A kind of object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// The group; empty for the oldest kinds.
    pub(super) group: String,
    /// The version within the group.
    pub(super) version: String,
    /// The name in manifests: `Deployment`.
    pub(super) name: String,
    /// The name in paths and permissions: `deployments`.
    pub(super) plural: String,
    /// Whether its objects belong to a namespace.
    pub(super) is_namespaced: bool,
    /// Other names: `deploy`.
    pub(super) others: Vec<String>,
}

impl Kind {
    /// Pods, which nobody needs to ask for.
    pub(super) fn pod() -> Self {
        Self::core("Pod", "pods")
    }

    /// Events, likewise.
    pub(super) fn event() -> Self {
        Self::core("Event", "events")
    }

    /// Replica sets, likewise.
    pub(super) fn replica_set() -> Self {
        Self { group: "apps".to_owned(), ..Self::core("ReplicaSet", "replicasets") }
    }

    /// The revisions of stateful and daemon sets, likewise.
    pub(super) fn controller_revision() -> Self {
        Self { group: "apps".to_owned(), ..Self::core("ControllerRevision", "controllerrevisions") }
    }

    fn core(name: &str, plural: &str) -> Self {
        Self {
            group: String::new(),
            version: "v1".to_owned(),
            name: name.to_owned(),
            plural: plural.to_owned(),
            is_namespaced: true,
            others: Vec::new(),
        }
    }

    /// The kinds that a list of the API server names, without their subresources.
    pub(super) fn read(list: &Value) -> Vec<Self> {
        let version = list["groupVersion"].as_str().unwrap_or_default();
        let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
        let resources = list["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
        let read = |one: &Value| {
            let plural = one["name"].as_str().filter(|name| !name.contains('/'))?;
            let name = one["kind"].as_str()?;
            let short = one["shortNames"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let singular = one["singularName"].as_str().into_iter();
            Some(Self {
                group: group.to_owned(),
                version: version.to_owned(),
                name: name.to_owned(),
                plural: plural.to_owned(),
                is_namespaced: one["namespaced"].as_bool().unwrap_or(true),
                others: short.chain(singular).map(str::to_owned).collect(),
            })
        };
        resources.iter().filter_map(read).collect()
    }

    /// The kind that a CustomResourceDefinition will bring, in the version that it is kept in.
    pub(super) fn defined(definition: &Value) -> Option<Self> {
        let spec = &definition["spec"];
        let versions = spec["versions"].as_array()?;
        let kept = versions.iter().find(|version| version["storage"] == true).or(versions.first())?;
        Some(Self {
            group: spec["group"].as_str()?.to_owned(),
            version: kept["name"].as_str()?.to_owned(),
            name: spec["names"]["kind"].as_str()?.to_owned(),
            plural: spec["names"]["plural"].as_str()?.to_owned(),
            is_namespaced: spec["scope"] != "Cluster",
            others: Vec::new(),
        })
    }

    /// Whether people mean this kind by `word`.
    pub(super) fn is_called(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        word == self.plural || word == self.name.to_lowercase() || self.others.contains(&word)
    }

    /// What stands in manifests: `apps/v1`.
    pub(super) fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// The name that means this kind alone: `deployments.apps`.
    pub(super) fn qualified(&self) -> String {
        match self.group.as_str() {
            "" => self.plural.clone(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// The name that means this kind in this version: `deployments.v1.apps`.
    pub(super) fn exact(&self) -> String {
        match self.group.as_str() {
            "" => self.plural.clone(),
            group => format!("{}.{}.{group}", self.plural, self.version),
        }
    }

    /// What people call it: `deployment`.
    pub(super) fn spoken(&self) -> String {
        self.name.to_lowercase()
    }

    /// The path of its objects.
    pub(super) fn path(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() { "api" } else { "apis" };
        match self.is_namespaced {
            true => format!("/{root}/{}/namespaces/{namespace}/{}", self.api_version(), self.plural),
            false => format!("/{root}/{}/{}", self.api_version(), self.plural),
        }
    }

    /// Whether its objects hold what nobody may see.
    pub(super) fn is_secret(&self) -> bool {
        self.group.is_empty() && self.plural == "secrets"
    }

    /// Whether its objects make pods anew when their template changes.
    pub(super) fn rolls(&self) -> bool {
        self.group == "apps" && matches!(self.plural.as_str(), "deployments" | "statefulsets" | "daemonsets")
    }
}

/// A kind as people write it, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// Its name, plural, or short.
    pub(super) name: &'a str,
    /// The version.
    pub(super) version: Option<&'a str>,
    /// The group.
    pub(super) group: Option<&'a str>,
}

impl<'a> Word<'a> {
    /// Takes `deployments.v1.apps` apart: what follows the name is a version when it looks like one, then the group.
    pub(super) fn read(word: &'a str) -> Self {
        let Some((name, rest)) = word.split_once('.') else {
            return Self { name: word, version: None, group: None };
        };
        match rest.split_once('.') {
            Some((version, group)) if is_version(version) => {
                Self { name, version: Some(version), group: Some(group) }
            }
            _ => Self { name, version: None, group: Some(rest) },
        }
    }
}

fn is_version(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next() == Some('v') && letters.next().is_some_and(|letter| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_are_read_from_a_list_without_subresources() {
        let list = json!({ "groupVersion": "apps/v1", "resources": [
            { "name": "deployments", "singularName": "", "namespaced": true, "kind": "Deployment", "shortNames": ["deploy"] },
            { "name": "deployments/scale", "namespaced": true, "kind": "Scale" },
        ] });
        let kinds = Kind::read(&list);
        let [kind] = kinds.as_slice() else { panic!("{kinds:?}") };
        for word in ["deploy", "deployment", "Deployment", "deployments"] {
            assert!(kind.is_called(word), "{word}");
        }
        assert!(!kind.is_called("deploys") && kind.rolls());
        assert_eq!(kind.path("shop"), "/apis/apps/v1/namespaces/shop/deployments");
        assert_eq!(
            (kind.qualified(), kind.exact()),
            ("deployments.apps".into(), "deployments.v1.apps".into())
        );
        assert_eq!(Kind::pod().path("shop"), "/api/v1/namespaces/shop/pods");
    }

    #[test]
    fn a_word_may_name_its_group_and_version() {
        let read = |word| {
            let Word { name, version, group } = Word::read(word);
            (name, version, group)
        };
        assert_eq!(read("pod"), ("pod", None, None));
        assert_eq!(read("deploy.apps"), ("deploy", None, Some("apps")));
        assert_eq!(read("deployments.v1.apps"), ("deployments", Some("v1"), Some("apps")));
        assert_eq!(read("routes.example.com"), ("routes", None, Some("example.com")));
    }
}
