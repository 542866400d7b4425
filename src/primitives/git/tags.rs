//! Tags: made, pushed, deleted, and brought back as they were.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::history::commit;
use super::repository::{Repository, plain};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// How long work with a remote may take.
const LONG: Duration = Duration::from_secs(120);

/// Tags a commit; a tag of that name on that commit already is no error, on another one it is. Taken back by deleting it.
/// Gives `tag`, `commit` and `changed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tag {
    /// The tag's name
    name: String,
    /// What an annotated tag says; without it the tag is a light one
    message: Option<String>,
    /// The commit; what is checked out when left out
    #[serde(default = "head")]
    commit: String,
}

fn head() -> String {
    "HEAD".to_owned()
}

impl Primitive for Tag {
    const NAME: &'static str = "tag";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"git("app").tag("v2.0.0", #{ message: "Release 2.0.0" })"#;
    const IDEMPOTENT: bool = true;
    const ATOMIC: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("tag {} of {} as {}", self.commit, resource.name, self.name)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let repository = Repository::of(cx)?;
        commit(&repository, &self.commit).await?;
        let there = object(&repository, &self.name).await?.is_some();
        Ok(if there { Inverse::Nothing } else { call(cx, DeleteTag::NAME, &self.name) })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let repository = Repository::of(cx)?;
        let wanted = commit(&repository, &self.commit).await?;
        Ok(Some(tagged(&repository, &self.name).await? == Some(wanted)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let repository = Repository::of(&cx)?;
        let wanted = commit(&repository, &self.commit).await?;
        match tagged(&repository, &self.name).await? {
            Some(have) if have == wanted => {
                return Ok(json!({ "tag": self.name, "commit": wanted, "changed": false }));
            }
            Some(have) => {
                return Err(Error::remote(format!("`{}` has a tag `{}` already", cx.resource(), self.name))
                    .why(format!("it is on {have}, not on {wanted}"))
                    .fix("choose another name, or call `delete_tag` first if that one is wrong"));
            }
            None => {}
        }
        let mut arguments = vec!["tag"];
        if let Some(message) = &self.message {
            arguments.extend(["--annotate", "--cleanup=verbatim", "--message", message]);
        }
        arguments.extend([self.name.as_str(), wanted.as_str()]);
        repository.ask(&arguments).await?;
        Ok(json!({ "tag": self.name, "commit": wanted, "changed": true }))
    }
}

/// Pushes a tag to the remote; one that is there already, on the same commit, is no error. Taken back by deleting it there.
/// Gives `tag`, `remote` and `changed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PushTag {
    /// The tag's name
    name: String,
}

impl Primitive for PushTag {
    const NAME: &'static str = "push_tag";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"git("app").push_tag("v2.0.0")"#;
    const TIMEOUT: Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("push the tag {} of {}", self.name, resource.name)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let there = pushed(&Repository::of(cx)?, &self.name).await?.is_some();
        Ok(if there { Inverse::Nothing } else { call(cx, DeletePushedTag::NAME, &self.name) })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let repository = Repository::of(cx)?;
        let own = object(&repository, &self.name).await?;
        Ok(Some(own.is_some() && pushed(&repository, &self.name).await? == own))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let repository = Repository::of(&cx)?;
        let Some(own) = object(&repository, &self.name).await? else {
            return Err(Error::missing(format!("`{}` has no tag `{}`", cx.resource(), self.name))
                .fix("call `tag` before"));
        };
        let changed = pushed(&repository, &self.name).await? != Some(own);
        if changed {
            let tag = format!("refs/tags/{}", self.name);
            repository.ask(&["push", "--porcelain", remote(&repository)?, &format!("{tag}:{tag}")]).await?;
        }
        Ok(json!({ "tag": self.name, "remote": repository.table.remote, "changed": changed }))
    }
}

/// Brings a tag back that was deleted, as it was. `delete_tag` and `delete_pushed_tag` record it as their way back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RestoreTag {
    /// The tag's name
    name: String,
    /// What it pointed to: a commit, or the object of an annotated tag
    object: String,
    /// Whether it is brought back on the remote, not here
    #[serde(default)]
    pushed: bool,
}

impl Primitive for RestoreTag {
    const NAME: &'static str = "restore_tag";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"git("app").restore_tag("v1.9.0", "abc1234")"#;
    const NO_PROBE: Option<&'static str> = Some("to put something back twice is to put it back");
    const TIMEOUT: Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        let place = if self.pushed { " on its remote" } else { "" };
        format!("bring the tag {} of {} back{place}", self.name, resource.name)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        Ok(call(cx, if self.pushed { DeletePushedTag::NAME } else { DeleteTag::NAME }, &self.name))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let repository = Repository::of(&cx)?;
        let (tag, object) = (reference(&self.name)?, plain("object", &self.object)?);
        if self.pushed {
            repository
                .ask(&["push", "--porcelain", remote(&repository)?, &format!("{object}:{tag}")])
                .await?;
        } else {
            repository.ask(&["update-ref", &tag, object]).await?;
        }
        Ok(json!({ "tag": self.name, "changed": true }))
    }
}

