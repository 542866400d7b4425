//! HTTP services: requests to one base address, health over a window of time, and bounded loads.

mod change;
mod health;
mod load;
mod look;
mod request;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::error::Result;
use crate::base::secret::{Secret, Setting};
use crate::base::text::parse_size;
use crate::effect::cx::Cx;
use crate::effect::endpoint::Endpoint;
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;
use crate::sys::http::Client;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "http",
    about: "An HTTP service: requests, health checks over a window of time, bounded loads with latency percentiles.",
    settings: Settings::of::<Table>(),
    entries: &[
        entry::<request::Get>(),
        entry::<change::Post>(),
        entry::<change::Put>(),
        entry::<change::Patch>(),
        entry::<change::Delete>(),
        entry::<health::Health>(),
        entry::<load::Load>(),
        entry::<load::LoadChanges>(),
    ],
    health: Examine::By(|cx| Box::pin(look::look(cx))),
    store: None,
    sql: None,
    hosts: None,
};

/// One HTTP service. A playbook names paths below its base address and can reach nothing else.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The base address: `https://api.example.com/v1`
    #[serde(deserialize_with = "crate::effect::endpoint::web_address")]
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
    cx.shared(async { connect(cx, None).await }).await
}

/// A client of the service; `follow` in place of how many redirects its settings let it follow.
async fn connect(cx: &Cx, follow: Option<usize>) -> Result<Service> {
    let table: Table = cx.settings()?;
    let largest_body = usize::try_from(parse_size(&table.largest_body)?).unwrap_or(usize::MAX);
    let follow = follow.unwrap_or(table.follow);
    Ok(Service { client: table.endpoint().connect(cx, follow).await?, largest_body })
}

impl Table {
    /// What every resource has that is reached by HTTP.
    fn endpoint(self) -> Endpoint {
        let Self { url, headers, token, user, password, ca, .. } = self;
        Endpoint { url, headers, token, user, password, ca }
    }
}
