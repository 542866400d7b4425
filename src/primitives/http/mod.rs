//! HTTP services: requests to one base address, health over a window of time, and small smoke loads.

mod change;
mod health;
mod load;
mod path;
mod request;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::error::{Error, Result};
use crate::base::secret::{Revealed, Secret, Setting};
use crate::base::text::parse_size;
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::primitive::entry;
use crate::sys::files;
use crate::sys::http::{self, Client, Url};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "http",
    about: "An HTTP service: requests, health checks over a window of time, smoke loads with latency percentiles.",
    settings: Settings::of::<Table>(),
    entries: &[
        entry::<request::Get>(),
        entry::<change::Post>(),
        entry::<change::Put>(),
        entry::<change::Patch>(),
        entry::<change::Delete>(),
        entry::<health::Health>(),
        entry::<load::Load>(),
    ],
    store: None,
    sql: None,
    hosts: None,
};

/// A file of certificates larger than this is a mistake.
const LARGEST_CA: u64 = 4 * 1024 * 1024;

/// One HTTP service. A playbook names paths below its base address and can reach nothing else.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The base address: `https://api.example.com/v1`
    url: Setting,
    /// Headers that go with every request
    #[serde(default)]
    headers: BTreeMap<String, Setting>,
    /// A token that goes with every request as `Authorization: Bearer …`
    token: Option<Secret>,
    /// The user of basic authentication
    user: Option<Setting>,
    /// The password of basic authentication
    password: Option<Secret>,
    /// The file of a further authority's certificate, PEM, beside those the machine trusts
    ca: Option<String>,
    /// How many redirects are followed, all on the same host (0: none)
    #[serde(default = "five")]
    follow: usize,
    /// The longest body that a request may bring into a script
    #[serde(default = "one_mebibyte")]
    largest_body: String,
}

const fn five() -> usize {
    5
}

fn one_mebibyte() -> String {
    "1 MiB".to_owned()
}

/// The client of a resource and what its settings bound.
struct Service {
    client: Client,
    largest_body: usize,
}

/// The service of the resource; its client is made at the first call.
async fn service(cx: &Cx) -> Result<Arc<Service>> {
    cx.shared(async { connect(cx).await }).await
}

async fn connect(cx: &Cx) -> Result<Service> {
    let table: Table = cx.settings()?;
    let name = cx.resource().to_string();
    let base = base(&name, cx.text(&table.url).await?.expose())?;
    let mut headers = Vec::new();
    for (header, value) in &table.headers {
        headers.push((header.clone(), cx.text(value).await?));
    }
    let authorities = match &table.ca {
        Some(path) => Some(files::read_text(&cx.trusted_path(path), LARGEST_CA)?),
        None => None,
    };
    let authorization = authorization(cx, &table).await?;
    let largest_body = usize::try_from(parse_size(&table.largest_body)?).unwrap_or(usize::MAX);
    let settings = http::Settings { name, base, headers, authorization, authorities, follow: table.follow };
    Ok(Service { client: Client::new(settings)?, largest_body })
}

async fn authorization(cx: &Cx, table: &Table) -> Result<Option<Revealed>> {
    match (&table.token, &table.user) {
        (Some(_), Some(_)) => {
            Err(Error::usage(format!("`{}` has both a `token` and a `user`", cx.resource()))
                .fix("keep the one that the service wants"))
        }
        (Some(token), None) => {
            Ok(Some(Revealed::new(format!("Bearer {}", cx.reveal(token).await?.expose()))))
        }
        (None, Some(user)) => {
            let user = cx.text(user).await?;
            let password = match &table.password {
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
