//! What lies under a tag: a manifest, its digest, and the names that images and tags may have.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::access::Registry;
use crate::base::error::{Error, Result};
use crate::base::text::hexadecimal;
use crate::effect::api::{Ask, Reply};
use crate::effect::cx::Cx;
use crate::sys::http::Method;

/// The kinds of manifests that are asked for, the lists of several platforms first.
const KINDS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// A manifest as it lies there.
pub(super) struct Manifest {
    /// Its digest: `sha256:…`.
    pub(super) digest: String,
    /// What kind it is.
    pub(super) kind: String,
    /// Its text, byte by byte what the digest is of.
    pub(super) text: String,
}

/// A request for the manifest of a tag or digest.
pub(super) fn request(method: Method, image: &str, reference: &str) -> Result<Ask> {
    check(image, reference)?;
    let path: Vec<&str> =
        ["v2"].into_iter().chain(image.split('/')).chain(["manifests", reference]).collect();
    Ok(Ask::new(method, &path).header("accept", KINDS))
}

/// The manifest under a tag or digest; `None` when there is none.
pub(super) async fn read(
    cx: &Cx,
    registry: &Registry,
    image: &str,
    reference: &str,
) -> Result<Option<Manifest>> {
    let reply = registry.send(cx, &request(Method::GET, image, reference)?, image, "pull").await?;
    if !found(registry, &reply, &format!("read {image}:{reference}"))? {
        return Ok(None);
    }
    let own = format!("sha256:{}", hexadecimal(&Sha256::digest(reply.text.as_bytes())));
    let digest = reply.header("docker-content-digest").unwrap_or(&own).to_owned();
    if digest.starts_with("sha256:") && digest != own {
        return Err(Error::remote(format!("`{}` gave another manifest than it says", registry.api.name))
            .why(format!("it says {digest}, and what came is {own}")));
    }
    let kind =
        reply.header("content-type").unwrap_or("application/vnd.oci.image.manifest.v1+json").to_owned();
    Ok(Some(Manifest { digest, kind, text: reply.text }))
}

/// The digest under a tag; `None` when there is none.
pub(super) async fn digest(cx: &Cx, registry: &Registry, image: &str, tag: &str) -> Result<Option<String>> {
    let reply = registry.send(cx, &request(Method::HEAD, image, tag)?, image, "pull").await?;
    if !found(registry, &reply, &format!("look for {image}:{tag}"))? {
        return Ok(None);
    }
    match reply.header("docker-content-digest") {
        Some(digest) => Ok(Some(digest.to_owned())),
        // Some tell it only with the whole.
        None => Ok(read(cx, registry, image, tag).await?.map(|manifest| manifest.digest)),
    }
}

/// Whether something is there; an error for anything but yes and no.
pub(super) fn found(registry: &Registry, reply: &Reply, what: &str) -> Result<bool> {
    match reply.status {
        404 => Ok(false),
        _ if reply.is_fine() => Ok(true),
        _ => {
            let error = registry.api.refused(reply, what);
            let code = reply.json.pointer("/errors/0/code").and_then(Value::as_str).unwrap_or_default();
            Err(if code == "DENIED" || reply.status == 401 || reply.status == 403 {
                error.fix(format!(
                    "check `user` and `password` of {}, and what they may do",
                    registry.api.table
                ))
            } else {
                error
            })
        }
    }
}

/// Refuses what could lead to another path of the registry.
fn check(image: &str, reference: &str) -> Result<()> {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
    };
    if !image.split('/').all(is_part) {
        return Err(Error::usage(format!("`{image}` is no name of an image"))
            .fix("write it without registry and tag, in lower case: \"team/api\""));
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_tag =
        reference.len() <= 128 && !reference.starts_with(['.', '-']) && reference.chars().all(is_word);
    let is_digest = reference.split_once(':').is_some_and(|(kind, rest)| {
        kind.chars().all(|c| c.is_ascii_alphanumeric()) && rest.chars().all(|c| c.is_ascii_hexdigit())
    });
    if reference.is_empty() || !(is_tag || is_digest) {
        return Err(Error::usage(format!("`{reference}` is no tag"))
            .fix("write for example \"v1.2.3\" or \"sha256:…\""));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_lead_elsewhere_are_refused() {
        for (image, reference) in [("team/api", "v1.2"), ("a", "sha256:0a1b"), ("a/b/c-d", "Latest_1")] {
            assert!(check(image, reference).is_ok(), "{image}:{reference}");
        }
        for (image, reference) in [
            ("../x", "v1"),
            ("a//b", "v1"),
            ("Team/api", "v1"),
            ("", "v1"),
            ("a", ""),
            ("a", "../b"),
            ("a", "x/y"),
            ("a", "-v"),
        ] {
            assert!(check(image, reference).is_err(), "{image}:{reference}");
        }
    }
}
