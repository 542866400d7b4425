//! The settings of one namespace of a cluster, and what follows from them: where the API server is, and as whom to ask it.

use std::path::PathBuf;
use std::time::Duration;

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::target::is_name;
use crate::base::error::{Error, Result};
use crate::base::secret::Secret;
use crate::base::suggest;
use crate::base::text;
use crate::effect::cx::Cx;
use crate::sys::{environment, files};

/// The name of what is made of `server`, `ca` and `token`.
const OWN: &str = "playbook";

/// One namespace of a Kubernetes cluster.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// The kubeconfig file; default the one that KUBECONFIG names, else ~/.kube/config.
    #[serde(default)]
    kubeconfig: Option<String>,
    /// The context of the kubeconfig. It must be named where the file has several: the current one is what somebody
    /// chose last.
    #[serde(default)]
    context: Option<String>,
    /// Whether to use the service account of the pod that this runs in, instead of a kubeconfig.
    #[serde(default)]
    in_cluster: bool,
    /// Instead of a kubeconfig: the address of the API server, as "https://10.0.0.1:6443".
    #[serde(default)]
    server: Option<String>,
    /// The authority that signed the certificate of `server`, as a PEM file; default those that the system trusts.
    #[serde(default)]
    ca: Option<String>,
    /// The token for `server`, as a reference: `env:KUBE_TOKEN`, `file:/run/secrets/token`. With a kubeconfig, it
    /// takes the place of the user's own.
    #[serde(default)]
    token: Option<Secret>,
    /// The namespace; default that of the context, else "default".
    #[serde(default)]
    namespace: Option<String>,
    /// Whether objects that belong to no namespace may be changed too, as CustomResourceDefinitions and Namespaces.
    #[serde(default)]
    cluster_wide: bool,
    /// The name under which the fields are owned that `apply` sets; default "playbook".
    #[serde(default)]
    field_manager: Option<String>,
    /// How long connecting may take; default "10s".
    #[serde(default)]
    connect_timeout: Option<String>,
}

/// The settings made whole.
#[derive(Debug)]
pub(super) struct Reach {
    /// What the client library takes.
    pub(super) config: Config,
    /// The namespace.
    pub(super) namespace: String,
    /// Whether objects of no namespace may be changed.
    pub(super) is_wide: bool,
    /// Who owns the fields that are set.
    pub(super) manager: String,
}

/// What is wrong with the table, as far as that can be told without a file or a secret.
pub(super) fn check(value: &Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    table.consistent().map_err(|error| match error.fix.as_deref() {
        Some(fix) => format!("{}; {fix}", error.what),
        None => error.what.clone(),
    })
}

impl Table {
    fn consistent(&self) -> Result<()> {
        let ways =
            [self.kubeconfig.is_some() || self.context.is_some(), self.in_cluster, self.server.is_some()];
        let has_address =
            |server: &String| server.starts_with("https://") || server.starts_with("http://127.0.0.1");
        let wrong = [
            (
                ways.iter().filter(|way| **way).count() > 1,
                "`kubeconfig`, `in_cluster` and `server` are three ways to say where it is",
                "set one of them",
            ),
            (self.ca.is_some() && self.server.is_none(), "`ca` belongs to `server`", "set both, or neither"),
            (
                self.in_cluster && self.token.is_some(),
                "a pod has its own token",
                "take `token` or `in_cluster` out",
            ),
            (
                self.server.as_ref().is_some_and(|server| !has_address(server)),
                "`server` is no address of an API server",
                "write it like \"https://10.0.0.1:6443\"",
            ),
            (
                self.namespace.as_ref().is_some_and(|name| !is_name(name)),
                "`namespace` is no name of a namespace",
                "write small letters, digits and `-`",
            ),
        ];
        let mistakes = wrong.iter().filter(|(is_wrong, ..)| *is_wrong);
        Error::all(mistakes.map(|(_, what, fix)| Error::usage(*what).fix(*fix)).collect())?;
        self.connect_timeout().map(drop)
    }

    fn connect_timeout(&self) -> Result<Duration> {
        self.connect_timeout.as_deref().map_or(Ok(Duration::from_secs(10)), text::parse_duration)
    }

    /// Makes the settings of the call's resource whole.
    pub(super) async fn resolve(self, cx: &Cx) -> Result<Reach> {
        self.consistent()?;
        let mut config = match self.in_cluster {
            true => Config::incluster().map_err(|why| {
                Error::usage(format!(
                    "`{}` is to be reached from within a pod, and this is none",
                    cx.resource()
                ))
                .why(why.to_string())
                .fix("run playbook in the cluster, or set `kubeconfig` and `context`")
            })?,
            false => self.outside(cx).await?,
        };
        config.connect_timeout = Some(self.connect_timeout()?);
        // Whether something is tried again is the playbook's decision.
        config.default_retry = false;
        Ok(Reach {
            namespace: self.namespace.unwrap_or_else(|| config.default_namespace.clone()),
            is_wide: self.cluster_wide,
            manager: self.field_manager.unwrap_or_else(|| OWN.to_owned()),
            config,
        })
    }

