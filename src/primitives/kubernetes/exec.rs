//! `exec`: a command in a container, its lines as they come, and its exit code.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::AttachParams;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::cluster::Cluster;
use super::errors::Deed;
use super::kind::Kind;
use super::object::name;
use super::pods;
use super::silence::Wait;
use super::target::Target;
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Kind as Sort, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;
use crate::sys::process::{Captured, Line, Output};

/// An output up to this size is kept whole; of a longer one the last [`KEPT`] bytes.
const WHOLE: usize = 1024 * 1024;
/// How much is kept of the end of a longer output; in bytes.
const KEPT: usize = 64 * 1024;
/// How much goes through each pipe of the client library at once; in bytes.
const PIPE: usize = 64 * 1024;

/// Runs a command in a container of a pod, or of a ready pod of a workload, without a shell. Its output is shown as it
/// comes. Gives `pod`, `code`, `stdout`, `stderr` and `took_ms`; an output over 1 MiB begins where its last 64 KiB begin.
/// An exit code outside `ok` is an error with `exit_code` in its details. When it is stopped, the connection ends; what
/// the command then does is up to the command.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exec {
    /// The pod, or what makes pods, as "deployment/web"
    target: Target,
    /// The command and its arguments, one by one
    command: Vec<String>,
    /// The container; it may be left out where there is only one
    container: Option<String>,
    /// What it reads on its standard input; nothing when left out. An API server before 1.30 cannot tell a command where
    /// its input ends, so that it is refused there
    stdin: Option<String>,
    /// The exit codes that are well
    #[serde(default = "zero")]
    ok: Vec<i64>,
    /// The command that takes it back; without one it cannot be taken back
    undo: Option<Vec<String>>,
}

fn zero() -> Vec<i64> {
    vec![0]
}

impl Primitive for Exec {
    const NAME: &'static str = "exec";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str =
        r#"kubernetes("prod").exec("deployment/web", ["bin/cache", "clear"]).stdout"#;
    const NO_PROBE: Option<&'static str> =
        Some("what a command does is not known, nor whether it has done it");
    const TIMEOUT: Duration = Duration::from_secs(600);

    fn plan(&self, _: &ResourceId) -> String {
        format!("run {} in {}", spoken(&self.command), self.target)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        if self.command.is_empty() {
            return Err(
                Error::usage("the command is empty").fix("give the program and its arguments as a list")
            );
        }
        let cluster = Cluster::of(cx).await?;
        if self.stdin.is_some() {
            ends_input(&cluster).await?;
        }
        // Whether there is a pod at all is better known before anything is begun.
        pods::ready(&cluster, &self.target).await?;
        let Some(undo) = &self.undo else {
            return Ok(Inverse::none(
                "what a command does is not known; give its own way back as `undo: [\"…\"]`",
            ));
        };
        let call = Call::new(cx.resource().clone(), Self::NAME)
            .with("target", self.target.to_string())
            .with("command", undo.clone());
        Ok(Inverse::Call(match &self.container {
            Some(container) => call.with("container", container.clone()),
            None => call,
        }))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let began = cx.instant();
        let cluster = Cluster::of(&cx).await?;
        let pod = pods::ready(&cluster, &self.target).await.map_err(Error::unchanged)?;
        let pod = name(&pod);
        let (status, stdout, stderr) = self.attach(&cx, &cluster, pod).await?;
        let called = format!("{} in {pod} of `{}`", spoken(&self.command), cluster.named);
        let code = exit_code(&called, status.as_ref())?;
        let (stdout, stderr) = (kept(&cx, &stdout), kept(&cx, &stderr));
        if !self.ok.contains(&code) {
            let words = if stderr.trim().is_empty() { &stdout } else { &stderr };
            return Err(Error::remote(format!("{called} ended with exit code {code}"))
                .why(last_lines(words))
                .detail("exit_code", code));
        }
        let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(json!({ "pod": pod, "code": code, "stdout": stdout, "stderr": stderr, "took_ms": took }))
    }
}

