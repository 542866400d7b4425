//! Starting and ending the process of a service, so that its state file is true at every moment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::settings::Table;
use super::state::State;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::sys::files;
use crate::sys::process::{self, Command, Detached, Status};

/// How much of a log is repeated when a service does not stay alive; in bytes.
const LAST_WORDS: u64 = 4096;

/// One call's turn at a service.
pub(super) struct Control {
    cx: Cx,
    table: Table,
    state: PathBuf,
    log: PathBuf,
    _turn: OwnedMutexGuard<()>,
}

impl Control {
    /// Takes the turn: one call at a time within a run.
    pub(super) async fn take(cx: &Cx) -> Result<Self> {
        let turn = Arc::clone(&*cx.shared(async { Ok(Arc::new(Mutex::new(()))) }).await?).lock_owned().await;
        let table: Table = cx.settings()?;
        let name = &cx.resource().name;
        let state = cx.path(&format!(".playbook/services/{name}.json"))?;
        let log = match &table.log {
            Some(log) => cx.trusted_path(log),
            None => cx.path(&format!(".playbook/services/{name}.log"))?,
        };
        Ok(Self { cx: cx.clone(), table, state, log, _turn: turn })
    }

    /// What the state file says.
    pub(super) fn state(&self) -> Result<Option<State>> {
        State::read(&self.cx, &self.state)
    }

    /// Where its output goes.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Whether what is started depends on a release.
    pub(super) fn has_releases(&self) -> bool {
        self.table.has_releases()
    }

    /// Makes sure of the program, as far as it is the same for every release.
    pub(super) fn find_program(&self) -> Result<()> {
        self.table.find_program(&self.cx)
    }

    /// Refuses a release that cannot be one.
    pub(super) fn judge_release(&self, release: &str) -> Result<()> {
        self.table.judge_release((self.cx.resource(), &self.cx.table()), release)
    }

    /// The release to start: the wanted one, else the one started last.
    pub(super) fn release(&self, wanted: Option<String>) -> Result<Option<String>> {
        if let Some(release) = &wanted {
            self.judge_release(release)?;
        } else if self.table.has_releases() {
            let last = self.state()?.and_then(|state| state.release);
            return last.map(Some).ok_or_else(|| {
                Error::usage(format!(
                    "`{}` was never started, so its release must be said",
                    self.cx.resource()
                ))
                .fix("name it: `start(\"v1\")`")
            });
        }
        Ok(wanted)
    }

    /// The command of a release; made before anything is ended, so that one that cannot be started changes nothing.
    pub(super) async fn command(&self, release: Option<&str>) -> Result<Command> {
        let command = self.table.command(&self.cx, release).await?;
        command.judge()?;
        Ok(command)
    }

    /// Starts the process and sees that it stays alive.
    pub(super) async fn begin(&self, command: &Command, release: Option<String>) -> Result<()> {
        for file in [&self.state, &self.log] {
            file.parent().map_or(Ok(()), files::make_private_folder)?;
        }
        let state = |identity| State::started(&self.cx, identity, release.clone(), command);
        let mut started =
            process::start_detached(command, &self.log, |identity| state(identity).write(&self.state))?;
        let mut state = state(started.identity);
        let Some(status) = started.ends_within(self.table.settle).await else { return Ok(()) };
        state.process = None;
        state.write(&self.state)?;
        Err(self.died(&started, &state, status))
    }

    /// Ends the process, if it runs. The state says that it is ending before it is asked to: whoever finds it later,
    /// half ended by a call that was stopped, must not take it for running.
    pub(super) async fn end(&self) -> Result<()> {
        let Some(mut state) = self.state()? else { return Ok(()) };
        let log = files::real_path(&self.log).unwrap_or_else(|_| self.log.clone());
        let survived = || state.process.filter(|process| process.is_survived(&log));
        if let Some(process) = state.living().or_else(survived) {
            state.ending = true;
            state.write(&self.state)?;
            process.end(self.table.stop_within).await?;
        }
        if state.process.is_some() {
            (state.process, state.ending) = (None, false);
            state.write(&self.state)?;
        }
        Ok(())
    }

    fn died(&self, started: &Detached, state: &State, status: Status) -> Error {
        let release =
            state.release.as_ref().map(|release| format!(" release `{release}`")).unwrap_or_default();
        let within = text::show_duration(self.table.settle);
        let what = format!("`{}`{release} {status} within {within} of its start", self.cx.resource());
        let error = Error::remote(what).why(process::read_log(&self.log, started.log_from, LAST_WORDS));
        match status {
            Status::Code(0) => error.detail("exit_code", 0).fix("let the program stay in the foreground"),
            Status::Code(code) => error.detail("exit_code", code).fix(format!("see {}", shown(&self.log))),
            Status::Signal(number) => error.detail("signal", number).fix(format!("see {}", shown(&self.log))),
        }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
