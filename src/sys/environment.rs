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
        .find_map(|name| variable(name).filter(|value| !value.is_empty()))
        .unwrap_or_else(account);
    if login.contains('@') { login } else { format!("{login}@{}", host()) }
}

/// The account that this process belongs to: a timer or a service manager sets no variable that names it.
fn account() -> String {
    let id = rustix::process::getuid().as_raw();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    login_of(id, &accounts).map_or_else(|| format!("uid{id}"), str::to_owned)
}

/// The login of a user id among `accounts`, which are written as in `/etc/passwd`.
fn login_of(id: u32, accounts: &str) -> Option<&str> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let login = fields.next().filter(|login| !login.is_empty())?;
        (fields.nth(1)?.parse() == Ok(id)).then_some(login)
    })
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

#[cfg(test)]
mod tests {
    use super::login_of;

    #[test]
    fn an_account_is_named_by_its_login() {
        let accounts = "root:x:0:0:root:/root:/bin/bash\n# a line of another kind\n:x:7:7::/:\nada:x:1000:0::/home/ada:/bin/sh\n";
        assert_eq!((login_of(0, accounts), login_of(1000, accounts)), (Some("root"), Some("ada")));
        assert_eq!((login_of(7, accounts), login_of(100, accounts)), (None, None));
    }
}
