//! `head`, `holds` and `log`: which commits there are.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::repository::{Repository, plain};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// What is read of each commit; a zero byte stands between two parts, and one of another kind between two commits.
const FORMAT: &str = "--format=%H%x00%h%x00%an%x00%ae%x00%cI%x00%s%x00%b%x1e";

/// Reads the commit that is checked out: `commit`, `short`, `author`, `email`, `time`, `subject`, `body`, the `branch` (or
/// `()`), the `tags` on it, and `describe`, as "v1.2.0-3-gabc1234" (or `()`).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {}

impl Primitive for Head {
    const NAME: &'static str = "head";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"let commit = git("app").head().commit;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read which commit of {} is checked out", resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let repository = Repository::of(&cx)?;
        let text = repository.ask(&["log", "-1", FORMAT, "HEAD"]).await?;
        let mut head = commits(&text).pop().unwrap_or_default();
        let branch = repository.line(&["rev-parse", "--abbrev-ref", "HEAD"]).await?;
        head["branch"] = if branch == "HEAD" { Value::Null } else { branch.into() };
        let tags = repository.line(&["tag", "--points-at", "HEAD"]).await?;
        head["tags"] = json!(tags.lines().collect::<Vec<_>>());
        // It fails where there is no tag to begin from.
        head["describe"] = json!(repository.line(&["describe", "--tags", "HEAD"]).await.ok());
        Ok(head)
    }
}

/// Whether a commit is part of the history of another: of what is checked out, unless `of` says otherwise.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Holds {
    /// A commit, branch or tag
    commit: String,
    /// The commit, branch or tag whose history is looked at
    #[serde(default = "head")]
    of: String,
}

fn head() -> String {
    "HEAD".to_owned()
}

impl Primitive for Holds {
    const NAME: &'static str = "holds";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "the fix is in the release", git("app").holds("abc1234", #{ of: "v2.0.0" });"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("see whether {} of {} holds {}", self.of, resource.name, self.commit)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (commit, of) = (plain("commit", &self.commit)?, plain("commit", &self.of)?);
        Repository::of(&cx)?.tells(&["merge-base", "--is-ancestor", commit, of]).await.map(Value::Bool)
    }
}

/// Lists commits, the newest first: those since a tag or commit, or since the last tag before. Each is what `head` gives,
/// without branch, tags and describe.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    /// The tag or commit after which they begin; the last tag before `to` when left out, or the first commit
    since: Option<String>,
    /// The commit that they end with
    #[serde(default = "head")]
    to: String,
    /// The path that they must have changed
    path: Option<String>,
    /// How many at most
    #[serde(default = "many")]
    most: u32,
}

const fn many() -> u32 {
    500
}

impl Primitive for Log {
    const NAME: &'static str = "log";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"let changes = git("app").log(#{ since: "v1.0.0" }).map(|one| one.subject);"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("list the commits of {}", resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let repository = Repository::of(&cx)?;
        let to = plain("commit", &self.to)?;
        let since = match &self.since {
            Some(since) => Some(plain("commit", since)?.to_owned()),
            None => {
                // A tag on the commit itself is the release being made.
                let before = format!("{to}^");
                repository.line(&["describe", "--tags", "--abbrev=0", &before]).await.ok()
            }
        };
        let range = since.map_or_else(|| to.to_owned(), |since| format!("{since}..{to}"));
        let most = format!("--max-count={}", self.most);
        let mut arguments = vec!["log", FORMAT, &most, &range, "--"];
        arguments.extend(self.path.as_deref());
        Ok(commits(&repository.ask(&arguments).await?).into_iter().collect())
    }
}

fn commits(text: &str) -> Vec<Value> {
    let read = |one: &str| {
        let parts: Vec<&str> = one.trim_start_matches('\n').splitn(7, '\0').collect();
        let [commit, short, author, email, time, subject, body] = parts[..] else { return None };
        Some(json!({
            "commit": commit, "short": short, "author": author, "email": email, "time": time, "subject": subject,
            "body": body.trim_end(),
        }))
    };
    text.split('\x1e').filter_map(read).collect()
}

/// The commit that a name leads to.
pub(super) async fn commit(repository: &Repository, name: &str) -> Result<String> {
    let asked = format!("{}^{{commit}}", plain("commit", name)?);
    repository.line(&["rev-parse", "--verify", "--quiet", &asked]).await.map_err(|error| {
        let code = error.details.get("exit_code").and_then(Value::as_i64);
        if code == Some(1) {
            return Error::missing(format!("there is no commit `{name}`"))
                .fix("name a commit, branch or tag that the repository has; fetch first when it is new");
        }
        error
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_read_with_bodies_of_several_lines() {
        let text = "aa\0a\0Ann\0ann@x\x002026-01-01T00:00:00+00:00\0one\0why\n\nmore\n\x1e\nbb\0b\0Bob\0bob@x\x002026-01-02T00:00:00+00:00\0two\0\x1e\n";
        let all = commits(text);
        assert_eq!(all.len(), 2);
        assert_eq!(
            (&all[0]["body"], &all[1]["subject"], &all[1]["body"]),
            (&json!("why\n\nmore"), &json!("two"), &json!(""))
        );
    }
}
