//! The file of an upstream and the nginx that reads it: written, tested, read by nginx, seen to be read; or the old one back.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::upstream;
use super::{Table, Upstream};
use crate::base::error::{Error, Kind, Result};
use crate::base::suggest;
use crate::base::text::{parse_duration, show_duration};
use crate::effect::child;
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::effect::traffic::Weights;
use crate::sys::files;
use crate::sys::process::{self, Child, Command, Ended, Status, Stdin};

/// A file of this kind is a few lines long.
const LARGEST: u64 = 1024 * 1024;

/// How often it is asked whether the new workers are there.
const LOOK: Duration = Duration::from_millis(25);

/// One upstream of an nginx, and this call's turn at its file.
pub(super) struct Control {
    cx: Cx,
    table: Table,
    /// The upstream's name.
    name: String,
    file: PathBuf,
    _turn: OwnedMutexGuard<()>,
}

impl Control {
    /// Takes the turn: one call at a time within a run.
    pub(super) async fn take(cx: &Cx, name: &str) -> Result<Self> {
        let turn = Arc::clone(&*cx.shared(async { Ok(Arc::new(Mutex::new(()))) }).await?).lock_owned().await;
        let table: Table = cx.settings()?;
        let upstream = table.upstreams.get(name).ok_or_else(|| {
            let names = table.upstreams.keys().map(String::as_str);
            Error::missing(format!("`{}` has no upstream `{name}`", cx.resource()))
                .fix(suggest::advice(name, names))
                .unchanged()
        })?;
        let file = cx.trusted_path(&upstream.file);
        Ok(Self { cx: cx.clone(), name: name.to_owned(), file, table, _turn: turn })
    }

    /// What `playbook.toml` says of the upstream.
    pub(super) fn upstream(&self) -> Result<&Upstream> {
        self.table.upstreams.get(&self.name).ok_or_else(|| Error::bug("an upstream went away"))
    }

    /// The text of the file; `None` when there is none. One that was not written here is refused.
    pub(super) fn text(&self) -> Result<Option<String>> {
        if !files::exists(&self.file) {
            return Ok(None);
        }
        let text = files::read_text(&self.file, LARGEST)?;
        if upstream::is_own(&text) {
            return Ok(Some(text));
        }
        let table = self.cx.table();
        Err(Error::usage(format!("{} was not written by playbook", self.file.display()))
            .why("its first line does not say so, and what stands in it would be lost")
            .fix(format!(
                "take its servers over into `upstreams.{}` of {table} in playbook.toml, and move it away",
                self.name
            ))
            .unchanged())
    }

    /// The weights that the file gives; without a file nobody gets anything.
    pub(super) fn weights(&self) -> Result<Weights> {
        Ok(self.upstream()?.read(&self.text()?.unwrap_or_default()))
    }

    /// The text that gives each server the same, where nginx does not go without the file: then that, and not its absence, is
    /// what there is to go back to.
    pub(super) async fn alike(&self) -> Result<Option<String>> {
        if child::program(&self.cx, &self.table.program).is_err()
            || matches!(self.run(&["-t"]).await?.status, Status::Code(0))
        {
            return Ok(None);
        }
        let upstream = self.upstream()?;
        let weights = upstream.servers.keys().map(|name| (name.clone(), 1)).collect();
        if self.cx.run() == "plan" {
            let file = self.file.display();
            self.cx.line(
                false,
                &format!("{file} is not there, and nginx refuses its configuration without it; taken back, it will give each server the same"),
            );
        }
        Ok(Some(upstream.write(&self.name, &weights)))
    }

    /// Whether all workers were born after the file was last changed; `None` when there are none to ask.
    pub(super) fn is_loaded(&self) -> Option<bool> {
        let changed = files::changed_ago(&self.file)?;
        let workers = self.workers().ok().filter(|workers| !workers.is_empty())?;
        Some(workers.iter().all(|worker| worker.age < changed))
    }

