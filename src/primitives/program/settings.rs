//! The settings of a program, and what they allow.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::secret::Setting;
use crate::effect::allowed::{Allowed, Pattern};
use crate::effect::child;
use crate::effect::cx::Cx;
use crate::effect::environment::Resource;
use crate::sys::process::Command;

/// A program and the argument lists that may be given to it. In a list, `*` stands for any text that is no option
/// (`"v*"`), an option must be said (`"--tag=*"`, `"-*"`), and a last element `"**"` stands for any rest. Without a
/// list nothing may be run.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// Its path, which begins at the project, or its name in `PATH`; the resource's name when left out
    path: Option<String>,
    /// The argument lists that change nothing, so that a plan may run them
    #[serde(default)]
    read: Vec<Pattern>,
    /// The argument lists that change something
    #[serde(default)]
    write: Vec<Pattern>,
    /// The argument lists that lose something for ever
    #[serde(default)]
    destroy: Vec<Pattern>,
    /// The folder of the project that it works in; the project itself when left out
    folder: Option<String>,
    /// Variables of its environment: a text each, or a reference to a secret (`env:NAME`, `file:PATH`)
    #[serde(default)]
    env: BTreeMap<String, Setting>,
    /// The names of variables passed on from the environment of `playbook`; nothing else is inherited
    #[serde(default = "child::passed")]
    pass: Vec<String>,
    /// The exit codes that mean success
    #[serde(default = "zero")]
    pub(super) ok: Vec<i32>,
}

fn zero() -> Vec<i32> {
    vec![0]
}

impl Table {
    fn allowed(&self) -> Allowed<'_> {
        Allowed { read: &self.read, write: &self.write, destroy: &self.destroy, run: "run" }
    }

    /// Refuses arguments that no list of this effect allows. What only reads may also be run as a change.
    pub(super) fn permit(&self, cx: &Cx, effect: Effect, arguments: &[String]) -> Result<()> {
        self.allowed().permit(cx, effect, arguments)
    }

    /// The first of these argument lists that may not be given in an environment, and why.
    pub(super) fn forbids<'a>(
        resource: &Resource,
        environment: &str,
        effect: Effect,
        lists: impl IntoIterator<Item = &'a Vec<String>>,
    ) -> Option<Error> {
        let table = Self::deserialize(&resource.settings).ok()?;
        let forbids = |list: &Vec<String>| table.allowed().forbids(resource, environment, effect, list);
        lists.into_iter().find_map(forbids)
    }

    /// Refuses to archive the output of anything but what the list `read` allows.
    pub(super) fn permit_archive(&self, cx: &Cx, arguments: &[String]) -> Result<()> {
        self.permit(cx, Effect::Read, arguments).map_err(|denied| {
            let allowed = self.allowed();
            if allowed.allows(Effect::Write, arguments) || allowed.allows(Effect::Destroy, arguments) {
                denied.fix("archive the output of what changes nothing, and so stands in the list `read`")
            } else {
                denied
            }
        })
    }

    /// Whether no list allows anything.
    pub(super) fn allows_nothing(&self) -> bool {
        [&self.read, &self.write, &self.destroy].iter().all(|list| list.is_empty())
    }

    /// Sees before anything is begun that the program is there.
    pub(super) fn find(&self, cx: &Cx) -> Result<PathBuf> {
        child::program(cx, self.path.as_deref().unwrap_or(&cx.resource().name))
    }

    /// The command with these arguments, its secrets revealed.
    pub(super) async fn command(&self, cx: &Cx, arguments: Vec<String>) -> Result<Command> {
        Ok(Command {
            program: self.find(cx)?,
            arguments,
            variables: child::variables(cx, &self.env, &self.pass).await?,
            folder: child::folder(cx, self.folder.as_deref())?,
        })
    }
}
