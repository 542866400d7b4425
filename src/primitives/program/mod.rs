//! Programs of this machine, run by argument list: those lists that `playbook.toml` allows, by the effect they have.

mod archive;
mod look;
mod parse;
mod settings;

use std::iter::once;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use self::parse::Parse;
use self::settings::Table;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::environment::Resource;
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::output::{self, kept, shown};
use crate::effect::primitive::{Primitive, entry};
use crate::sys::process::{self, Ended, Line, Status, Stdin};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "program",
    about: "A program of this machine, run by argument list and never through a shell: only the lists that \
            `playbook.toml` allows, in a clean environment, ended with all its children. A program that may run is \
            trusted: what it does itself is not bounded.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<Run>(), entry::<Read>(), entry::<Destroy>(), entry::<archive::ArchiveTo>()],
    health: Examine::By(|cx| Box::pin(look::look(cx))),
    store: None,
    sql: None,
    hosts: None,
};

/// How long a program may take that changes something.
const LONG: Duration = Duration::from_secs(600);

/// Runs the program with arguments that the list `write` or `read` allows. Its output is shown as it comes. Gives
/// `code`, `stdout`, `stderr` and `took_ms`; an output over 1 MiB begins where its last 64 KiB begin. With `parse` it gives
/// `json` (or `lines`) too. An exit code outside `ok` is an error with `exit_code` in its details.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Run {
    /// The arguments, one by one
    arguments: Vec<String>,
    /// What it reads on its standard input; nothing when left out
    stdin: Option<String>,
    /// The arguments that take it back; without them it cannot be taken back. Where they are the same `arguments`, as of a
    /// restart, which takes into use what was put there before, they come after everything else was taken back
    undo: Option<Vec<String>>,
    /// How its standard output is read
    parse: Option<Parse>,
}

impl Primitive for Run {
    const NAME: &'static str = "run";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"program("git").run(["tag", "v1"], #{ undo: ["tag", "-d", "v1"] })"#;
    const NO_PROBE: Option<&'static str> =
        Some("what a program does is not known, nor whether it has done it");
    const TIMEOUT: Duration = LONG;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("run {}", spoken(resource, &self.arguments))
    }

    fn forbidden(&self, resource: &Resource, environment: &str) -> Option<Error> {
        Table::forbids(resource, environment, Effect::Write, once(&self.arguments).chain(&self.undo))
    }

    fn undone_last(&self) -> bool {
        self.undo.as_ref() == Some(&self.arguments)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let table: Table = cx.settings()?;
        table.permit(cx, Effect::Write, &self.arguments)?;
        table.find(cx)?;
        let Some(undo) = &self.undo else {
            return Ok(Inverse::none(
                "what a program does is not known; give its own way back as `undo: [\"…\"]`",
            ));
        };
        table.permit(cx, Effect::Write, undo)?;
        Ok(Inverse::Call(Call::new(cx.resource().clone(), Self::NAME).with("arguments", undo.clone())))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        parse::with(self.parse, carry_out(cx, Effect::Write, self.arguments, self.stdin).await?)
    }
}

/// Runs the program with arguments that the list `read` allows; a plan does too. Gives what `run` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Read {
    /// The arguments, one by one
    arguments: Vec<String>,
    /// How its standard output is read
    parse: Option<Parse>,
}

impl Primitive for Read {
    const NAME: &'static str = "read";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"program("git").read(["rev-parse", "HEAD"]).stdout"#;
    const TIMEOUT: Duration = Duration::from_secs(60);

    fn plan(&self, resource: &ResourceId) -> String {
        format!("read {}", spoken(resource, &self.arguments))
    }

    fn forbidden(&self, resource: &Resource, environment: &str) -> Option<Error> {
        Table::forbids(resource, environment, Effect::Read, [&self.arguments])
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        parse::with(self.parse, carry_out(cx, Effect::Read, self.arguments, None).await?)
    }
}

/// Runs the program with arguments that the list `destroy` allows. Nothing takes it back. Gives what `run` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Destroy {
    /// The arguments, one by one
    arguments: Vec<String>,
}

impl Primitive for Destroy {
    const NAME: &'static str = "destroy";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"program("git").destroy(["branch", "-D", "old"], #{ on_doubt: "ask" })"#;
    const NO_PROBE: Option<&'static str> =
        Some("what a program does is not known, nor whether it has done it");
    const TIMEOUT: Duration = LONG;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("destroy with {}", spoken(resource, &self.arguments))
    }

    fn forbidden(&self, resource: &Resource, environment: &str) -> Option<Error> {
        Table::forbids(resource, environment, Effect::Destroy, [&self.arguments])
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let table: Table = cx.settings()?;
        table.permit(cx, Effect::Destroy, &self.arguments)?;
        table.find(cx)?;
        Ok(Inverse::none("what was destroyed cannot be had again"))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        carry_out(cx, Effect::Destroy, self.arguments, None).await
    }
}

async fn carry_out(cx: Cx, effect: Effect, arguments: Vec<String>, stdin: Option<String>) -> Result<Value> {
    let table: Table = cx.settings()?;
    table.permit(&cx, effect, &arguments)?;
    let called = spoken(cx.resource(), &arguments);
    let command = table.command(&cx, arguments).await?;
    let stdin = stdin.map_or(Stdin::Null, |text| Stdin::Bytes(text.into_bytes()));
    cx.close_gracefully();
    let tell = |line: Line<'_>| cx.line(line.error, &shown(&cx, line));
    let ended = process::run(&command, stdin, cx.stop(), &tell).await?;
    let (stdout, stderr) = (kept(&cx, &ended.stdout), kept(&cx, &ended.stderr));
    match ended.status {
        Status::Code(code) if table.ok.contains(&code) => Ok(json!({
            "code": code, "stdout": stdout, "stderr": stderr, "took_ms": ended.took.as_millis() as u64,
        })),
        _ => Err(failed(&called, &ended, &stdout, &stderr)),
    }
}

fn failed(called: &str, ended: &Ended, stdout: &str, stderr: &str) -> Error {
    let error = Error::remote(format!("{called} {}", ended.status)).why(output::last_words(stdout, stderr));
    match ended.status {
        Status::Code(code) => error.detail("exit_code", code),
        Status::Signal(number) => error.detail("signal", number),
    }
}

/// A call as people would type it: `git push origin`.
fn spoken(resource: &ResourceId, arguments: &[String]) -> String {
    let words: Vec<&str> = std::iter::once(&resource.name).chain(arguments).map(String::as_str).collect();
    output::spoken(&words)
}