/// Deletes a tag here; none of that name is no error. Taken back by bringing it back as it was. Gives `tag` and `changed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteTag {
    /// The tag's name
    name: String,
}

impl Primitive for DeleteTag {
    const NAME: &'static str = "delete_tag";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"git("app").delete_tag("v2.0.0-rc1")"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("delete the tag {} of {}", self.name, resource.name)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let object = object(&Repository::of(cx)?, &self.name).await?;
        Ok(object.map_or(Inverse::Nothing, |object| restoring(cx, &self.name, &object, false)))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        Ok(Some(object(&Repository::of(cx)?, &self.name).await?.is_none()))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let repository = Repository::of(&cx)?;
        let changed = object(&repository, &self.name).await?.is_some();
        if changed {
            repository.ask(&["tag", "--delete", &self.name]).await?;
        }
        Ok(json!({ "tag": self.name, "changed": changed }))
    }
}

/// Deletes a tag on the remote; none of that name is no error. Taken back by pushing it again as it was, which wants it to
/// be known here. Gives `tag`, `remote` and `changed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeletePushedTag {
    /// The tag's name
    name: String,
}

impl Primitive for DeletePushedTag {
    const NAME: &'static str = "delete_pushed_tag";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"git("app").delete_pushed_tag("v2.0.0-rc1")"#;
    const TIMEOUT: Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("delete the tag {} on the remote of {}", self.name, resource.name)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let repository = Repository::of(cx)?;
        let Some(object) = pushed(&repository, &self.name).await? else { return Ok(Inverse::Nothing) };
        if !repository.tells(&["cat-file", "-e", &object]).await.unwrap_or(false) {
            return Ok(Inverse::none("what the tag points to is not known here; fetch it first"));
        }
        Ok(restoring(cx, &self.name, &object, true))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        Ok(Some(pushed(&Repository::of(cx)?, &self.name).await?.is_none()))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let repository = Repository::of(&cx)?;
        let changed = pushed(&repository, &self.name).await?.is_some();
        if changed {
            let tag = reference(&self.name)?;
            repository.ask(&["push", "--porcelain", remote(&repository)?, &format!(":{tag}")]).await?;
        }
        Ok(json!({ "tag": self.name, "remote": repository.table.remote, "changed": changed }))
    }
}

fn call(cx: &Cx, verb: &str, name: &str) -> Inverse {
    Inverse::Call(Call::new(cx.resource().clone(), verb).with("name", name))
}

fn restoring(cx: &Cx, name: &str, object: &str, pushed: bool) -> Inverse {
    let call = Call::new(cx.resource().clone(), RestoreTag::NAME).with("name", name).with("object", object);
    Inverse::Call(call.with("pushed", pushed))
}

fn reference(name: &str) -> Result<String> {
    Ok(format!("refs/tags/{}", plain("tag", name)?))
}

fn remote(repository: &Repository) -> Result<&str> {
    plain("remote", &repository.table.remote)
}

/// What a tag points to here: a commit, or the object of an annotated tag.
async fn object(repository: &Repository, name: &str) -> Result<Option<String>> {
    let tag = reference(name)?;
    if !repository.tells(&["check-ref-format", &tag]).await? {
        return Err(Error::usage(format!("`{name}` is no name of a tag")).fix("write for example \"v1.2.3\""));
    }
    let found = repository.ask(&["for-each-ref", "--format=%(refname) %(objectname)", &tag]).await?;
    let own = found.lines().find_map(|line| line.strip_prefix(&format!("{tag} ")));
    Ok(own.map(str::to_owned))
}

/// The commit that a tag leads to here.
async fn tagged(repository: &Repository, name: &str) -> Result<Option<String>> {
    match object(repository, name).await? {
        Some(_) => commit(repository, &reference(name)?).await.map(Some),
        None => Ok(None),
    }
}

/// What a tag points to on the remote.
async fn pushed(repository: &Repository, name: &str) -> Result<Option<String>> {
    let tag = reference(name)?;
    let found = repository.ask(&["ls-remote", "--quiet", remote(repository)?, &tag]).await?;
    let own = found.lines().filter_map(|line| line.split_once('\t')).find(|(_, name)| *name == tag);
    Ok(own.map(|(object, _)| object.to_owned()))
}
