//! What the API server refuses, in its own words, and what to do about it.

use std::error::Error as _;
use std::time::Duration;

use kube::core::Status;

use super::kind::Kind;
use crate::base::error::{Error, Kind as Sort};
use crate::base::text::show_duration;

/// What was asked, for errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deed<'a> {
    /// The verb of the permission: `get`, `list`, `create`, `patch`, `delete`.
    pub(super) verb: &'static str,
    /// Of what.
    pub(super) kind: &'a Kind,
    /// Of which; empty for all of them.
    pub(super) name: &'a str,
    /// Whether nothing would be changed even if it succeeded.
    pub(super) is_harmless: bool,
}

/// Where it was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    /// The resource.
    pub(super) named: &'a str,
    /// The API server.
    pub(super) address: &'a str,
    /// The namespace.
    pub(super) namespace: &'a str,
}

impl Deed<'_> {
    /// In words: "patch deployment `web`".
    fn spoken(&self) -> String {
        match self.name {
            "" => format!("{} {}", self.verb, self.kind.plural),
            name => format!("{} {} `{name}`", self.verb, self.kind.spoken()),
        }
    }
}

/// An error of the client library as an error of ours.
pub(super) fn told(scene: Scene<'_>, deed: Deed<'_>, why: kube::Error) -> Error {
    match why {
        kube::Error::Api(status) => refused(scene, deed, &status),
        kube::Error::SerdeError(why) => {
            Error::remote(format!("`{}` answered {} with what is no object", scene.named, deed.spoken()))
                .why(why.to_string())
        }
        kube::Error::Auth(why) => Error::remote(format!("there are no credentials for `{}`", scene.named))
            .why(causes(&why))
            .fix("log in again, or correct the user of the kubeconfig")
            .unchanged(),
        why => lost(scene, deed, &why),
    }
}

/// There was no answer, and there will be none.
pub(super) fn silent(scene: Scene<'_>, deed: Deed<'_>, waited: Duration) -> Error {
    let Scene { named, address, .. } = scene;
    let asked = deed.spoken();
    let what =
        format!("the API server of `{named}` gave no answer to {asked} within {}", show_duration(waited));
    let error = match deed.is_harmless {
        true => Error::remote(what),
        false => Error::new(Sort::InDoubt, what),
    };
    error
        .why(format!("nothing came from {address}"))
        .fix("see whether the API server works and can be reached (`kubectl get --raw /readyz`), then run it again")
}

/// The namespace that everything is asked of is not there.
pub(super) fn no_namespace(scene: Scene<'_>) -> Error {
    let Scene { named, namespace, .. } = scene;
    Error::missing(format!("there is no namespace `{namespace}`, which `{named}` is"))
        .fix("make it (`kubectl create namespace`), or correct `namespace` of that resource in playbook.toml")
        .unchanged()
}

/// The API server said no.
fn refused(scene: Scene<'_>, deed: Deed<'_>, status: &Status) -> Error {
    let Scene { named, namespace, .. } = scene;
    let asked = deed.spoken();
    let message = if status.message.is_empty() { status.reason.as_str() } else { status.message.as_str() };
    let error = match status.code {
        404 if message.contains(&format!("namespaces \"{namespace}\" not found")) => no_namespace(scene),
        404 if !deed.name.is_empty() && deed.verb != "create" => {
            Error::missing(format!("`{named}` has no {} `{}`", deed.kind.spoken(), deed.name))
                .fix(format!("look at what there is with `list(\"{}\")`", deed.kind.qualified()))
        }
        401 => Error::remote(format!("`{named}` does not know who asks")).fix(
            "the token or certificate of the kubeconfig is wrong or has expired: log in again, or correct `token`",
        ),
        403 => {
            let said = |before: &str| message.split_once(before).and_then(|(_, rest)| rest.split(['"', ' ']).next());
            // The server knows best what it has asked for: not each version asks for the same.
            let (user, verb) = (said("User \"").unwrap_or("the user"), said("cannot ").unwrap_or(deed.verb));
            let what = deed.kind.qualified();
            let error = Error::remote(format!("`{named}` may not {asked}"));
            error.fix(match deed.kind.is_namespaced {
                true => format!(
                    "grant `{verb}` on `{what}` in the namespace `{namespace}` to `{user}` with a Role and a RoleBinding"
                ),
                false => format!("grant `{verb}` on `{what}` to `{user}` with a ClusterRole and a ClusterRoleBinding"),
            })
        }
        409 if status.reason == "AlreadyExists" => {
            Error::remote(format!("`{named}` has a {} `{}` already", deed.kind.spoken(), deed.name))
        }
        409 if message.contains("conflict with") || message.contains("conflicts with") => {
            Error::remote(format!("`{named}` refused to {asked}: others own some of these fields")).fix(
                "take the fields out of the manifest, or take them over with `force: true`, which the others may undo",
            )
        }
        409 => Error::remote(format!("`{named}` refused to {asked}: it was changed at the same time"))
            .fix("run it again"),
        422 => Error::remote(format!("`{named}` refused to {asked}: it is not valid"))
            .fix("correct the fields that it names"),
        429 => Error::remote(format!("`{named}` is too busy to {asked}"))
            .fix("try again later, or with `#{ retry: 3 }` where that is safe"),
        500.. if !deed.is_harmless => {
            let what = format!("`{named}` failed to {asked}, and may have done it all the same");
            Error::new(Sort::InDoubt, what)
        }
        _ => Error::remote(format!("`{named}` refused to {asked}")),
    };
    let mut error = error.why(said(message, status)).detail("code", status.code);
    if !status.reason.is_empty() {
        error = error.detail("reason", status.reason.clone());
    }
    if status.code < 500 { error.unchanged() } else { error }
}

