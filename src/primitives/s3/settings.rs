//! The settings of one bucket, and what is wrong with them as far as that shows without a secret.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::error::{Error, Result};
use crate::base::secret::{Secret, Setting};
use crate::base::text;
use crate::effect::aws::keys::Keys;

/// The smallest part that S3 takes, in bytes; only the last may be smaller.
const SMALLEST_PART: u64 = 5 * 1024 * 1024;
/// The largest object that S3 copies at once, in bytes.
const LARGEST_COPY: u64 = 5 * 1024 * 1024 * 1024;

/// A bucket of S3, or of anything that speaks its protocol.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// The bucket's name
    pub(super) bucket: String,
    /// Where the bucket's region is: `eu-central-1`; default what the profile or `AWS_REGION` says, and `us-east-1`
    /// behind an `endpoint` of one's own
    #[serde(default)]
    pub(super) region: Option<String>,
    /// The address of a server that is not AWS: `https://s3.example.com`, or a reference
    #[serde(default)]
    pub(super) endpoint: Option<Setting>,
    /// Whether the bucket stands in the path and not in the name of the host; default true with an `endpoint`
    #[serde(default)]
    pub(super) path_style: Option<bool>,
    /// The folder of the bucket that every key lies in: `main-database`; default the whole bucket
    #[serde(default)]
    pub(super) prefix: Option<String>,
    /// The access key, as a reference: `env:S3_ACCESS_KEY`; default `profile`, else wherever AWS's own programs look:
    /// the environment, a profile, the role of the machine
    #[serde(default)]
    pub(super) access_key: Option<Secret>,
    /// The secret key that goes with `access_key`, as a reference
    #[serde(default)]
    pub(super) secret_key: Option<Secret>,
    /// The token that goes with temporary keys, as a reference
    #[serde(default)]
    pub(super) session_token: Option<Secret>,
    /// A profile of `~/.aws/config`, instead of the keys
    #[serde(default)]
    pub(super) profile: Option<String>,
    /// The authority that signed the server's certificate, as a PEM file; default those that the system trusts
    #[serde(default)]
    pub(super) ca: Option<String>,
    /// How long one request may wait for its answer, as "30s"; longer for what carries or copies much. What fails in
    /// passing is tried again
    #[serde(default = "half_a_minute")]
    request_timeout: String,
    /// How long the earlier content of replaced and deleted objects is kept in a bucket without versions, as "7d"
    #[serde(default = "a_week")]
    keep: String,
    /// How large each part of a large upload is; at least 5 MiB. Five of them are held in memory
    #[serde(default = "five_mib")]
    part: String,
    /// How much of a large upload becomes one staged object at most, until all of it is published together, and how large
    /// an object may be to be copied in one request; at most 5 GiB. The first staged ones have one part each, so that they
    /// can be read back soon
    #[serde(default = "four_gib")]
    segment: String,
}

fn half_a_minute() -> String {
    "30s".to_owned()
}

fn a_week() -> String {
    "7d".to_owned()
}

fn five_mib() -> String {
    "5 MiB".to_owned()
}

fn four_gib() -> String {
    "4 GiB".to_owned()
}

/// The figures of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// How long one request may wait for its answer.
    pub(super) request_timeout: Duration,
    /// How long earlier content is kept.
    pub(super) keep: Duration,
    /// How large each part of an upload is, in bytes.
    pub(super) part: usize,
    /// How large a staged object may become, in bytes.
    pub(super) segment: u64,
}

/// What is wrong with the table.
pub(super) fn check(value: &serde_json::Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    table.look().map_err(|error| match error.fix.as_deref() {
        Some(fix) => format!("{}; {fix}", error.what),
        None => error.what.clone(),
    })
}

impl Table {
    fn look(&self) -> Result<()> {
        let wrong = |what: &str, fix: &str| Err(Error::usage(what).fix(fix));
        let name = |c: char| c.is_ascii_alphanumeric() || ".-_:/".contains(c);
        if self.bucket.is_empty() || self.bucket.contains("://") || !self.bucket.chars().all(name) {
            return wrong("`bucket` is no name of a bucket", "write its name alone, without `s3://`");
        }
        if self.bucket.contains('/') && !self.bucket.starts_with("arn:") {
            return wrong("`bucket` is no name of a bucket", "write the folder within it as `prefix`");
        }
        self.keys().check()?;
        if let Some(Setting::Plain(endpoint)) = &self.endpoint {
            check_endpoint(endpoint)?;
        }
        if self.prefix.as_deref().is_some_and(|prefix| super::key::check_prefix(prefix).is_err()) {
            return wrong("`prefix` is no folder of a bucket", "write it like `backups/main`");
        }
        self.bounds().map(drop)
    }

