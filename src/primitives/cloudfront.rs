//! A distribution of CloudFront: what its edges hold is invalidated, and waited for.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::aws::{self, Account, Ask, Element, Service, escape};
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::{Primitive, entry};
use crate::sys::http::Method;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "cloudfront",
    about: "A distribution of CloudFront: what its edges hold is invalidated, and the work is waited for.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<Invalidate>(), entry::<Status>()],
    health: Examine::Reading("status", &[]),
    store: None,
    sql: None,
    hosts: None,
};

/// How many of the newest invalidations are looked through for one in doubt.
const NEWEST: &str = "25";
/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A distribution of CloudFront.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The account that it belongs to, as "aws.main"
    account: ResourceId,
    /// The distribution's id: `E1A2B3C4D5E6F7`
    distribution: String,
}

/// Invalidates what the edges hold of some paths, and waits until every edge has done so. A second try of the same call
/// makes no second invalidation. There is nothing to take back: the edges fetch anew what they need. Gives `id`,
/// `status`, `created` and `paths`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Invalidate {
    /// The paths, each with a `/` at its beginning; a `*` at the end stands for everything that begins so
    paths: Vec<String>,
    /// Whether to wait until it is completed
    #[serde(default = "yes")]
    wait: bool,
}

const fn yes() -> bool {
    true
}

impl Primitive for Invalidate {
    const NAME: &'static str = "invalidate";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"cloudfront("cdn").invalidate(["/index.html", "/assets/*"]);"#;
    const TIMEOUT: Duration = Duration::from_secs(1200);
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        match self.paths.as_slice() {
            [path] => format!("invalidate {path} in {resource}"),
            [path, rest @ ..] => format!("invalidate {path} and {} more paths in {resource}", rest.len()),
            [] => format!("invalidate nothing in {resource}"),
        }
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let distribution = open(cx).await?;
        Ok(Some(distribution.find(cx, &reference(cx)).await?.is_some()))
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        let distribution = open(cx).await?;
        match distribution.find(cx, &reference(cx)).await? {
            Some(found) => self.done(cx, &distribution, found).await.map(Some),
            None => Ok(None),
        }
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        check(&self.paths).map_err(Error::unchanged)?;
        let distribution = open(&cx).await?;
        let begun = distribution.invalidate(&cx, &self.paths).await?;
        self.done(&cx, &distribution, begun).await
    }
}

impl Invalidate {
    /// The receipt of an invalidation, once it is as far as it is to be.
    async fn done(&self, cx: &Cx, distribution: &Distribution, mut found: Element) -> Result<Value> {
        let id = found.text("Id").to_owned();
        let mut pause = Duration::from_secs(1);
        while self.wait && !found.text("Status").eq_ignore_ascii_case("Completed") {
            cx.line(false, &format!("invalidation {id} is {}", found.text("Status")));
            cx.pause(pause).await?;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
            found = distribution.invalidation(cx, &id).await?;
        }
        Ok(json!({
            "id": id,
            "status": found.text("Status"),
            "created": found.text("CreateTime"),
            "paths": self.paths.len(),
        }))
    }
}

/// Reads how the distribution is: `enabled`; `status`, which is `Deployed` when every edge has its settings; `domain`;
/// `aliases`; `invalidating`, how many invalidations are in progress.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Status {}

impl Primitive for Status {
    const NAME: &'static str = "status";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "deployed", cloudfront("cdn").status().status == "Deployed";"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read how {resource} is")
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let Distribution { account, id } = open(&cx).await?;
        let ask = Ask::path(Service::CLOUDFRONT, "GetDistribution", Method::GET, &["distribution", &id]);
        let found = account.xml(&cx, &format!("read the distribution {id}"), &ask).await?;
        let aliases: Vec<&str> =
            found.list("DistributionConfig/Aliases/Items").map(|alias| alias.text.as_str()).collect();
        Ok(json!({
            "enabled": found.text("DistributionConfig/Enabled") == "true",
            "status": found.text("Status"),
            "domain": found.text("DomainName"),
            "aliases": aliases,
            "invalidating": found.text("InProgressInvalidationBatches").parse::<u64>().unwrap_or(0),
        }))
    }
}

/// What the other side calls this one call: a second try with the same name is the same invalidation.
fn reference(cx: &Cx) -> String {
    format!("playbook-{}", cx.call_id())
}

fn check(paths: &[String]) -> Result<()> {
    let wrong =
        |what: String| Err(Error::usage(what).fix("write for example [\"/index.html\", \"/assets/*\"]"));
    if paths.is_empty() {
        return wrong("there is no path to invalidate".to_owned());
    }
    match paths.iter().find(|path| !path.starts_with('/') || path.trim_end_matches('*').contains('*')) {
        Some(path) if path.starts_with('/') => {
            wrong(format!("the `*` of `{path}` does not stand at its end"))
        }
        Some(path) => wrong(format!("`{path}` does not begin with a `/`")),
        None => Ok(()),
    }
}

/// The distribution of a resource.
struct Distribution {
    account: std::sync::Arc<Account>,
    id: String,
}

async fn open(cx: &Cx) -> Result<Distribution> {
    let table: Table = cx.settings()?;
    Ok(Distribution { account: aws::open(cx, &table.account).await?, id: table.distribution })
}

impl Distribution {
    async fn invalidate(&self, cx: &Cx, paths: &[String]) -> Result<Element> {
        let items: String = paths.iter().map(|path| format!("<Path>{}</Path>", escape(path))).collect();
        let body = format!(
            "<InvalidationBatch xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><Paths><Quantity>{}</Quantity>\
             <Items>{items}</Items></Paths><CallerReference>{}</CallerReference></InvalidationBatch>",
            paths.len(),
            escape(&reference(cx)),
        );
        let parts = ["distribution", &self.id, "invalidation"];
        let ask = Ask::path(Service::CLOUDFRONT, "CreateInvalidation", Method::POST, &parts);
        let doing = format!("invalidate paths of the distribution {}", self.id);
        self.account.xml(cx, &doing, &ask.xml(body).changing()).await
    }

    async fn invalidation(&self, cx: &Cx, id: &str) -> Result<Element> {
        let parts = ["distribution", &self.id, "invalidation", id];
        let ask = Ask::path(Service::CLOUDFRONT, "GetInvalidation", Method::GET, &parts);
        self.account.xml(cx, &format!("read the invalidation {id}"), &ask).await
    }

    /// The invalidation that goes by that name, among the newest.
    async fn find(&self, cx: &Cx, reference: &str) -> Result<Option<Element>> {
        let parts = ["distribution", &self.id, "invalidation"];
        let ask = Ask::path(Service::CLOUDFRONT, "ListInvalidations", Method::GET, &parts);
        let list = self.account.xml(cx, "list its invalidations", &ask.query("MaxItems", NEWEST)).await?;
        for one in list.list("Items") {
            let found = self.invalidation(cx, one.text("Id")).await?;
            if found.text("InvalidationBatch/CallerReference") == reference {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_begins_with_a_slash() {
        let check = |paths: &[&str]| check(&paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>());
        assert!(check(&["/", "/a/*", "/a%20b"]).is_ok());
        for wrong in [&[][..], &["index.html"], &["/*/x"], &["/a", "*"]] {
            assert!(check(wrong).is_err(), "{wrong:?}");
        }
    }
}
