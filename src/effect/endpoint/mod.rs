//! What every resource has that is reached by HTTP: its address, how it is logged in to, whom its certificate is signed by.

mod api;

use std::collections::BTreeMap;

use base64::Engine as _;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

pub use api::{Api, in_doubt};

use super::cx::Cx;
use crate::base::error::{Error, Result};
use crate::base::secret::{Revealed, Secret, Setting};
use crate::sys::files;
use crate::sys::http::{self, Client, Url};

/// A file of certificates larger than this is a mistake.
const LARGEST_CA: u64 = 4 * 1024 * 1024;

/// A system that is reached by HTTP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The base address: `https://prometheus.example.com`
    #[serde(deserialize_with = "web_address")]
    pub url: Setting,
    /// Headers that go with every request
    #[serde(default)]
    pub headers: BTreeMap<String, Setting>,
    /// A token that goes with every request as `Authorization: Bearer …`
    pub token: Option<Secret>,
    /// The user of basic authentication
    pub user: Option<Setting>,
    /// The password of basic authentication
    pub password: Option<Secret>,
    /// The file of a further authority's certificate, PEM, beside those the machine trusts
    pub ca: Option<String>,
}

impl Endpoint {
    /// A client of it, which follows so many redirects.
    pub async fn connect(self, cx: &Cx, follow: usize) -> Result<Client> {
        let name = cx.resource().to_string();
        let base = base(&name, cx.text(&self.url).await?.expose())?;
        let mut headers = Vec::new();
        for (header, value) in &self.headers {
            headers.push((header.clone(), cx.text(value).await?));
        }
        let authorities = match &self.ca {
            Some(path) => Some(files::read_text(&cx.trusted_path(path), LARGEST_CA)?),
            None => None,
        };
        let authorization = self.authorization(cx).await?;
        Client::new(http::Settings { name, base, headers, authorization, authorities, follow })
    }

    async fn authorization(&self, cx: &Cx) -> Result<Option<Revealed>> {
        match (&self.token, &self.user) {
            (Some(_), Some(_)) => {
                Err(Error::usage(format!("`{}` has both a `token` and a `user`", cx.resource()))
                    .fix("keep the one that the service wants"))
            }
            (Some(token), None) => {
                Ok(Some(Revealed::new(format!("Bearer {}", cx.reveal(token).await?.expose()))))
            }
            (None, Some(user)) => {
                let user = cx.text(user).await?;
                let password = match &self.password {
                    Some(password) => cx.reveal(password).await?,
                    None => Revealed::new(String::new()),
                };
                let pair = format!("{}:{}", user.expose(), password.expose());
                let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
                Ok(Some(Revealed::new(format!("Basic {encoded}"))))
            }
            (None, None) => Ok(None),
        }
    }
}

/// Reads an address of the web from a table of playbook.toml; one in clear has to begin as such.
pub fn web_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Setting, D::Error> {
    let setting = Setting::deserialize(deserializer)?;
    match &setting {
        Setting::Plain(text) if !has_scheme(text) => Err(serde::de::Error::custom(
            "the address does not begin with `http://` or `https://`; write it whole, as \"https://api.example.com\"",
        )),
        _ => Ok(setting),
    }
}

fn has_scheme(text: &str) -> bool {
    let begins =
        |scheme: &str| text.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
    begins("http://") || begins("https://")
}

/// The base address, or what is wrong with it; never with a password in it, which would travel into every error.
fn base(name: &str, text: &str) -> Result<Url> {
    let wrong = || Error::usage(format!("`url` of `{name}` is no base address"));
    let url: Url = text.parse().map_err(|_| wrong().fix("write for example \"https://api.example.com\""))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong().fix("begin it with `http://` or `https://` and a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::usage(format!("`url` of `{name}` holds a user or a password"))
            .fix("set `user` and `password` of that resource instead"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong().fix("leave out `?` and `#`: each request gives its own `query`"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_address_holds_no_password_and_no_query() {
        assert!(base("http.api", "https://api.example.com/v1").is_ok());
        for wrong in ["api.example.com", "ftp://x", "https://u:pw@x", "http://x/?a=1", "http://", "/v1"] {
            assert!(base("http.api", wrong).is_err(), "{wrong}");
        }
    }
}
