//! `playbook.toml` as it is read, with a family made up for that.

mod mistakes;

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::*;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::secret::{Secret, Setting};
use crate::effect::environment::OnFailure;
use crate::effect::family::{Family, Settings};

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// No more than needed.
    Plain,
    /// Everything.
    Full,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is looked at")]
struct Rule {
    /// What it matches.
    pattern: String,
}

#[derive(Clone, Debug)]
struct Even;

impl<'de> Deserialize<'de> for Even {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        match u64::deserialize(deserializer)? % 2 {
            0 => Ok(Self),
            _ => Err(serde::de::Error::custom("this must be even; write 2")),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is looked at")]
struct Database {
    /// Where it is.
    url: Setting,
    /// The password.
    password: Option<Secret>,
    /// How many connections.
    connections: Option<u16>,
    #[serde(default)]
    mode: Option<Mode>,
    #[serde(default)]
    rules: Vec<Rule>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[schemars(with = "u64")]
    #[serde(default)]
    even: Option<Even>,
}

const FAMILIES: Families = &[&Family {
    name: "database",
    about: "",
    settings: Settings::of::<Database>(),
    entries: &[],
    store: None,
    sql: None,
    hosts: None,
}];

fn read(text: &str) -> Result<Project> {
    Project::read(PathBuf::from("/srv/shop"), text, FAMILIES)
}

fn wrong(text: &str) -> String {
    let error = read(text).unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
    error
}

#[test]
fn a_whole_file_is_read() {
    let project = read(
        r#"
default = "production"
[env.local]
[env.production]
about = "the live system"
on_failure = "stop"
[env.production.limits]
timeout = "45m"
memory = "1 GiB"
call_depth = 32
[env.production.params]
version = "2.0.0"
[env.production.database.main]
access = "write"
url = "env:DATABASE_URL"
connections = 4
mode = "full"
rules = [{ pattern = "x" }]
labels = { team = "api" }
even = 2
[env.production.database.replica]
url = "postgres://db/app"
"#,
    )
    .unwrap();
    let environment = project.environment(None).unwrap();
    assert_eq!(environment.name, "production");
    assert_eq!(environment.about.as_deref(), Some("the live system"));
    assert_eq!(environment.on_failure, OnFailure::Stop);
    assert_eq!(environment.limits.timeout, Duration::from_secs(2700));
    assert_eq!((environment.limits.memory, environment.limits.call_depth), (1 << 30, 32));
    assert_eq!(environment.parameters["version"], "2.0.0");
    let main = &environment.resources[&ResourceId::new("database", "main")];
    assert_eq!(main.grant, Effect::Write);
    assert_eq!(main.settings["url"], "env:DATABASE_URL");
    assert!(main.settings.get("access").is_none());
    assert_eq!(environment.resources[&ResourceId::new("database", "replica")].grant, Effect::Read);
}

#[test]
fn without_a_name_the_environment_is_the_default_or_local_or_the_only_one() {
    let name = |text: &str, wanted| read(text).unwrap().environment(wanted).map(|one| one.name);
    assert_eq!(name("", None).unwrap(), "local");
    assert_eq!(name("[env.staging]", None).unwrap(), "staging");
    assert_eq!(name("[env.staging]\n[env.local]", None).unwrap(), "local");
    assert_eq!(name("[env.staging]\n[env.local]", Some("staging")).unwrap(), "staging");
    insta::assert_snapshot!(name("[env.a]\n[env.b]", None).unwrap_err(), @r#"
    no environment is named
      fix: add --env NAME, one of `a`, `b`, or put default = "NAME" at the top of playbook.toml
    "#);
    insta::assert_snapshot!(name("[env.staging]\n[env.b]", Some("stagign")).unwrap_err(), @"
    `stagign` is no environment of playbook.toml
      fix: did you mean `staging`? Otherwise choose one of `b`, `staging`
    ");
}

#[test]
fn the_project_is_found_from_a_folder_below() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("a/b");
    files::make_private_folder(&below).unwrap();
    let error = above(&below).unwrap_err();
    assert!(error.fix.as_deref().unwrap().contains("[env.local.http.api]"), "{error}");
    files::replace(&folder.path().join(FILE), b"").unwrap();
    assert_eq!(above(&below).unwrap(), files::real_path(folder.path()).unwrap());
    assert!(at(&below).unwrap_err().fix.as_deref().unwrap().contains("--project"));
    assert_eq!(Project::open(Some(folder.path()), FAMILIES).unwrap().environments.len(), 1);
}

#[test]
fn no_text_is_too_broken_to_be_answered() {
    let text = "default = 'é'\r\n[env.ü]\nlimits = { timeout = \"5m\" }\n[env.local.database.\"ma in\"]\nurl = \"postgres://ä:hünter@h\"\n\
                password = \"\"\"\nhunter2\n\"\"\"\nrules = [{ pattern = 'x' }]\n[[env.local.database.list]]\nn = 1e5\n";
    let ends = text.char_indices().map(|(at, _)| at).collect::<Vec<_>>();
    for at in &ends {
        let next = at + text[*at..].chars().next().unwrap().len_utf8();
        for sign in ["", "\"", "=", "[", "{", "\n", "é", "\u{0}"] {
            let broken = format!("{}{sign}{}", &text[..*at], &text[next..]);
            let _ = read(&broken).map_err(|error| error.to_string());
        }
        let _ = read(&text[..*at]).map_err(|error| error.to_string());
    }
}
