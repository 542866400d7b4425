//! `status` and `is_clean`: what is changed and not committed, and how far the branch is from its remote one.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::repository::Repository;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Reads what is not committed: `clean`, `changed` and `untracked` (paths), `branch`, `commit`, `upstream`, and how many
/// commits it is `ahead` of that and `behind`. Without a branch or an upstream these are `()`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {}

impl Primitive for Status {
    const NAME: &'static str = "status";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "nothing unpushed", git("app").status().ahead == 0;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read the state of {}", resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Ok(read(&Repository::of(&cx)?.ask(PORCELAIN).await?))
    }
}

/// Whether nothing is changed or new that is not committed; ignored files do not count.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IsClean {}

impl Primitive for IsClean {
    const NAME: &'static str = "is_clean";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "the tree is clean", git("app").is_clean();"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("see whether {} is clean", resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Ok(read(&Repository::of(&cx)?.ask(PORCELAIN).await?)["clean"].take())
    }
}

/// The form that `git` keeps stable for programs; paths end with a zero byte, so that they may hold anything.
const PORCELAIN: &[&str] = &["status", "--porcelain=v2", "--branch", "-z"];

fn read(text: &str) -> Value {
    let mut told = json!({ "branch": null, "commit": null, "upstream": null, "ahead": null, "behind": null });
    let (mut changed, mut untracked) = (Vec::new(), Vec::new());
    let mut parts = text.split('\0');
    while let Some(part) = parts.next() {
        let (kind, rest) = part.split_once(' ').unwrap_or((part, ""));
        match kind {
            "#" => header(rest, &mut told),
            // Eight words stand before the path of a change, nine before that of a rename, ten before that of a conflict.
            "1" => changed.extend(rest.splitn(8, ' ').nth(7)),
            "u" => changed.extend(rest.splitn(10, ' ').nth(9)),
            "2" => {
                changed.extend(rest.splitn(9, ' ').nth(8));
                // The name that it had before.
                parts.next();
            }
            "?" => untracked.push(rest),
            _ => {}
        }
    }
    told["clean"] = (changed.is_empty() && untracked.is_empty()).into();
    told["changed"] = json!(changed);
    told["untracked"] = json!(untracked);
    told
}

fn header(line: &str, told: &mut Value) {
    match line.split_once(' ') {
        Some(("branch.oid", commit)) if commit != "(initial)" => told["commit"] = commit.into(),
        Some(("branch.head", branch)) if branch != "(detached)" => told["branch"] = branch.into(),
        Some(("branch.upstream", upstream)) => told["upstream"] = upstream.into(),
        Some(("branch.ab", both)) => {
            let mut numbers = both.split(' ').filter_map(|number| number.parse::<i64>().ok().map(i64::abs));
            told["ahead"] = json!(numbers.next());
            told["behind"] = json!(numbers.next());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_for_programs_is_read_whole() {
        let text = "# branch.oid abc\0# branch.head main\0# branch.upstream origin/main\0# branch.ab +2 -1\0\
                    1 .M N... 100644 100644 100644 aa bb a file\0\
                    2 R. N... 100644 100644 100644 aa bb R100 new name\0old name\0\
                    u UU N... 100644 100644 100644 100644 aa bb cc both\0? new\n file\0";
        let told = read(text);
        assert_eq!(told["changed"], json!(["a file", "new name", "both"]));
        assert_eq!(told["untracked"], json!(["new\n file"]));
        assert_eq!((&told["ahead"], &told["behind"], &told["clean"]), (&json!(2), &json!(1), &json!(false)));
        let empty = read("# branch.oid (initial)\0# branch.head (detached)\0");
        assert_eq!(
            (&empty["commit"], &empty["branch"], &empty["clean"]),
            (&Value::Null, &Value::Null, &json!(true))
        );
    }
}