    /// What it says of the keys and the region.
    pub(super) fn keys(&self) -> Keys<'_> {
        Keys {
            access: self.access_key.as_ref(),
            secret: self.secret_key.as_ref(),
            token: self.session_token.as_ref(),
            profile: self.profile.as_deref(),
            region: self.region.as_deref(),
            has_endpoint: self.endpoint.is_some(),
        }
    }

    /// The figures, read.
    pub(super) fn bounds(&self) -> Result<Bounds> {
        let (part, segment) = (text::parse_size(&self.part)?, text::parse_size(&self.segment)?);
        if !(SMALLEST_PART..=LARGEST_COPY / 8).contains(&part) {
            return Err(Error::usage("`part` is no size of a part").fix("give 5 MiB to 640 MiB"));
        }
        if !(part..=LARGEST_COPY).contains(&segment) {
            return Err(Error::usage("`segment` is too small or too large").fix("give one `part` to 5 GiB"));
        }
        Ok(Bounds {
            request_timeout: text::parse_duration(&self.request_timeout)?,
            keep: text::parse_duration(&self.keep)?,
            part: usize::try_from(part).unwrap_or(usize::MAX),
            segment,
        })
    }

    /// The folder of the bucket that every key lies in: empty, or with a `/` at its end.
    pub(super) fn folder(&self) -> String {
        match self.prefix.as_deref().map(|prefix| prefix.trim_end_matches('/')) {
            None | Some("") => String::new(),
            Some(prefix) => format!("{prefix}/"),
        }
    }
}

/// Says what is wrong with the address of a server, if anything.
pub(super) fn check_endpoint(endpoint: &str) -> Result<()> {
    let url = endpoint.parse::<crate::sys::http::Url>().ok().filter(|url| url.has_host());
    let fit = url.is_some_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.password().is_none()
    });
    if fit {
        return Ok(());
    }
    Err(Error::usage("`endpoint` is no address of a server").fix("write it like `https://s3.example.com`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn half_and_contradicting_settings_are_refused() {
        for (table, says) in [
            (json!({}), "bucket"),
            (json!({ "bucket": "s3://x" }), "without `s3://`"),
            (json!({ "bucket": "x/y" }), "prefix"),
            (json!({ "bucket": "x", "access_key": "env:A" }), "both"),
            (json!({ "bucket": "x", "access_key": "AKIA", "secret_key": "env:S" }), "env:NAME"),
            (json!({ "bucket": "x", "session_token": "env:T" }), "access_key"),
            (
                json!({ "bucket": "x", "profile": "p", "access_key": "env:A", "secret_key": "env:S" }),
                "one of",
            ),
            (json!({ "bucket": "x", "endpoint": "localhost:9000" }), "https://"),
            (json!({ "bucket": "x", "prefix": "../x" }), "prefix"),
            (json!({ "bucket": "x", "part": "1 MiB" }), "5 MiB"),
            (json!({ "bucket": "x", "segment": "6 GiB" }), "5 GiB"),
            (json!({ "bucket": "x", "keep": "long" }), "duration"),
            (json!({ "bucket": "x", "acess": 1 }), "acess"),
        ] {
            let why = check(&table).unwrap_err();
            assert!(why.contains(says), "{table}: {why}");
        }
        check(&json!({ "bucket": "x", "endpoint": "env:S3_ENDPOINT", "prefix": "a/b/" })).unwrap();
    }

    #[test]
    fn a_prefix_is_a_folder() {
        let folder =
            |prefix: &str| Table::deserialize(json!({ "bucket": "x", "prefix": prefix })).unwrap().folder();
        assert_eq!((folder("a/b").as_str(), folder("a/").as_str(), folder("").as_str()), ("a/b/", "a/", ""));
    }
}
