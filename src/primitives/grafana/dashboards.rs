//! `health`, `dashboards`, `dashboard`: whether Grafana is well, and has what people will look at.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::endpoint::Api;
use crate::effect::primitive::Primitive;

/// Asks whether Grafana and its database are well: `#{ database, version }`. A database that is not well is an error.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Health {}

impl Primitive for Health {
    const NAME: &'static str = "health";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"grafana("main").health().version"#;

    fn plan(&self, _: &ResourceId) -> String {
        "ask whether Grafana is well".to_owned()
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let said = Api::of(&cx).await?.get("/api/health", &Map::new()).await?;
        if said["database"] != "ok" {
            return Err(Error::remote(format!("the database of `{}` is not well", cx.resource()))
                .why(said.to_string())
                .fix("look into Grafana's log"));
        }
        Ok(json!({ "database": said["database"], "version": said["version"] }))
    }
}

/// Looks for dashboards: an array of `#{ uid, title, folder, tags, url }`, empty when there are none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Dashboards {
    /// What the title contains
    title: Option<String>,
    /// The title of the folder that it lies in
    folder: Option<String>,
    /// A tag that it has
    tag: Option<String>,
}

impl Primitive for Dashboards {
    const NAME: &'static str = "dashboards";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"check "there is one", grafana("main").dashboards(#{ tag: "api", folder: "Production" }).len() > 0;"#;

    fn plan(&self, _: &ResourceId) -> String {
        let of = [("titled", &self.title), ("in", &self.folder), ("tagged", &self.tag)];
        let of = of.iter().filter_map(|(word, what)| Some(format!(" {word} `{}`", what.as_ref()?)));
        format!("look for dashboards{}", of.collect::<String>())
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let mut query =
            Map::from_iter([("type".to_owned(), json!("dash-db")), ("limit".to_owned(), json!(5000))]);
        for (name, value) in [("query", &self.title), ("tag", &self.tag)] {
            if let Some(value) = value {
                query.insert(name.to_owned(), json!(value));
            }
        }
        let found = Api::of(&cx).await?.get("/api/search", &query).await?;
        let found = found.as_array().cloned().unwrap_or_default();
        // A dashboard that lies in no folder has no title of one.
        let lies = |one: &&Value| {
            self.folder
                .as_ref()
                .is_none_or(|folder| one["folderTitle"].as_str().unwrap_or("General") == folder)
        };
        let told = |one: &Value| json!({ "uid": one["uid"], "title": one["title"], "folder": one["folderTitle"], "tags": one["tags"], "url": one["url"] });
        Ok(found.iter().filter(lies).map(told).collect())
    }
}

/// Reads one dashboard by its uid: `#{ uid, title, folder, tags, version, panels }`, with the titles of its panels. One that is
/// not there is an error.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Dashboard {
    /// The uid, as its address shows it behind `/d/`
    uid: String,
}

impl Primitive for Dashboard {
    const NAME: &'static str = "dashboard";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"grafana("main").dashboard("api-overview").title"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("read the dashboard {}", self.uid)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        if self.uid.is_empty() || !self.uid.chars().all(is_plain) {
            return Err(Error::usage(format!("`{}` is no uid of a dashboard", self.uid))
                .fix("copy it from the dashboard's address, behind `/d/`"));
        }
        let path = format!("/api/dashboards/uid/{}", self.uid);
        let found = Api::of(&cx).await?.get(&path, &Map::new()).await.map_err(|mut error| {
            if error.details.get("status") == Some(&json!(404)) {
                error.kind = crate::base::error::Kind::Missing;
                error.what = format!("`{}` has no dashboard `{}`", cx.resource(), self.uid);
                return error.fix("call `dashboards` for those that there are");
            }
            error
        })?;
        let (board, meta) = (&found["dashboard"], &found["meta"]);
        let panels: Vec<&Value> =
            board["panels"].as_array().into_iter().flatten().map(|panel| &panel["title"]).collect();
        Ok(json!({
            "uid": board["uid"],
            "title": board["title"],
            "folder": meta["folderTitle"],
            "tags": board["tags"],
            "version": board["version"],
            "panels": panels,
        }))
    }
}