impl Exec {
    /// Runs the command to its end, and gives how it ended and what it said.
    async fn attach(
        &self,
        cx: &Cx,
        cluster: &Cluster,
        pod: &str,
    ) -> Result<(Option<Status>, Captured, Captured)> {
        let kind = Kind { plural: "pods/exec".to_owned(), name: "exec of pod".to_owned(), ..Kind::pod() };
        // The API server asks for this permission, whatever the request is.
        let deed = Deed { verb: "create", kind: &kind, name: pod, is_harmless: false };
        let wanted = AttachParams {
            container: self.container.clone(),
            stdin: self.stdin.is_some(),
            stdout: true,
            stderr: true,
            tty: false,
            max_stdin_buf_size: Some(PIPE),
            max_stdout_buf_size: Some(PIPE),
            max_stderr_buf_size: Some(PIPE),
        };
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &cluster.namespace);
        let mut attached = cluster.answered(deed, pods.exec(pod, &self.command, &wanted)).await?;
        let status = attached.take_status();
        let (mut to, out, err) = (attached.stdin(), attached.stdout(), attached.stderr());
        let tell = |line: Line<'_>| cx.line(line.error, &cx.redactor().text(line.text));
        let (mut stdout, mut stderr) =
            (Output::new(false, &tell, WHOLE, KEPT), Output::new(true, &tell, WHOLE, KEPT));
        let feed = async {
            if let (Some(to), Some(text)) = (&mut to, &self.stdin) {
                // A command that does not read it all is none of our business.
                let _ = to.write_all(text.as_bytes()).await;
                let _ = to.shutdown().await;
            }
        };
        let ended = async {
            match status {
                Some(status) => status.await,
                None => None,
            }
        };
        // A quiet command and a silent server look the same from here.
        let mut wait = Wait::begin(cx, cluster, format!("a command in {pod}"), Duration::MAX);
        let (status, (), (), ()) = tokio::select! {
            ended = async { tokio::join!(ended, feed, stdout.read(out), stderr.read(err)) } => ended,
            never = wait.heed() => match never {},
        };
        Ok((status, stdout.finish(), stderr.finish()))
    }
}

/// Whether the server can tell a command that its input has ended, and still hear how it goes on.
async fn ends_input(cluster: &Cluster) -> Result<()> {
    let kind = Kind { plural: "version".to_owned(), ..Kind::pod() };
    let deed = Deed { verb: "get", kind: &kind, name: "", is_harmless: true };
    let version = cluster.answered(deed, cluster.client.apiserver_version()).await?;
    let number = |text: &str| text.trim_end_matches('+').parse::<u32>().unwrap_or(u32::MAX);
    if (number(&version.major), number(&version.minor)) >= (1, 30) {
        return Ok(());
    }
    let what = format!("`{}` cannot tell a command where its standard input ends", cluster.named);
    Err(Error::usage(what)
        .why(format!("it is {}, and that takes 1.30 or later", version.git_version))
        .fix("leave out `stdin`, and give the text as an argument"))
}

/// The exit code that a status tells.
fn exit_code(called: &str, status: Option<&Status>) -> Result<i64> {
    let lost = || Error::new(Sort::InDoubt, format!("the connection broke off before the end of {called}"));
    let status = status.ok_or_else(lost)?;
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let causes = status.details.iter().flat_map(|details| details.causes.iter().flatten());
    let code = causes
        .filter(|cause| cause.reason.as_deref() == Some("ExitCode"))
        .find_map(|cause| cause.message.as_ref()?.parse().ok());
    code.ok_or_else(|| {
        Error::remote(format!("{called} could not be run"))
            .why(status.message.clone().unwrap_or_default())
            .fix("name a program that the container's image has")
            .unchanged()
    })
}

/// A command as people would type it.
fn spoken(command: &[String]) -> String {
    format!("`{}`", text::headline(&command.join(" "), 120))
}

/// What was kept of an output, without secrets and without its last line end.
fn kept(cx: &Cx, captured: &Captured) -> String {
    let overlap = if captured.torn { cx.redactor().overlap() } else { 0 };
    let whole = &captured.text[captured.text.ceil_char_boundary(overlap)..];
    let clean = cx.redactor().text(whole.strip_suffix('\n').unwrap_or(whole));
    match captured.left_out {
        0 => clean,
        bytes => format!("[{bytes} bytes before this were left out]\n{clean}"),
    }
}

/// The last lines of an output, few enough to be read.
fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output.trim_end().lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
