//! One namespace of a cluster, as all calls on it share it: the client, the kinds it knows, and each request it answers.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::api::{DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams};
use kube::client::ClientBuilder;
use kube::core::Request;
use serde_json::{Value, json};

use super::errors::{self, Deed, Scene};
use super::kind::{Kind, Word};
use super::settings::Table;
use super::target::Target;
use crate::base::error::{Error, Kind as Sort, Result};
use crate::base::suggest;
use crate::effect::cx::Cx;

/// The groups in which a bare word is looked for first.
const FIRST: [&str; 3] = ["v1", "apps/v1", "batch/v1"];
/// How long the server may take to answer what only reads.
const READ: Duration = Duration::from_secs(25);
/// How long it may take to answer everything else: it asks others first, and gives up by itself after a minute.
const OTHER: Duration = Duration::from_secs(65);

/// One namespace of a cluster.
pub(super) struct Cluster {
    /// The client library's own.
    pub(super) client: kube::Client,
    /// The resource, for errors.
    pub(super) named: String,
    /// The namespace.
    pub(super) namespace: String,
    /// Who owns the fields that are set.
    pub(super) manager: String,
    /// Where the API server is.
    pub(super) address: String,
    is_wide: bool,
    /// The kinds of each version that was asked for.
    kinds: Mutex<HashMap<String, Arc<Vec<Kind>>>>,
}

/// An object and its kind.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The kind.
    pub(super) kind: Kind,
    /// The name.
    pub(super) name: String,
    /// The object.
    pub(super) object: Value,
}

/// A way to change one object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Way {
    /// Server-side apply: what a manifest says is to be so; what another owns is taken over only by force.
    Apply {
        /// Whether it is taken over.
        force: bool,
    },
    /// JSON merge patch: `null` removes, lists are replaced whole.
    Merge,
    /// Strategic merge patch: lists of named things are merged by name.
    Strategic,
}

impl Cluster {
    /// The cluster of the call's resource, made at the first call.
    pub(super) async fn of(cx: &Cx) -> Result<Arc<Self>> {
        cx.shared(async {
            let reach = cx.settings::<Table>()?.resolve(cx).await?;
            let named = cx.resource().to_string();
            let address = reach.config.cluster_url.to_string();
            let client = ClientBuilder::try_from(reach.config).map_err(|why| {
                Error::usage(format!("the credentials of `{named}` cannot be used")).why(errors::causes(&why))
            })?;
            Ok(Self {
                client: client.build(),
                named,
                namespace: reach.namespace,
                manager: reach.manager,
                address: address.trim_end_matches('/').to_owned(),
                is_wide: reach.is_wide,
                kinds: Mutex::default(),
            })
        })
        .await
        .map_err(Error::unchanged)
    }

    /// The kind that a word of a script means.
    pub(super) async fn kind(&self, word: &str) -> Result<Kind> {
        let read = Word::read(word);
        let mut known = Vec::new();
        match (read.group, read.version) {
            (Some(group), Some(version)) => {
                known.extend(self.kinds(&format!("{group}/{version}")).await?.iter().cloned())
            }
            (Some(group), None) => {
                for version in
                    self.versions().await?.iter().filter(|version| version.starts_with(&format!("{group}/")))
                {
                    known.extend(self.kinds(version).await?.iter().cloned());
                }
            }
            (None, _) => {
                for version in FIRST {
                    let kinds = self.kinds(version).await?;
                    if let Some(kind) = kinds.iter().find(|kind| kind.is_called(read.name)) {
                        return Ok(kind.clone());
                    }
                    known.extend(kinds.iter().cloned());
                }
                for version in self.versions().await? {
                    // A group whose own server is down is no reason not to look into the others.
                    known.extend(self.kinds(&version).await.into_iter().flat_map(|kinds| kinds.to_vec()));
                }
            }
        }
        let found = known.iter().find(|kind| kind.is_called(read.name)).cloned();
        found.ok_or_else(|| {
            let names: Vec<String> = known.iter().map(Kind::spoken).collect();
            Error::usage(format!("`{}` knows no kind `{word}`", self.named))
                .fix(suggest::advice(read.name, names.iter().map(String::as_str)))
        })
    }

