//! Starts this program again as a process of its own group, which a signal from the terminal does not reach by itself.

use std::ffi::OsString;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal};

use crate::base::error::{Error, Result};

/// This program once more.
#[derive(Debug)]
pub struct Again {
    child: Child,
}

impl Again {
    /// Starts it in `folder` with these arguments; it shares the terminal and reads nothing.
    pub fn start(arguments: &[OsString], folder: &Path) -> Result<Self> {
        let program =
            std::env::current_exe().map_err(|why| Error::io("this program cannot find itself", &why))?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).stdin(Stdio::null()).process_group(0);
        let child = command.spawn().map_err(|why| Error::io("this program cannot be started again", &why))?;
        Ok(Self { child })
    }

    /// Its exit code once it has ended.
    pub fn ended(&mut self) -> Option<u8> {
        let status = self.child.try_wait().ok()??;
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        Some(u8::try_from(code).unwrap_or(u8::MAX))
    }

    /// Presses Ctrl-C for it.
    pub fn interrupt(&self) {
        let _ = rustix::process::kill_process(Pid::from_child(&self.child), Signal::INT);
    }
}

/// What a process has printed, and its exit code.
#[derive(Clone, Debug)]
pub struct Printed {
    /// Its exit code; 128 + n for signal n.
    pub code: u8,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Runs this program once more in `folder` to its end, with one more variable.
pub fn run(arguments: &[OsString], folder: &Path, variable: Option<(&str, &str)>) -> Result<Printed> {
    let program =
        std::env::current_exe().map_err(|why| Error::io("this program cannot find itself", &why))?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env_remove("PLAYBOOK_ENV");
    command.envs(variable);
    let output = command.output().map_err(|why| Error::io("this program cannot be started again", &why))?;
    let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Printed {
        code: u8::try_from(code).unwrap_or(u8::MAX),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    })
}
