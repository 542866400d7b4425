//! `presign`: a link that lets whoever has it read or write one object for a while.

use std::time::Duration;

use aws_sdk_s3::config::{Builder, RequestChecksumCalculation};
use aws_sdk_s3::presigning::PresigningConfig;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{client, key};
use crate::base::access::{Access, ResourceId};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::secret::Reference;
use crate::base::text;
use crate::effect::aws::chain;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// The longest that S3 lets a link live.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Makes a link that lets whoever has it read one object, or write it with `method: "PUT"`, until it expires; needs
/// `write` for the latter. The script can hand it on, but wherever it is shown or kept its signature is masked like any
/// secret. Nothing is asked of the server, so there may be no such object.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Presign {
    /// The object's key
    #[schemars(extend("format" = "key of a store"))]
    key: String,
    /// How long it is good, as "15m"; at most "7d", and not longer than temporary keys are
    #[serde(default = "a_quarter_of_an_hour")]
    expires: Period,
    /// What it is good for
    #[serde(default)]
    method: Method,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
enum Method {
    /// Reading.
    #[default]
    #[serde(rename = "GET")]
    Get,
    /// Writing.
    #[serde(rename = "PUT")]
    Put,
}

const fn a_quarter_of_an_hour() -> Period {
    Period::of("15m")
}

impl Primitive for Presign {
    const NAME: &'static str = "presign";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"s3("site").presign("releases/v2.tar.gz", #{ expires: "1h" })"#;

    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        let effect = if self.method == Method::Put { Effect::Write } else { Effect::Read };
        vec![Access::new(resource.clone(), effect)]
    }

    fn plan(&self, _: &ResourceId) -> String {
        let verb = if self.method == Method::Put { "write" } else { "read" };
        format!("make a link to {verb} `{}` for {}", self.key, self.expires)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        key::check(&self.key)?;
        let good = text::parse_duration(&self.expires)?;
        if good.is_zero() || good > LONGEST {
            return Err(Error::usage(format!("a link cannot be good for {}", self.expires))
                .fix("give `expires` between \"1s\" and \"7d\""));
        }
        let bucket = client::bucket(&cx).await?;
        let failed = |why: String| Error::remote(format!("no link to `{}` could be made", self.key)).why(why);
        let config = PresigningConfig::expires_in(good).map_err(|why| failed(chain(&why)))?;
        let (name, key) = (bucket.name.clone(), bucket.whole(&self.key));
        // Whoever uses the link computes no checksum.
        let plain = Builder::new().request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        let signed = match self.method {
            Method::Get => {
                let request = bucket.client.get_object().bucket(name).key(key).customize();
                request.config_override(plain).presigned(config).await.map_err(|why| failed(chain(&why)))
            }
            Method::Put => {
                let request = bucket.client.put_object().bucket(name).key(key).customize();
                request.config_override(plain).presigned(config).await.map_err(|why| failed(chain(&why)))
            }
        };
        let link = signed?.uri().to_owned();
        if let Some((_, signature)) = link.split_once("X-Amz-Signature=") {
            let signature = signature.split('&').next().unwrap_or(signature);
            cx.redactor().learn(&Reference { provider: "link".to_owned(), name: self.key }, signature);
        }
        Ok(link.into())
    }
}