/// Whether a conflict is with nobody but ourselves.
pub(super) fn is_own_conflict(error: &Error, manager: &str) -> bool {
    let why = error.why.as_deref().unwrap_or_default();
    let owners: Vec<&str> = why
        .match_indices(" with \"")
        .filter(|(at, _)| why[..*at].ends_with("conflict") || why[..*at].ends_with("conflicts"))
        .filter_map(|(at, with)| why[at + with.len()..].split('"').next())
        .collect();
    error.details.get("reason").is_some_and(|reason| reason == "Conflict")
        && !owners.is_empty()
        && owners.iter().all(|owner| *owner == manager)
}

/// The server's message with its reason and code, and each cause on a line of its own unless the message has it.
fn said(message: &str, status: &Status) -> String {
    let reason = if status.reason.is_empty() { "no reason given" } else { status.reason.as_str() };
    let mut said = format!("{message} ({reason}, {})", status.code);
    for cause in status.details.iter().flat_map(|details| &details.causes) {
        if !message.contains(&cause.message) {
            said += &format!("\n{}: {}", cause.field, cause.message);
        }
    }
    said
}

/// There was no answer.
fn lost(scene: Scene<'_>, deed: Deed<'_>, error: &kube::Error) -> Error {
    let Scene { named, address, .. } = scene;
    let why = causes(error);
    let has = |text: &str| why.contains(text) || error.to_string().contains(text);
    if !has("(Connect)") && !has("connect timed out") && !is_refused(error) {
        let asked = deed.spoken();
        let what = format!("`{named}` went away during {asked}");
        return match deed.is_harmless {
            true => Error::remote(what).why(why),
            false => Error::new(Sort::InDoubt, what).why(why),
        };
    }
    let error = Error::remote(format!("`{named}` cannot be reached at {address}"));
    let error = match () {
        () if has("UnknownIssuer") || has("self-signed") || has("BadSignature") => {
            error.fix("name the authority of its certificate in the kubeconfig, or as `ca`")
        }
        () if has("dns error") => error.fix("correct the address of the server, or check the name service"),
        () => error.fix("check that the API server runs and that its address is right"),
    };
    error.why(why).unchanged()
}

fn is_refused(error: &kube::Error) -> bool {
    let mut next = error.source();
    while let Some(cause) = next {
        let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if kind == Some(std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        next = cause.source();
    }
    false
}

/// The chain of causes, without what only repeats.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        next = cause.source();
        let says_nothing = text.starts_with("ServiceError: ") || text.starts_with("HyperError: ");
        if !says_nothing && !told.iter().any(|have| have.contains(&text)) {
            told.retain(|have| !text.contains(have.as_str()));
            told.push(text);
        }
    }
    if told.is_empty() { error.to_string() } else { told.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_with_oneself_is_none() {
        let conflict = |why: &str| Error::remote("x").why(why).detail("reason", "Conflict");
        let one = "Apply failed with 1 conflict: conflict with \"playbook\" using apps/v1: .spec.replicas (Conflict, 409)";
        let two = "Apply failed with 2 conflicts: conflicts with \"helm\" using v1:\n- .data.a\nconflicts with \"playbook\" using v1:\n- .data.b";
        assert!(is_own_conflict(&conflict(one), "playbook"));
        assert!(!is_own_conflict(&conflict(two), "playbook") && !is_own_conflict(&conflict(one), "helm"));
        assert!(!is_own_conflict(&Error::remote("x").why(one), "playbook"));
    }
}
