//! Whose keys a request to AWS is signed with, and in which region: as the settings say, else wherever AWS's own
//! programs look.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};

use super::chain;
use crate::base::error::{Error, Result};
use crate::base::secret::{Reference, Secret};
use crate::effect::cx::Cx;

/// What the settings say of the keys and the region.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    /// The access key.
    pub access: Option<&'a Secret>,
    /// The secret key that goes with it.
    pub secret: Option<&'a Secret>,
    /// The token of temporary keys.
    pub token: Option<&'a Secret>,
    /// A profile of `~/.aws/config`, instead of the keys.
    pub profile: Option<&'a str>,
    /// The region.
    pub region: Option<&'a str>,
    /// Whether the server is one of one's own, where the region is only a word.
    pub has_endpoint: bool,
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The settings for the client libraries of AWS, region and keys among them.
    pub config: SdkConfig,
    /// Where the keys come from; they may be new ones each time.
    pub provider: SharedCredentialsProvider,
    /// The region.
    pub region: Region,
}

/// The settings of a client library are these, as of a certain date.
#[must_use]
pub fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

impl Keys<'_> {
    /// Says what is wrong with the combination, and how it is put right.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: &str, fix: &str| Err(Error::usage(what).fix(fix));
        match (self.access, self.secret) {
            (Some(_), Some(_)) | (None, None) => {}
            _ => return wrong("`access_key` and `secret_key` belong together", "set both, or neither"),
        }
        if self.token.is_some() && self.access.is_none() {
            return wrong("`session_token` belongs to keys", "set `access_key` and `secret_key` too");
        }
        if self.profile.is_some() && self.access.is_some() {
            return wrong("`profile` and `access_key` are two ways to say who one is", "set one of them");
        }
        Ok(())
    }

    /// Finds the keys and the region of the call's resource.
    pub async fn find(&self, cx: &Cx) -> Result<Found> {
        let usual = self.has_endpoint.then(|| Region::from_static("us-east-1"));
        if let (Some(access), Some(secret)) = (self.access, self.secret) {
            let (access, secret) = (cx.reveal(access).await?, cx.reveal(secret).await?);
            let token = match self.token {
                Some(token) => Some(cx.reveal(token).await?.expose().to_owned()),
                None => None,
            };
            let keys = Credentials::new(access.expose(), secret.expose(), token, None, "playbook.toml");
            let region = self.region.map(|region| Region::new(region.to_owned())).or(usual);
            let region = region.ok_or_else(|| no_region(cx))?;
            let provider = SharedCredentialsProvider::new(keys);
            let config = SdkConfig::builder()
                .behavior_version(behavior())
                .credentials_provider(provider.clone())
                .region(region.clone());
            return Ok(Found { config: config.build(), provider, region });
        }
        let mut loader = aws_config::defaults(behavior());
        if let Some(profile) = self.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = self.region {
            loader = loader.region(Region::new(region.to_owned()));
        }
        let config = loader.load().await;
        let provider = config.credentials_provider().ok_or_else(|| no_keys(cx, ""))?;
        reveal(cx, &provider).await?;
        let region = config.region().cloned().or(usual).ok_or_else(|| no_region(cx))?;
        Ok(Found { provider, region, config })
    }
}

/// The keys as they are now; from now on the secret ones are taken out of everything that is shown or kept.
pub async fn reveal(cx: &Cx, provider: &SharedCredentialsProvider) -> Result<Credentials> {
    let keys = provider.provide_credentials().await.map_err(|why| no_keys(cx, &chain(&why)))?;
    let place = |name: &str| Reference { provider: "aws".to_owned(), name: name.to_owned() };
    cx.redactor().learn(&place("secret_key"), keys.secret_access_key());
    if let Some(token) = keys.session_token() {
        cx.redactor().learn(&place("session_token"), token);
    }
    Ok(keys)
}

fn no_keys(cx: &Cx, why: &str) -> Error {
    Error::missing(format!("there are no keys for `{}`", cx.resource())).why(why).fix(format!(
        "set `access_key` and `secret_key`, or a `profile`, in {} of playbook.toml, or give this machine a role",
        cx.table()
    ))
}

fn no_region(cx: &Cx) -> Error {
    Error::missing(format!("`{}` has no region", cx.resource()))
        .fix(format!("set `region` in {} of playbook.toml", cx.table()))
}
