//! What this process was started with: variables, folder, person, host.

use std::path::PathBuf;

use crate::base::error::{Error, Result};

/// The value of an environment variable; `None` when it is not set or is no UTF-8.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The folder the command was started in.
pub fn current_folder() -> Result<PathBuf> {
    std::env::current_dir().map_err(|why| Error::io("the current folder cannot be read", &why))
}

/// Who runs this, as `login@host`.
#[must_use]
pub fn person() -> String {
    let login = ["PLAYBOOK_PERSON", "SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(variable)
        .unwrap_or_else(|| format!("uid{}", rustix::process::getuid().as_raw()));
    if login.contains('@') { login } else { format!("{login}@{}", host()) }
}

/// The name of this machine.
#[must_use]
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Every environment variable that is UTF-8: for a process of our own that goes on as this one would.
#[must_use]
pub fn variables() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

/// The program that runs.
pub fn program() -> Result<PathBuf> {
    std::env::current_exe().map_err(|why| Error::io("the program's own file cannot be found", &why))
}

/// How much memory this process has in use, in bytes, where the system tells.
#[must_use]
pub fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
