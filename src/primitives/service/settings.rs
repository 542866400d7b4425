//! The settings of a service, and the command that they make with a release.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serializer};

use crate::base::access::ResourceId;
use crate::base::error::{Error, Result};
use crate::base::secret::Setting;
use crate::base::text;
use crate::effect::child;
use crate::effect::cx::Cx;
use crate::effect::environment::Resource;
use crate::sys::process::Command;

/// What stands in the settings where the release goes.
const PLACE: &str = "{release}";

/// A process that outlives the run. `{release}` in `program`, `args`, `folder` or a text of `env` stands for the
/// release that is started.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// The path of its program, which begins at the project, or a name in `PATH`; it stays in the foreground. `{release}` in it, in
    /// `args`, in `folder` or in a text of `env` stands for the release that is started: `releases/{release}/bin/app`
    program: String,
    /// The program's arguments, one by one
    #[serde(default)]
    args: Vec<String>,
    /// The folder of the project that it works in; the project itself when left out
    folder: Option<String>,
    /// Variables of its environment: a text each, or a reference to a secret (`env:NAME`, `file:PATH`)
    #[serde(default)]
    env: BTreeMap<String, Setting>,
    /// The names of variables passed on from the environment of `playbook`; nothing else is inherited
    #[serde(default = "child::passed")]
    pass: Vec<String>,
    /// The file that its output is appended to; `.playbook/services/NAME.log` when left out
    pub(super) log: Option<String>,
    /// How long it must stay alive to be called started, as "1s"
    #[serde(default = "one_second", deserialize_with = "duration", serialize_with = "written")]
    #[schemars(with = "String")]
    pub(super) settle: Duration,
    /// How long it and what it started may take to end when they are asked to, before they are killed, as "10s"
    #[serde(default = "ten_seconds", deserialize_with = "duration", serialize_with = "written")]
    #[schemars(with = "String")]
    pub(super) stop_within: Duration,
}

fn one_second() -> Duration {
    Duration::from_secs(1)
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    text::parse_duration(&text).map_err(|wrong| {
        serde::de::Error::custom(format!("{}; {}", wrong.what, wrong.fix.as_deref().unwrap_or_default()))
    })
}

/// Shows a default in the reference as one would type it.
fn written<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text::write_duration(*duration))
}

impl Table {
    /// Whether starting it needs a release.
    pub(super) fn has_releases(&self) -> bool {
        let plain = self.env.values().filter_map(|setting| match setting {
            Setting::Plain(text) => Some(text),
            Setting::Reference(_) => None,
        });
        [&self.program]
            .into_iter()
            .chain(&self.args)
            .chain(&self.folder)
            .chain(plain)
            .any(|text| text.contains(PLACE))
    }

    /// Refuses a release that could lead elsewhere, or that has no place to go.
    pub(super) fn judge_release(&self, (id, table): (&ResourceId, &str), release: &str) -> Result<()> {
        if !self.has_releases() {
            return Err(Error::usage(format!("`{id}` has no releases"))
                .why("its settings say `{release}` nowhere")
                .fix(format!(
                    "put `{{release}}` into `program` or `args` of {table}, or leave the release out"
                )));
        }
        let leads_elsewhere =
            release.contains(['/', '\\']) || release.contains("..") || release.starts_with(['.', '-']);
        if release.is_empty() || leads_elsewhere || release.chars().any(char::is_control) {
            return Err(Error::denied(format!("{release:?} may not be a release of `{id}`"))
                .why("a release is part of a path, and must not lead out of it")
                .fix(
                    "name it without `/` and `..`, beginning with a letter or a digit, for example \"v2\"",
                ));
        }
        Ok(())
    }

    /// What forbids to start a release of `resource`, as far as its settings tell.
    pub(super) fn forbids(resource: &Resource, environment: &str, release: &str) -> Option<Error> {
        let table = Self::deserialize(&resource.settings).ok()?;
        let named = format!("[env.{environment}.{}]", resource.id);
        table.judge_release((&resource.id, &named), release).err()
    }

    /// Makes sure of the program, as far as it is the same for every release.
    pub(super) fn find_program(&self, cx: &Cx) -> Result<()> {
        if self.program.contains(PLACE) { Ok(()) } else { child::program(cx, &self.program).map(drop) }
    }

    /// The command that starts a release, its secrets revealed. The release was judged before.
    pub(super) async fn command(&self, cx: &Cx, release: Option<&str>) -> Result<Command> {
        let fill =
            |text: &str| release.map_or_else(|| text.to_owned(), |release| text.replace(PLACE, release));
        let set = self.env.iter().map(|(name, setting)| match setting {
            Setting::Plain(text) => (name.clone(), Setting::Plain(fill(text))),
            Setting::Reference(_) => (name.clone(), setting.clone()),
        });
        Ok(Command {
            program: child::program(cx, &fill(&self.program))?,
            arguments: self.args.iter().map(|text| fill(text)).collect(),
            variables: child::variables(cx, &set.collect(), &self.pass).await?,
            folder: child::folder(cx, self.folder.as_deref().map(fill).as_deref())?,
        })
    }
}