    async fn outside(&self, cx: &Cx) -> Result<Config> {
        let (file, mut kubeconfig) = match &self.server {
            Some(server) => (cx.table(), self.own(cx, server)?),
            None => {
                let path = self.file(cx)?;
                let file = path.display().to_string();
                if !files::exists(&path) {
                    return Err(Error::usage(format!("there is no kubeconfig {file}"))
                        .fix(format!("set `kubeconfig` of {}", cx.table())));
                }
                (file.clone(), Kubeconfig::read_from(&path).map_err(|why| unread(&file, &why))?)
            }
        };
        let context = self.context(cx, &file, &kubeconfig)?;
        if let Some(token) = &self.token {
            let token = cx.reveal(token).await?;
            use_token(&mut kubeconfig, &context, token.expose())?;
        }
        let options = KubeConfigOptions { context: Some(context), ..KubeConfigOptions::default() };
        Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|why| unread(&file, &why))
    }

    fn file(&self, cx: &Cx) -> Result<PathBuf> {
        let home = || environment::variable("HOME").unwrap_or_default();
        let named = self.kubeconfig.clone().or_else(|| environment::variable("KUBECONFIG"));
        let named = named.filter(|name| !name.is_empty()).unwrap_or_else(|| "~/.kube/config".to_owned());
        if named.contains(':') && self.kubeconfig.is_none() {
            return Err(Error::usage("KUBECONFIG names several files")
                .fix(format!("set `kubeconfig` and `context` of {}", cx.table())));
        }
        Ok(match named.strip_prefix("~/") {
            Some(rest) => PathBuf::from(home()).join(rest),
            None => cx.trusted_path(&named),
        })
    }

    fn own(&self, cx: &Cx, server: &str) -> Result<Kubeconfig> {
        let ca = self.ca.as_deref().map(|path| cx.trusted_path(path).display().to_string());
        let mut cluster = json!({ "server": server });
        if let Some(ca) = ca {
            cluster["certificate-authority"] = ca.into();
        }
        let all = json!({
            "clusters": [{ "name": OWN, "cluster": cluster }],
            "users": [{ "name": OWN, "user": {} }],
            "contexts": [{ "name": OWN, "context": { "cluster": OWN, "user": OWN } }],
        });
        serde_json::from_value(all)
            .map_err(|why| Error::bug("a kubeconfig of one's own").why(why.to_string()))
    }

    /// The context meant: the one named, or the only one there is.
    fn context(&self, cx: &Cx, file: &str, kubeconfig: &Kubeconfig) -> Result<String> {
        let names: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
        match (&self.context, names.as_slice()) {
            (Some(name), names) if names.contains(&name.as_str()) => Ok(name.clone()),
            (Some(name), names) => Err(Error::usage(format!("{file} has no context `{name}`"))
                .fix(suggest::advice(name, names.iter().copied()))),
            (None, [only]) => Ok((*only).to_owned()),
            (None, []) => Err(Error::usage(format!("{file} has no context"))
                .fix(format!("set `kubeconfig` of {}", cx.table()))),
            (None, several) => Err(Error::usage(format!("{file} has {} contexts", several.len()))
                .why(suggest::list(several.iter().copied()))
                .fix(format!(
                    "set `context` of {}: which one is current is only what somebody chose last",
                    cx.table()
                ))),
        }
    }
}

/// Lets the user of the context show this token, and nothing else.
fn use_token(kubeconfig: &mut Kubeconfig, context: &str, token: &str) -> Result<()> {
    let broken = |why: serde_json::Error| Error::bug("a token in a kubeconfig").why(why.to_string());
    let user = json!({ "name": OWN, "user": { "token": token } });
    kubeconfig.auth_infos.insert(0, serde_json::from_value(user).map_err(broken)?);
    kubeconfig.auth_infos.dedup_by(|later, first| later.name == first.name);
    for named in kubeconfig.contexts.iter_mut().filter(|named| named.name == context) {
        if let Some(context) = &mut named.context {
            context.user = Some(OWN.to_owned());
        }
    }
    Ok(())
}

/// A kubeconfig that cannot be used. What a parser says may quote a line with a token in it, so it is not repeated.
fn unread(file: &str, why: &KubeconfigError) -> Error {
    let error = Error::usage(format!("{file} is no kubeconfig that can be used"));
    match why {
        KubeconfigError::Parse(_) => {
            error.fix("look at it with `kubectl config view`: it is not well-formed")
        }
        why => error.why(why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_go_together_are_accepted_and_others_refused() {
        for table in [
            json!({}),
            json!({ "kubeconfig": "~/.kube/config", "context": "prod", "namespace": "shop" }),
            json!({ "in_cluster": true, "cluster_wide": true }),
            json!({ "server": "https://10.0.0.1:6443", "ca": "ca.pem", "token": "env:TOKEN" }),
        ] {
            check(&table).unwrap_or_else(|why| panic!("{table}: {why}"));
        }
        for (table, says) in [
            (json!({ "kubeconfig": "a", "in_cluster": true }), "three ways"),
            (json!({ "ca": "a.pem" }), "belongs to `server`"),
            (json!({ "in_cluster": true, "token": "env:T" }), "its own token"),
            (json!({ "server": "10.0.0.1" }), "no address"),
            (json!({ "namespace": "a/b" }), "no name of a namespace"),
            (json!({ "token": "hunter2" }), "env:NAME"),
            (json!({ "connect_timeout": "soon" }), "duration"),
            (json!({ "contxt": "a" }), "contxt"),
        ] {
            let why = check(&table).unwrap_err();
            assert!(why.contains(says) && !why.contains("hunter2"), "{table}: {why}");
        }
    }
}
