//! Child processes: started by argument list, in a group of their own, ended as a whole, their output bounded.

mod children;
mod detached;
mod group;
mod holder;
mod leader;
mod output;
mod running;
mod search;
mod table;
#[cfg(test)]
mod tests;

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use rustix::fs::{Access, access};
use tokio::io::AsyncRead;

pub use children::{Child, children};
pub use detached::{Detached, Identity, read_log, start_detached};
pub use group::end_all;
pub use holder::Holder;
pub use output::{Captured, LONGEST_LINE, Line, Listen, Output};
pub use running::{Ended, GRACE, Running, run, spawn};
pub use search::find_program;

use crate::base::error::{Error, Result};
use crate::base::secret::Revealed;

/// What to start: never a shell's text, always a program and its arguments one by one.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program's path; a bare name is looked for with [`find_program`] first.
    pub program: PathBuf,
    /// What it is given, one by one.
    pub arguments: Vec<String>,
    /// Its whole environment: nothing is inherited.
    pub variables: Vec<(String, Revealed)>,
    /// The folder it works in.
    pub folder: PathBuf,
}

/// What a child reads on its standard input.
pub enum Stdin {
    /// Nothing.
    Null,
    /// These bytes.
    Bytes(Vec<u8>),
    /// Whatever this gives, as fast as the child takes it.
    Stream(Box<dyn AsyncRead + Send + Unpin>),
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Status {
    fn of(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        status.code().map_or_else(|| Self::Signal(status.signal().unwrap_or(0)), Self::Code)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(number) => write!(f, "was killed by signal {number}{}", signal_name(*number)),
        }
    }
}

fn signal_name(number: i32) -> &'static str {
    match number {
        1 => " (HUP)",
        2 => " (INT)",
        3 => " (QUIT)",
        4 => " (ILL)",
        6 => " (ABRT)",
        8 => " (FPE)",
        9 => " (KILL)",
        11 => " (SEGV)",
        13 => " (PIPE)",
        14 => " (ALRM)",
        15 => " (TERM)",
        _ => "",
    }
}

impl Command {
    /// The command as the system takes it: clean environment, own group, nothing inherited.
    fn prepare(&self) -> Result<std::process::Command> {
        for (name, _) in &self.variables {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(Error::usage(format!("`{name}` is no name of an environment variable")));
            }
        }
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.folder).env_clear().process_group(0);
        command.envs(self.variables.iter().map(|(name, value)| (name, value.expose())));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    /// Refuses what surely cannot be started: the program may not be executed, or the folder is not there.
    pub fn judge(&self) -> Result<()> {
        let unfit = match access(&self.program, Access::EXEC_OK) {
            Err(why) => Some(why.into()),
            Ok(()) if self.folder.is_dir() => None,
            Ok(()) => Some(std::io::ErrorKind::NotFound.into()),
        };
        unfit.map_or(Ok(()), |why: std::io::Error| Err(self.not_started(&why).unchanged()))
    }

    /// Why it could not be started, in words.
    fn not_started(&self, why: &std::io::Error) -> Error {
        const NOT_FOR_THIS_MACHINE: i32 = 8;
        let program = self.program.display();
        if !self.folder.is_dir() {
            return Error::missing(format!(
                "`{program}` cannot be started: its folder {} is not there",
                self.folder.display()
            ))
            .fix("make that folder, or name another one");
        }
        let error = match why.kind() {
            std::io::ErrorKind::NotFound if self.program.exists() => {
                return Error::io(format!("`{program}` cannot be started"), why)
                    .fix("check the interpreter named in its `#!` line");
            }
            std::io::ErrorKind::NotFound => {
                return Error::missing(format!("there is no program `{program}`"));
            }
            _ => Error::io(format!("`{program}` cannot be started"), why),
        };
        match why.kind() {
            std::io::ErrorKind::PermissionDenied => {
                error.fix(format!("make it executable: chmod +x {program}"))
            }
            _ if why.raw_os_error() == Some(NOT_FOR_THIS_MACHINE) => {
                error.fix("begin it with a `#!` line, or build it for this machine")
            }
            _ => error,
        }
    }
}
