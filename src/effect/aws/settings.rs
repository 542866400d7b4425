//! The settings of an account of AWS, and what is wrong with them as far as that shows without a secret.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::keys::Keys;
use crate::base::error::{Error, Result};
use crate::base::secret::{Secret, Setting};
use crate::base::text;
use crate::sys::http::Url;

/// An account of AWS in one region, and whose keys are used there.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The region: `eu-central-1`; default what the profile or `AWS_REGION` says, and `us-east-1` behind an `endpoint`
    /// of one's own
    #[serde(default)]
    region: Option<String>,
    /// The access key, as a reference: `env:AWS_ACCESS_KEY_ID`; default `profile`, else wherever AWS's own programs
    /// look: the environment, a profile, the role of the machine
    #[serde(default)]
    access_key: Option<Secret>,
    /// The secret key that goes with `access_key`, as a reference
    #[serde(default)]
    secret_key: Option<Secret>,
    /// The token that goes with temporary keys, as a reference
    #[serde(default)]
    session_token: Option<Secret>,
    /// A profile of `~/.aws/config`, instead of the keys
    #[serde(default)]
    profile: Option<String>,
    /// The role to take on with these keys: `arn:aws:iam::123456789012:role/deploy`
    #[serde(default)]
    pub(super) role: Option<String>,
    /// The address that every service is asked at, instead of its own: a gateway, an emulation
    #[serde(default)]
    pub(super) endpoint: Option<Setting>,
    /// The authority that signed the certificate of `endpoint`, as a PEM file, beside those the machine trusts
    #[serde(default)]
    pub(super) ca: Option<String>,
    /// How long one request may wait for its answer, as "30s". What fails in passing is tried again
    #[serde(default = "ten_seconds")]
    request_timeout: String,
}

fn ten_seconds() -> String {
    "10s".to_owned()
}

/// What is wrong with the table.
pub fn check(value: &serde_json::Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    table.look().map_err(|error| match error.fix.as_deref() {
        Some(fix) => format!("{}; {fix}", error.what),
        None => error.what.clone(),
    })
}

impl Table {
    fn look(&self) -> Result<()> {
        self.keys().check()?;
        if self.role.as_deref().is_some_and(|role| !role.starts_with("arn:")) {
            return Err(Error::usage("`role` is no role")
                .fix("write its whole name: `arn:aws:iam::123456789012:role/deploy`"));
        }
        if let Some(Setting::Plain(endpoint)) = &self.endpoint {
            address(endpoint)?;
        }
        self.patience().map(drop)
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

    /// How long one request may wait for its answer.
    pub(super) fn patience(&self) -> Result<Duration> {
        text::parse_duration(&self.request_timeout)
    }
}

/// The address that every service is asked at.
pub(super) fn address(text: &str) -> Result<Url> {
    let url = text.parse::<Url>().ok().filter(|url| url.has_host() && url.path() == "/");
    let is_plain = |url: &Url| url.query().is_none() && url.username().is_empty() && url.password().is_none();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && is_plain(url)).ok_or_else(|| {
        Error::usage("`endpoint` is no address of a server").fix("write it like `https://aws.example.com`")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn half_and_contradicting_settings_are_refused() {
        for (table, says) in [
            (json!({ "access_key": "env:A" }), "both"),
            (json!({ "session_token": "env:T" }), "access_key"),
            (json!({ "profile": "p", "access_key": "env:A", "secret_key": "env:S" }), "one of"),
            (json!({ "access_key": "AKIA", "secret_key": "env:S" }), "env:NAME"),
            (json!({ "role": "deploy" }), "arn:"),
            (json!({ "endpoint": "localhost:5000" }), "https://"),
            (json!({ "endpoint": "http://localhost:5000/x" }), "https://"),
            (json!({ "request_timeout": "soon" }), "duration"),
            (json!({ "regoin": "x" }), "regoin"),
        ] {
            let why = check(&table).unwrap_err();
            assert!(why.contains(says), "{table}: {why}");
        }
        check(&json!({})).unwrap();
        check(&json!({ "region": "eu-central-1", "endpoint": "env:AWS", "role": "arn:aws:iam::1:role/x" }))
            .unwrap();
    }
}
