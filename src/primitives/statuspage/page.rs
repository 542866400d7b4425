//! The settings of a page, and what is read from it: its components and open incidents.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::base::error::{Error, Result};
use crate::base::secret::{Revealed, Secret, Setting};
use crate::base::suggest;
use crate::effect::api::{Access, Api, Ask, Reply};
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::sys::http::Method;

/// A page.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// The page's id
    page: String,
    /// The key of its API
    token: Secret,
    /// The address of its API
    #[serde(default = "atlassian")]
    #[serde(deserialize_with = "crate::effect::endpoint::web_address")]
    url: Setting,
    /// The file of a further authority's certificate, PEM, beside those the machine trusts
    ca: Option<String>,
}

fn atlassian() -> Setting {
    Setting::Plain("https://api.statuspage.io/v1".to_owned())
}

/// A page, ready to be asked.
pub(super) struct Page {
    /// Its API.
    pub(super) api: Api,
    id: String,
}

impl Page {
    /// The page of the call's resource.
    pub(super) async fn of(cx: &Cx) -> Result<Self> {
        let table: Table = cx.settings()?;
        let token = cx.reveal(&table.token).await?;
        let access = Access {
            authorization: Some(Revealed::new(format!("OAuth {}", token.expose()))),
            ca: table.ca,
            ..Access::default()
        };
        let address = cx.text(&table.url).await?;
        Ok(Self { api: Api::open(cx, address.expose(), access)?, id: table.page })
    }

    /// A request for a path below the page's own.
    pub(super) fn request(&self, method: Method, path: &[&str]) -> Ask {
        let path: Vec<&str> = ["pages", &self.id].iter().chain(path).copied().collect();
        Ask::new(method, &path)
    }

    /// What lies at a path below the page's own.
    pub(super) async fn read(&self, cx: &Cx, path: &[&str], what: &str) -> Result<Reply> {
        self.api.ask(cx, &self.request(Method::GET, path), what).await
    }

    /// Its components by their ids, each as the page tells it.
    pub(super) async fn components(&self, cx: &Cx) -> Result<BTreeMap<String, Value>> {
        let reply = self.read(cx, &["components"], "read its components").await?;
        let all = reply.json.as_array().cloned().unwrap_or_default();
        Ok(all.into_iter().map(|one| (text(&one, "id").to_owned(), one)).collect())
    }

    /// The component of that name or id.
    pub(super) async fn component(&self, cx: &Cx, name: &str) -> Result<Value> {
        find(&self.api.name, &self.components(cx).await?, name).cloned()
    }
}

/// The component of that name or id among all.
pub(super) fn find<'a>(page: &str, all: &'a BTreeMap<String, Value>, name: &str) -> Result<&'a Value> {
    let found = all.get(name).or_else(|| all.values().find(|one| text(one, "name") == name));
    found.ok_or_else(|| {
        let names: Vec<&str> = all.values().map(|one| text(one, "name")).collect();
        Error::missing(format!("`{page}` has no component `{name}`"))
            .fix(suggest::advice(name, names.iter().copied()))
    })
}

/// A text of an object.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Reads the page and counts its components; nothing is changed.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let page = Page::of(&cx).await?;
    let reply = match page.read(&cx, &[], "read the page").await {
        Ok(reply) => reply,
        Err(error) => return Health::or_refused(error),
    };
    let health = Health::reached().version("Statuspage API v1").date(reply.header("date"));
    let components = page.components(&cx).await?.len();
    Ok(health.fact(reply.at("/name")).fact(format!("{components} components")))
}
