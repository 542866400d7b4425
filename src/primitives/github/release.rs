//! `release`, `create_release` and `delete_release`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::repository::Repository;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::api::refused_whole;
use crate::effect::cx::Cx;
use crate::effect::notice::cut;
use crate::effect::primitive::Primitive;
use crate::sys::http::Method;

/// The longest text of a release, in characters.
const TEXT: usize = 125_000;

/// Reads the release of a tag, or the latest one: `id`, `tag`, `name`, `text`, `draft`, `prerelease`, `commit`, `published`, `url`
/// and `assets` (names). `()` when there is none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Release {
    /// The tag; the latest release when left out
    tag: Option<String>,
}

impl Primitive for Release {
    const NAME: &'static str = "release";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"let latest = github("app").release().tag;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        let which = self.tag.as_deref().unwrap_or("latest");
        format!("read the release {which} of {}", resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let found = find(&cx, &Repository::of(&cx).await?, self.tag.as_deref()).await?;
        Ok(found.as_ref().map_or(Value::Null, told))
    }
}

/// Creates a release of a tag; a tag that is not there yet is made on `commit`. Taken back by deleting the release, and the tag where
/// it was made. Gives what `release` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateRelease {
    /// The tag
    tag: String,
    /// Its headline; the tag when left out
    name: Option<String>,
    /// What it says; GitHub takes Markdown
    #[serde(default)]
    text: String,
    /// The branch or commit that a new tag is made on; the default branch when left out
    commit: Option<String>,
    /// Whether GitHub adds notes on what was merged
    #[serde(default)]
    notes: bool,
    /// Whether it is only seen by those who may write
    #[serde(default)]
    draft: bool,
    /// Whether it is shown as not ready for everybody
    #[serde(default)]
    prerelease: bool,
}

impl Primitive for CreateRelease {
    const NAME: &'static str = "create_release";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"github("app").create_release("v2.0.0", #{ text: "What is new …", notes: true })"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("create the release {} of {}", self.tag, resource.name)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let repository = Repository::of(cx).await?;
        if let Some(found) = find(cx, &repository, Some(&self.tag)).await? {
            return Err(Error::usage(format!("`{}` has a release {} already", cx.resource(), self.tag))
                .why(text(&found, "html_url"))
                .fix("choose another tag, or delete that release first"));
        }
        let has_tag = tag(cx, &repository, &self.tag).await?;
        let call = Call::new(cx.resource().clone(), DeleteRelease::NAME).with("tag", self.tag.as_str());
        Ok(Inverse::Call(call.with("with_tag", !has_tag)))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        Ok(Some(find(cx, &Repository::of(cx).await?, Some(&self.tag)).await?.is_some()))
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        let found = find(cx, &Repository::of(cx).await?, Some(&self.tag)).await?;
        Ok(found.as_ref().map(told))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let repository = Repository::of(&cx).await?;
        let mut body = json!({
            "tag_name": self.tag, "name": self.name.as_deref().unwrap_or(&self.tag), "body": cut(&self.text, TEXT),
            "draft": self.draft, "prerelease": self.prerelease, "generate_release_notes": self.notes,
        });
        if let Some(commit) = &self.commit {
            body["target_commitish"] = commit.as_str().into();
        }
        let ask = repository.request(Method::POST, &["releases"]).json(&body);
        let sent = repository.ask(&cx, &ask, &format!("create the release {}", self.tag)).await;
        let reply = sent.map_err(refused_whole)?;
        Ok(told(&reply.json))
    }
}

/// Deletes the release of a tag with its assets; none is no error. Nothing takes that back. Gives `tag` and `changed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteRelease {
    /// The tag
    tag: String,
    /// Whether the tag goes too
    #[serde(default)]
    with_tag: bool,
}

impl Primitive for DeleteRelease {
    const NAME: &'static str = "delete_release";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"github("app").delete_release("v2.0.0-rc1")"#;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        let and = if self.with_tag { " and its tag" } else { "" };
        format!("delete the release {} of {}{and}", self.tag, resource.name)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let repository = Repository::of(cx).await?;
        Ok(match find(cx, &repository, Some(&self.tag)).await? {
            Some(_) => Inverse::none("the assets of a deleted release cannot be had again"),
            None => Inverse::Nothing,
        })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let repository = Repository::of(cx).await?;
        let is_gone = find(cx, &repository, Some(&self.tag)).await?.is_none();
        // The tag goes after its release.
        Ok(Some(is_gone && !(self.with_tag && tag(cx, &repository, &self.tag).await?)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let repository = Repository::of(&cx).await?;
        let found = find(&cx, &repository, Some(&self.tag)).await?;
        if let Some(id) = found.as_ref().and_then(|release| release.get("id")?.as_u64()) {
            let ask = repository.request(Method::DELETE, &["releases", &id.to_string()]);
            repository.ask(&cx, &ask, &format!("delete the release {}", self.tag)).await?;
        }
        let mut changed = found.is_some();
        if self.with_tag && tag(&cx, &repository, &self.tag).await? {
            let path: Vec<&str> = ["git", "refs", "tags"].into_iter().chain(self.tag.split('/')).collect();
            repository.ask(&cx, &repository.request(Method::DELETE, &path), "delete the tag").await?;
            changed = true;
        }
        Ok(json!({ "tag": self.tag, "changed": changed }))
    }
}

/// The release of a tag, or the latest one. A draft is found among all, because it has no tag yet.
async fn find(cx: &Cx, repository: &Repository, tag: Option<&str>) -> Result<Option<Value>> {
    let path = match tag {
        Some(tag) => vec!["releases", "tags", tag],
        None => vec!["releases", "latest"],
    };
    let reply = repository.api.send(cx, &repository.request(Method::GET, &path)).await?;
    match (reply.status, tag) {
        _ if reply.is_fine() => return Ok(Some(reply.json)),
        (404, None) => return Ok(None),
        (404, Some(_)) => {}
        _ => return Err(repository.refused(&reply, "read the release")),
    }
    let ask = repository.request(Method::GET, &["releases"]).query("per_page", "30");
    let reply = repository.ask(cx, &ask, "list the releases").await?;
    let all = reply.json.as_array().cloned().unwrap_or_default();
    Ok(all.into_iter().find(|release| Some(text(release, "tag_name")) == tag))
}

/// Whether there is such a tag.
async fn tag(cx: &Cx, repository: &Repository, name: &str) -> Result<bool> {
    let path: Vec<&str> = ["git", "ref", "tags"].into_iter().chain(name.split('/')).collect();
    let reply = repository.api.send(cx, &repository.request(Method::GET, &path)).await?;
    match reply.status {
        404 => Ok(false),
        _ if reply.is_fine() => Ok(true),
        _ => Err(repository.refused(&reply, "look for the tag")),
    }
}

fn told(release: &Value) -> Value {
    let assets = release.get("assets").and_then(Value::as_array).into_iter().flatten();
    json!({
        "id": release.get("id"), "tag": release.get("tag_name"), "name": release.get("name"), "text": release.get("body"),
        "draft": release.get("draft"), "prerelease": release.get("prerelease"), "commit": release.get("target_commitish"),
        "published": release.get("published_at"), "url": release.get("html_url"),
        "assets": assets.map(|asset| text(asset, "name")).collect::<Vec<_>>(),
    })
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
