//! A repository of container images in ECR: whether an image is there, and which one its tag means.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::aws::{self, Ask, Service};
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::primitive::{Primitive, entry};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "ecr",
    about: "A repository of container images in ECR: whether an image is there, and which one its tag means.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<Image>(), entry::<Exists>()],
    store: None,
    sql: None,
    hosts: None,
};

/// A repository of ECR.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The account that it belongs to, as "aws.main"
    account: ResourceId,
    /// The repository's name: `shop/api`
    repository: String,
}

/// Reads which image a tag means: `digest` (`sha256:…`), `tags`, `bytes`, and `uri`, its whole name by digest. An image
/// that is not there is an error.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Image {
    /// The tag: `1.4.2`; or a digest, `sha256:…`
    tag: String,
}

impl Primitive for Image {
    const NAME: &'static str = "image";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"let image = ecr("api").image("1.4.2").uri;"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read which image `{}` of {resource} is", self.tag)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let image = find(&cx, &self.tag).await.map_err(|error| {
            if aws::is(&error, &["ImageNotFoundException"]) {
                return error.fix("push it first, or correct the tag");
            }
            error
        })?;
        let digest = image["imageDigest"].as_str().unwrap_or_default();
        let table: Table = cx.settings()?;
        let account = aws::open(&cx, &table.account).await?;
        let registry = image["registryId"].as_str().unwrap_or_default();
        let uri =
            format!("{registry}.dkr.ecr.{}.amazonaws.com/{}@{digest}", account.region, table.repository);
        Ok(json!({
            "digest": digest,
            "tags": image["imageTags"].as_array().cloned().unwrap_or_default(),
            "bytes": image["imageSizeInBytes"].as_u64().unwrap_or(0),
            "uri": uri,
        }))
    }
}

/// Whether there is an image with that tag.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Exists {
    /// The tag: `1.4.2`; or a digest, `sha256:…`
    tag: String,
}

impl Primitive for Exists {
    const NAME: &'static str = "exists";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "the image was pushed", ecr("api").exists("1.4.2");"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("look whether `{}` of {resource} exists", self.tag)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        match find(&cx, &self.tag).await {
            Ok(_) => Ok(true.into()),
            Err(error) if aws::is(&error, &["ImageNotFoundException"]) => Ok(false.into()),
            Err(error) => Err(error),
        }
    }
}

async fn find(cx: &Cx, tag: &str) -> Result<Value> {
    let table: Table = cx.settings()?;
    let account = aws::open(cx, &table.account).await?;
    let name = if tag.starts_with("sha256:") { "imageDigest" } else { "imageTag" };
    let body = json!({ "repositoryName": table.repository, "imageIds": [{ name: tag }] });
    let doing = format!("find the image `{tag}` of the repository {}", table.repository);
    let answer = account.json(cx, &doing, &Ask::json(Service::ECR, "DescribeImages", &body)).await?;
    answer["imageDetails"].get(0).cloned().ok_or_else(|| {
        Error::missing(format!("`{}` could not {doing}", cx.resource()))
            .detail("code", "ImageNotFoundException")
    })
}
