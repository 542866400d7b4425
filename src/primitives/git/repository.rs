//! The settings of a repository, and how `git` is run in it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text::headline;
use crate::effect::child;
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::sys::files;
use crate::sys::process::{self, Command, Ended, Status, Stdin};

/// A repository.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// Its folder, relative to the project or absolute; the project itself when left out
    #[serde(default = "here")]
    folder: String,
    /// The remote that tags are pushed to
    #[serde(default = "origin")]
    pub(super) remote: String,
    /// The program, as a path or a name in `PATH`
    #[serde(default = "git")]
    program: String,
    /// The names of variables passed on from the environment of `playbook`
    #[serde(default = "passed")]
    pass: Vec<String>,
}

fn here() -> String {
    ".".to_owned()
}

fn origin() -> String {
    "origin".to_owned()
}

fn git() -> String {
    "git".to_owned()
}

fn passed() -> Vec<String> {
    ["PATH", "HOME", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME"].map(str::to_owned).to_vec()
}

/// A repository, ready to be asked.
pub(super) struct Repository {
    /// Its settings.
    pub(super) table: Table,
    cx: Cx,
    program: PathBuf,
    folder: PathBuf,
}

impl Repository {
    /// The repository of the call's resource.
    pub(super) fn of(cx: &Cx) -> Result<Self> {
        let table: Table = cx.settings()?;
        let folder = cx.trusted_path(&table.folder);
        if !files::exists(&folder) {
            return Err(Error::missing(format!(
                "there is no folder {} for `{}`",
                folder.display(),
                cx.resource()
            ))
            .fix(format!("correct `folder` of {}", cx.table())));
        }
        Ok(Self { program: child::program(cx, &table.program)?, table, cx: cx.clone(), folder })
    }

    /// Runs `git` with these arguments, whatever comes of it.
    pub(super) async fn run(&self, arguments: &[&str]) -> Result<Ended> {
        let mut variables = child::variables(&self.cx, &[].into(), &self.table.pass).await?;
        // It asks nobody, speaks plainly, and takes no lock for a look.
        for (name, value) in [("GIT_TERMINAL_PROMPT", "0"), ("LC_ALL", "C"), ("GIT_OPTIONAL_LOCKS", "0")] {
            variables.push((name.to_owned(), crate::base::secret::Revealed::new(value.to_owned())));
        }
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let command =
            Command { program: self.program.clone(), arguments, variables, folder: self.folder.clone() };
        self.cx.close_gracefully();
        process::run(&command, Stdin::Null, self.cx.stop(), &|_| ()).await
    }

    /// The output of `git` with these arguments, which must succeed.
    pub(super) async fn ask(&self, arguments: &[&str]) -> Result<String> {
        let ended = self.run(arguments).await?;
        if ended.status != Status::Code(0) {
            return Err(self.failed(arguments, &ended));
        }
        if ended.stdout.left_out > 0 {
            return Err(Error::usage(format!("`{}` has too much to tell for a script", self.cx.resource()))
                .fix("ask for less, for example with `most`"));
        }
        Ok(ended.stdout.text)
    }

    /// The same, without the line end behind it.
    pub(super) async fn line(&self, arguments: &[&str]) -> Result<String> {
        Ok(self.ask(arguments).await?.trim_end().to_owned())
    }

    /// Whether `git` with these arguments ends with 0 or with 1, its yes and no.
    pub(super) async fn tells(&self, arguments: &[&str]) -> Result<bool> {
        let ended = self.run(arguments).await?;
        match ended.status {
            Status::Code(0) => Ok(true),
            Status::Code(1) => Ok(false),
            _ => Err(self.failed(arguments, &ended)),
        }
    }

    /// The error for a run of `git` that failed, in its own words.
    pub(super) fn failed(&self, arguments: &[&str], ended: &Ended) -> Error {
        let (name, words) = (self.cx.resource(), ended.stderr.text.trim().to_owned());
        let said = headline(&arguments.join(" "), 100);
        let error = Error::remote(format!("`git {said}` of `{name}` {}", ended.status)).why(&words);
        let error = match ended.status {
            Status::Code(code) => error.detail("exit_code", code),
            Status::Signal(signal) => error.detail("signal", signal),
        };
        if words.contains("not a git repository") {
            return error.fix(format!("correct `folder` of {}", self.cx.table()));
        }
        if words.contains("dubious ownership") {
            return error
                .fix(format!("run `git config --global --add safe.directory {}`", self.folder.display()));
        }
        if words.contains("tell me who you are") || words.contains("empty ident") {
            return error.fix("set `user.name` and `user.email`: `git config user.name …`");
        }
        if words.contains("could not read Username")
            || words.contains("Permission denied")
            || words.contains("Authentication failed")
        {
            return error
                .fix("give this machine a key or a credential helper for the remote")
                .detail("status", 401);
        }
        if words.contains("does not appear to be a git repository")
            || words.contains("Could not read from remote")
        {
            return error
                .fix(format!("correct `remote` of {}, or its address: `git remote -v`", self.cx.table()));
        }
        if words.contains("unknown revision")
            || words.contains("Not a valid object name")
            || words.contains("Needed a single revision")
        {
            return error
                .fix("name a commit, branch or tag that the repository has; fetch first when it is new");
        }
        error
    }
}

/// Refuses what `git` would take for an option.
pub(super) fn plain<'a>(what: &str, text: &'a str) -> Result<&'a str> {
    if text.is_empty() || text.starts_with('-') || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Error::usage(format!("`{text}` is no {what}"))
            .fix("write for example \"v1.2.3\", \"main\" or a commit's hash"));
    }
    Ok(text)
}

/// Reads the version, the branch and whether the remote answers.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let repository = Repository::of(&cx)?;
    let version = repository.line(&["--version"]).await?;
    let folder = repository.line(&["rev-parse", "--show-toplevel"]).await?;
    let mut health = Health::reached().version(version.replace("git version", "git")).fact(folder);
    let branch = repository.line(&["rev-parse", "--abbrev-ref", "HEAD"]).await;
    health = health.fact(branch.map_or_else(|_| "no commit yet".to_owned(), |branch| format!("on {branch}")));
    let remote = repository.table.remote.as_str();
    if cx.granted() == Effect::Read
        || !repository.tells(&["config", "--get", &format!("remote.{remote}.url")]).await?
    {
        return Ok(health);
    }
    match repository.ask(&["ls-remote", "--quiet", plain("remote", remote)?, "HEAD"]).await {
        Ok(_) => Ok(health.fact(format!("{remote} answers"))),
        Err(error) => Ok(health.trouble(error)),
    }
}
