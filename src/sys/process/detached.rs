//! Processes that outlive this one: started into a log file, known again later by number and time of birth.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use serde::{Deserialize, Serialize};
use tokio::process::Child;

use super::table::{self, Entry};
use super::{Command, Status};
use crate::base::error::{Error, Result};
use crate::sys::clock;

/// How often it is asked whether a process that is no child of ours has ended.
const LOOK: Duration = Duration::from_millis(10);

/// How long a killed process may take to go.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// A process, told from a later one that was given the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its number, which is also that of its group.
    pub pid: i32,
    /// When it was born, in clock ticks since the machine's start; 0 where the system does not tell.
    pub born: u64,
}

/// A process that was just started and will outlive us.
#[derive(Debug)]
pub struct Detached {
    /// Which process it is.
    pub identity: Identity,
    /// How long its log was before it began; in bytes.
    pub log_from: u64,
    child: Child,
}

/// The shell that keeps a process from beginning before it was noted.
const SHELL: &str = "/bin/sh";
/// What it runs: when we die before our word comes, its input ends, and nothing begins.
const WAIT: &str = "read -r go && exec \"$0\" \"$@\" </dev/null";

/// Starts a process that outlives this one: in a group of its own, without input, both outputs appended to `log`,
/// which only its owner may read. It begins only once `note` has noted which process it is, so that there is never one
/// that nobody knows of, whenever this process dies.
pub fn start_detached(
    command: &Command,
    log: &Path,
    note: impl FnOnce(Identity) -> Result<()>,
) -> Result<Detached> {
    let failed = |why: std::io::Error| Error::io(format!("cannot write the log {}", log.display()), &why);
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(log).map_err(failed)?;
    let log_from = file.metadata().map_err(failed)?.len();
    command.judge()?;
    let waits = Path::new(SHELL).exists();
    let mut prepared = if waits { behind_shell(command) } else { command.clone() }.prepare()?;
    prepared.stdout(file.try_clone().map_err(failed)?).stderr(file);
    if waits {
        prepared.stdin(Stdio::piped());
    }
    let mut child = tokio::process::Command::from(prepared)
        .spawn()
        .map_err(|why| command.not_started(&why).unchanged())?;
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .ok_or_else(|| Error::bug("a new process has no number"))?;
    let identity = Identity { pid, born: Entry::of(pid).map_or(0, |entry| entry.born) };
    if let Err(why) = note(identity).and_then(|()| release(&mut child)) {
        identity.kill();
        return Err(why);
    }
    Ok(Detached { identity, log_from, child })
}

fn behind_shell(command: &Command) -> Command {
    let program = command.program.display().to_string();
    let before = ["-c".to_owned(), WAIT.to_owned(), program];
    let arguments = before.into_iter().chain(command.arguments.iter().cloned()).collect();
    Command { program: SHELL.into(), arguments, ..command.clone() }
}

/// Lets a process begin that waits for our word.
fn release(child: &mut Child) -> Result<()> {
    let Some(stdin) = child.stdin.take() else { return Ok(()) };
    let written = stdin.into_owned_fd().and_then(|pipe| File::from(pipe).write_all(b"go\n"));
    written.map_err(|why| Error::io("a new process could not be told to begin", &why))
}

impl Detached {
    /// Waits at most `within` for it to end; `None` when it still runs.
    pub async fn ends_within(&mut self, within: Duration) -> Option<Status> {
        let status = tokio::time::timeout(within, self.child.wait()).await.ok()?;
        self.identity.signal(Signal::KILL);
        Some(status.map_or(Status::Code(-1), Status::of))
    }
}

impl Identity {
    /// Whether it runs; one that has ended and was not yet buried does not.
    #[must_use]
    pub fn is_alive(self) -> bool {
        if self.group().is_none() {
            return false;
        }
        if cfg!(target_os = "linux") {
            Entry::of(self.pid).is_some_and(|entry| entry.born == self.born && entry.runs())
        } else {
            Pid::from_raw(self.pid).is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
        }
    }

    /// Whether anything is left of it or of its group: what it started may hold its ports a little longer than it does.
    fn is_left(self) -> bool {
        if self.is_alive() {
            return true;
        }
        let Some(group) = self.group() else { return false };
        if !cfg!(target_os = "linux") || test_kill_process_group(group) == Err(Errno::SRCH) {
            return false;
        }
        // While anything of the group is left, no other process is given its number.
        let is_taken = Entry::of(self.pid).is_some_and(|entry| entry.born != self.born);
        !is_taken && table::all().any(|(_, entry)| entry.group == self.pid && entry.runs())
    }

    /// Whether the process itself has gone and something that it started goes on: known by its group, and by the log at `log`,
    /// which no stranger writes to that was given the same number.
    #[must_use]
    pub fn is_survived(self, log: &Path) -> bool {
        let writes = |pid: i32| {
            [1, 2].iter().any(|output| {
                std::fs::read_link(format!("/proc/{pid}/fd/{output}")).is_ok_and(|file| file == log)
            })
        };
        let is_of_it = |(pid, entry): (i32, Entry)| entry.group == self.pid && entry.runs() && writes(pid);
        !self.is_alive() && self.is_left() && table::all().any(is_of_it)
    }

    /// Asks its group to end, waits at most `within` until all of it has, kills what is left. An error when that lives
    /// even then. The process must be alive, or survived.
    pub async fn end(self, within: Duration) -> Result<()> {
        if !self.is_left() {
            return Ok(());
        }
        self.signal(Signal::TERM);
        let ended = self.is_gone_within(within).await;
        self.signal(Signal::KILL);
        if ended || self.is_gone_within(LAST_WAIT).await {
            return Ok(());
        }
        Err(Error::remote(format!("the process {} does not end, even killed", self.pid))
            .fix(format!("look at it with `ps -o pid,user,stat,wchan,args -p {}`", self.pid)))
    }

    /// Kills its group.
    pub fn kill(self) {
        self.signal(Signal::KILL);
    }

    async fn is_gone_within(self, within: Duration) -> bool {
        let begin = clock::instant();
        while self.is_left() {
            if begin.elapsed() >= within {
                return false;
            }
            clock::pause(LOOK).await;
        }
        true
    }

    fn signal(self, signal: Signal) {
        if let Some(group) = self.group() {
            let _ = kill_process_group(group, signal);
        }
    }

    /// The group's number. It comes from a file, and 1 or less would mean every process of the machine.
    fn group(self) -> Option<Pid> {
        (self.pid > 1).then(|| Pid::from_raw(self.pid)).flatten()
    }
}

/// What a log holds beyond `from`, at most the last `most` bytes of it; from the beginning of a line on. A log that cannot be read says nothing.
#[must_use]
pub fn read_log(log: &Path, from: u64, most: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let size = file.metadata()?.len();
        let start = from.max(size.saturating_sub(most)).min(size);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let torn = start > from;
        Ok(if torn {
            text.split_once('\n').map_or_else(String::new, |(_, whole)| whole.to_owned())
        } else {
            text.into_owned()
        })
    };
    read().unwrap_or_default()
}