    /// The kind that a manifest names by `apiVersion` and `kind`; `None` when the server does not know it.
    pub(super) async fn named_kind(&self, version: &str, name: &str) -> Result<Option<Kind>> {
        match self.kinds(version).await {
            Ok(kinds) => Ok(kinds.iter().find(|kind| kind.name == name).cloned()),
            Err(error) if error.kind == Sort::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Forgets the kinds: a definition was added.
    pub(super) fn forget_kinds(&self) {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The kinds of one version: `v1`, `apps/v1`.
    async fn kinds(&self, version: &str) -> Result<Arc<Vec<Kind>>> {
        let known = self.kinds.lock().unwrap_or_else(PoisonError::into_inner).get(version).cloned();
        if let Some(kinds) = known {
            return Ok(kinds);
        }
        let root = if version.contains('/') { "/apis" } else { "/api" };
        let list = self.discover(&format!("{root}/{version}")).await?;
        let kinds = Arc::new(Kind::read(&list));
        let mut all = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(version.to_owned(), Arc::clone(&kinds));
        Ok(kinds)
    }

    /// The version that the server prefers of each group.
    async fn versions(&self) -> Result<Vec<String>> {
        let groups = self.discover("/apis").await?;
        let groups = groups["groups"].as_array().map(Vec::as_slice).unwrap_or_default();
        let preferred = |group: &Value| group["preferredVersion"]["groupVersion"].as_str().map(str::to_owned);
        Ok(groups.iter().filter_map(preferred).collect())
    }

    async fn discover(&self, path: &str) -> Result<Value> {
        let kind = Kind { plural: path.to_owned(), ..Kind::pod() };
        let deed = Deed { verb: "get", kind: &kind, name: "", is_harmless: true };
        let answer = self.send(deed, Request::new(path).list(&ListParams::default())).await;
        answer.map_err(|error| match error.details.get("code").and_then(Value::as_u64) {
            Some(404) => Error::missing(format!("`{}` knows no {path}", self.named)),
            _ => error,
        })
    }

    /// The server's version: "v1.31.2".
    pub(super) async fn version(&self) -> Result<String> {
        let told = self.discover("/version").await?;
        Ok(told["gitVersion"].as_str().unwrap_or_default().to_owned())
    }

    /// Whether the server would let us do that with Deployments here; else why not. Asking changes nothing.
    pub(super) async fn may(&self, verb: &str) -> Result<Result<(), String>> {
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let asked =
            json!({ "namespace": self.namespace, "verb": verb, "group": "apps", "resource": "deployments" });
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": asked },
        });
        let kind = Kind { plural: path.to_owned(), ..Kind::pod() };
        let deed = Deed { verb: "create", kind: &kind, name: "", is_harmless: true };
        let request = Request::new(path).create(&PostParams::default(), body.to_string().into_bytes());
        let told = self.send(deed, request).await?;
        Ok(match told["status"]["allowed"] == true {
            true => Ok(()),
            false => Err(told["status"]["reason"].as_str().unwrap_or_default().to_owned()),
        })
    }

    /// The object meant.
    pub(super) async fn get(&self, target: &Target) -> Result<Found> {
        let kind = self.kind(&target.word).await?;
        match self.read(&kind, &target.name).await {
            Ok(object) => Ok(Found { kind, name: target.name.clone(), object }),
            Err(error) if error.kind == Sort::Missing => Err(self.homeless().await.unwrap_or(error)),
            Err(error) => Err(error),
        }
    }

    /// That the namespace itself is missing, where it is and the role may see that.
    pub(super) async fn homeless(&self) -> Option<Error> {
        let namespaces = Kind {
            name: "Namespace".to_owned(),
            plural: "namespaces".to_owned(),
            is_namespaced: false,
            ..Kind::pod()
        };
        let is_missing = matches!(self.find(&namespaces, &self.namespace).await, Ok(None));
        is_missing.then(|| errors::no_namespace(self.scene()))
    }

    /// One object.
    pub(super) async fn read(&self, kind: &Kind, name: &str) -> Result<Value> {
        let deed = Deed { verb: "get", kind, name, is_harmless: true };
        self.send(deed, self.request(kind).get(name, &GetParams::default())).await
    }

    /// One object; `None` when there is none.
    pub(super) async fn find(&self, kind: &Kind, name: &str) -> Result<Option<Value>> {
        match self.read(kind, name).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.kind == Sort::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The objects that fit, and whether there are more.
    pub(super) async fn list(&self, kind: &Kind, wanted: &ListParams) -> Result<(Vec<Value>, bool)> {
        let deed = Deed { verb: "list", kind, name: "", is_harmless: true };
        let mut list = self.send(deed, self.request(kind).list(wanted)).await?;
        let more = list["metadata"]["continue"].as_str().is_some_and(|token| !token.is_empty());
        let items = match list["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        Ok((items, more))
    }

    /// Changes one object, or only says how it would look then.
    pub(super) async fn patch(
        &self,
        (kind, name): (&Kind, &str),
        way: &Way,
        body: &Value,
        dry_run: bool,
    ) -> Result<Value> {
        self.permit(kind)?;
        let force = matches!(way, Way::Apply { force: true });
        let manager = Some(self.manager.clone());
        let options = PatchParams { dry_run, force, field_manager: manager, field_validation: None };
        let patch = match way {
            Way::Apply { .. } => Patch::Apply(body),
            Way::Merge => Patch::Merge(body),
            Way::Strategic => Patch::Strategic(body),
        };
        let deed = Deed { verb: "patch", kind, name, is_harmless: dry_run };
        match self.send(deed, self.request(kind).patch(name, &options, &patch)).await {
            // What an earlier `set_image` or a way back has set is our own too, though the server keeps it apart.
            Err(error) if !force && errors::is_own_conflict(&error, &self.manager) => {
                let options = PatchParams { force: true, ..options };
                self.send(deed, self.request(kind).patch(name, &options, &patch)).await
            }
            answer => answer,
        }
    }

    /// Makes an object, or only says how it would look then.
    pub(super) async fn create(&self, kind: &Kind, body: &Value, dry_run: bool) -> Result<Value> {
        self.permit(kind)?;
        let options = PostParams { dry_run, field_manager: Some(self.manager.clone()) };
        let name = body["metadata"]["name"].as_str().unwrap_or_default();
        let deed = Deed { verb: "create", kind, name, is_harmless: dry_run };
        self.send(deed, self.request(kind).create(&options, body.to_string().into_bytes())).await
    }

    /// Deletes an object and what belongs to it; `false` when there was none.
    pub(super) async fn delete(&self, kind: &Kind, name: &str) -> Result<bool> {
        self.permit(kind)?;
        let deed = Deed { verb: "delete", kind, name, is_harmless: false };
        match self.send(deed, self.request(kind).delete(name, &DeleteParams::background())).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == Sort::Missing => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The requests on objects of a kind.
    pub(super) fn request(&self, kind: &Kind) -> Request {
        Request::new(kind.path(&self.namespace))
    }

    /// An error of the client library, told.
    pub(super) fn told(&self, deed: Deed<'_>, why: kube::Error) -> Error {
        errors::told(self.scene(), deed, why)
    }

    /// What the server answers; an error when it says nothing for too long.
    pub(super) async fn answered<T>(
        &self,
        deed: Deed<'_>,
        work: impl Future<Output = kube::Result<T>>,
    ) -> Result<T> {
        let most = if matches!(deed.verb, "get" | "list") { READ } else { OTHER };
        match tokio::time::timeout(most, work).await {
            Ok(answer) => answer.map_err(|why| self.told(deed, why)),
            Err(_) => Err(errors::silent(self.scene(), deed, most)),
        }
    }

    fn scene(&self) -> Scene<'_> {
        Scene { named: &self.named, address: &self.address, namespace: &self.namespace }
    }

    async fn send(
        &self,
        deed: Deed<'_>,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Value> {
        let request = request.map_err(|why| self.told(deed, kube::Error::BuildRequest(why)))?;
        self.answered(deed, self.client.request::<Value>(request)).await
    }

    /// A resource is one namespace. What belongs to none is everybody's.
    fn permit(&self, kind: &Kind) -> Result<()> {
        if kind.is_namespaced || self.is_wide {
            return Ok(());
        }
        Err(Error::denied(format!(
            "`{}` is the namespace `{}`, and a {} belongs to none",
            self.named, self.namespace, kind.name
        ))
        .fix("set `cluster_wide = true` for that resource in playbook.toml"))
    }
}