    /// Puts a text in place, or none, and has nginx read it; `false` when that is so already. When nginx refuses it, or does
    /// not read it, the old one is put back.
    pub(super) async fn put(&self, text: Option<&str>) -> Result<bool> {
        let before = self.text()?;
        if before.as_deref() == text && self.is_loaded() != Some(false) {
            return Ok(false);
        }
        // Without a running nginx there is nobody who would read it, and without its program nobody who would test it.
        child::program(&self.cx, &self.table.program).map_err(Error::unchanged)?;
        let old = self.workers()?;
        let mut pending = Pending { file: &self.file, before, armed: true };
        write(&self.file, text)?;
        let test = self.run(&["-t"]).await?;
        if !matches!(test.status, Status::Code(0)) {
            pending.put_back()?;
            return Err(Error::remote(format!("`{}` refuses the new {}", self.cx.resource(), self.file.display()))
                .why(said(&test))
                .fix("mend the servers and lines of that upstream in playbook.toml; the old file is back, and nginx has not read the new one")
                .unchanged());
        }
        let reload = self.run(&["-s", "reload"]).await?;
        if !matches!(reload.status, Status::Code(0)) {
            pending.put_back()?;
            return Err(Error::remote(format!(
                "`{}` cannot be told to read its configuration",
                self.cx.resource()
            ))
            .why(said(&reload))
            .fix("see that nginx runs and that this user may signal it; the old file is back")
            .unchanged());
        }
        if let Err(error) = self.wait_for_workers(&old).await {
            // Stopped while nginx was at it: it may have read the new file all the same.
            pending.armed = false;
            if error.kind != Kind::Remote {
                return Err(error);
            }
            pending.put_back()?;
            let _ = self.run(&["-s", "reload"]).await;
            return Err(error.unchanged());
        }
        pending.armed = false;
        Ok(true)
    }

    async fn wait_for_workers(&self, old: &[Child]) -> Result<()> {
        let within = parse_duration(&self.table.reload_within)?;
        let begin = self.cx.instant();
        loop {
            let now = self.workers()?;
            let is_old = |worker: &Child| old.iter().any(|one| one.pid == worker.pid);
            if !now.is_empty() && !now.iter().any(is_old) {
                return Ok(());
            }
            if begin.elapsed() >= within {
                let pids: Vec<String> = now.iter().map(|worker| worker.pid.to_string()).collect();
                return Err(Error::remote(format!(
                    "`{}` did not read its configuration again",
                    self.cx.resource()
                ))
                .why(format!("after {} its workers are still {}", show_duration(within), pids.join(", ")))
                .fix("look into nginx's error log: it keeps its workers when it cannot start new ones"));
            }
            self.cx.pause(LOOK).await?;
        }
    }

    /// The workers that take requests; those that only finish what they have are left out.
    fn workers(&self) -> Result<Vec<Child>> {
        let file = self.cx.trusted_path(&self.table.pid);
        let away = |why: String| {
            Error::remote(format!("`{}` does not run", self.cx.resource()))
                .why(why)
                .fix(format!("start nginx, or correct `pid` in {} of playbook.toml", self.cx.table()))
                .unchanged()
        };
        let text = files::read_text(&file, LARGEST).map_err(|error| away(error.to_string()))?;
        let pid =
            text.trim().parse::<i32>().map_err(|_| away(format!("{} holds no number", file.display())))?;
        let mut workers = process::children(pid);
        workers
            .retain(|child| child.title.contains("worker process") && !child.title.contains("shutting down"));
        if workers.is_empty() {
            return Err(away(format!("the process {pid} of {} has no workers", file.display())));
        }
        Ok(workers)
    }

    async fn run(&self, arguments: &[&str]) -> Result<Ended> {
        let mut all = self.table.arguments.clone();
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        if let Some(config) = &self.table.config {
            all.extend(["-c".to_owned(), self.cx.trusted_path(config).display().to_string()]);
        }
        let command = Command {
            program: child::program(&self.cx, &self.table.program)?,
            arguments: all,
            variables: child::variables(&self.cx, &std::collections::BTreeMap::new(), &child::passed())
                .await?,
            folder: child::folder(&self.cx, None)?,
        };
        process::run(&command, Stdin::Null, self.cx.stop(), &|_| ()).await
    }
}

/// Looks whether it runs, and reads the weights of its first upstream.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let table: Table = cx.settings()?;
    let Some(name) = table.upstreams.keys().next() else { return Ok(Health::reached()) };
    let control = Control::take(&cx, name).await?;
    let workers = control.workers()?.len();
    control.weights()?;
    let said = control.run(&["-v"]).await?.stderr.text;
    let version = said.split("nginx/").nth(1).map(|rest| rest.split_whitespace().next().unwrap_or_default());
    Ok(Health::reached()
        .version(version.map(|version| format!("nginx {version}")).unwrap_or_default())
        .fact(format!("{workers} workers"))
        .fact(format!("{} upstreams", table.upstreams.len())))
}

fn write(file: &Path, text: Option<&str>) -> Result<()> {
    match text {
        Some(text) => files::replace_public(file, text.as_bytes()),
        None => files::remove(file),
    }
}

fn said(ended: &Ended) -> String {
    let text = ended.stderr.text.trim();
    if text.is_empty() { ended.status.to_string() } else { text.to_owned() }
}

/// A file that nginx has not read yet: whatever ends the call, the old one is put back.
struct Pending<'a> {
    file: &'a Path,
    before: Option<String>,
    armed: bool,
}

impl Pending<'_> {
    fn put_back(&mut self) -> Result<()> {
        self.armed = false;
        write(self.file, self.before.as_deref())
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.armed {
            let _ = self.put_back();
        }
    }
}
