//! The runtime API: commands as lines of text, refusals as lines of text too.

use serde::Deserialize as _;
use serde_json::Value;

use super::Table;
use super::servers::{self, Server};
use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::base::text::headline;
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::sys::exchange::{self, Address};

/// The statistics of a large installation take some megabytes.
const LARGEST: usize = 32 * 1024 * 1024;

/// The runtime API of one resource.
pub(super) struct Runtime {
    address: Address,
    name: String,
}

/// What is wrong with the settings.
pub(super) fn check(value: &Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    match is_path(&table.address) || is_port(&table.address) {
        true => Ok(()),
        false => Err(format!(
            "`address` is `{}`; write a path such as \"/run/haproxy/admin.sock\", or \"127.0.0.1:9999\"",
            table.address
        )),
    }
}

fn is_path(address: &str) -> bool {
    address.contains('/')
}

fn is_port(address: &str) -> bool {
    let port = |(host, port): (&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok();
    address.rsplit_once(':').is_some_and(port)
}

impl Runtime {
    /// The runtime API of the call's resource.
    pub(super) fn of(cx: &Cx) -> Result<Self> {
        let Table { address } = cx.settings()?;
        let address =
            if is_path(&address) { Address::Unix(cx.trusted_path(&address)) } else { Address::Tcp(address) };
        Ok(Self { address, name: cx.resource().to_string() })
    }

    /// Sends a line of commands and returns all that they answer.
    pub(super) async fn ask(&self, line: &str) -> Result<String> {
        let whom = format!("`{}`", self.name);
        let answer = exchange::ask(&self.address, format!("{line}\n").as_bytes(), LARGEST, &whom).await?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        // Once for each command of the line.
        let mut said = answer.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
        if said.peek().is_some() && said.all(|line| line == "Permission denied") {
            return Err(Error::remote(format!("`{}` lets this socket only look", self.name))
                .why("Permission denied")
                .fix("give the line `stats socket` in HAProxy's configuration `level admin`")
                .unchanged());
        }
        Ok(answer)
    }

    /// Sends commands that say nothing when all is well. HAProxy takes one after the other.
    pub(super) async fn order(&self, commands: &[String]) -> Result<()> {
        let answer = self.ask(&commands.join("; ")).await?;
        let said = headline(&answer, 300);
        if said.is_empty() {
            return Ok(());
        }
        let error = Error::remote(format!("`{}` refuses `{}`", self.name, commands.join("; "))).why(&said);
        // Of several, those before it were taken.
        let error = if commands.len() == 1 { error.unchanged() } else { error };
        Err(if said.contains("static LB algorithm") {
            error.fix("choose `balance roundrobin` or `leastconn` for that backend: weights cannot be changed otherwise")
        } else {
            error
        })
    }

    /// The servers of a backend.
    pub(super) async fn servers(&self, backend: &str) -> Result<Vec<Server>> {
        plain(backend, "backend")?;
        let answer = self.ask(&format!("show servers state {backend}")).await?;
        let servers = servers::read(&answer).map_err(|why| {
            Error::remote(format!("`{}` tells the state of its servers in a form not known here", self.name))
                .why(why)
        });
        if answer.contains("Can't find backend") || answer.contains("No such backend") {
            return Err(self.no_backend(backend, &answer).await);
        }
        let servers = servers?;
        if servers.is_empty() {
            return Err(Error::missing(format!("the backend `{backend}` of `{}` has no servers", self.name)));
        }
        Ok(servers)
    }

    async fn no_backend(&self, backend: &str, said: &str) -> Error {
        let all = self.ask("show backend").await.unwrap_or_default();
        let names = all.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Error::missing(format!("`{}` has no backend `{backend}`", self.name))
            .why(headline(said, 200))
            .fix(suggest::advice(backend, names))
            .unchanged()
    }
}

/// Asks for its version, and whether this socket may change anything.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let runtime = Runtime::of(&cx)?;
    let info = runtime.ask("show info").await?;
    let version = info.lines().find_map(|line| line.strip_prefix("Version: ")).unwrap_or_default();
    let health = Health::reached().version(format!("HAProxy {version}"));
    let level = runtime.ask("show cli level").await?;
    Ok(match level.trim() {
        "admin" => health.permitted(),
        level if cx.granted().is_read() => {
            health.permitted().fact(format!("this socket has the level {}", headline(level, 40)))
        }
        level => health.refused(
            Error::remote(format!("`{}` lets nobody change anything here", cx.resource()))
                .why(format!("this socket has the level {}", headline(level, 40)))
                .fix("give the `stats socket` of its configuration `level admin`, or lower `access`"),
        ),
    })
}

/// Refuses a name that HAProxy could not have, so that none ends a command and begins another.
pub(super) fn plain(name: &str, what: &str) -> Result<()> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
    if !name.is_empty() && name.chars().all(fits) {
        return Ok(());
    }
    Err(Error::usage(format!("`{name}` is no name of a {what}"))
        .fix("write it as HAProxy's configuration does: letters, digits, `-`, `_`, `.` and `:`")
        .unchanged())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_socket_is_a_path_or_a_host_with_a_port() {
        for good in ["/run/haproxy/admin.sock", "./admin.sock", "127.0.0.1:9999", "[::1]:9999"] {
            assert_eq!(check(&json!({ "address": good })), Ok(()), "{good}");
        }
        for wrong in ["admin", "localhost", ":9999", "host:port"] {
            assert!(check(&json!({ "address": wrong })).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_name_ends_a_command() {
        assert!(plain("app-1.green_2", "server").is_ok());
        for wrong in ["", "a b", "a;disable server x/y", "a\nb", "a/b"] {
            assert!(plain(wrong, "server").is_err(), "{wrong:?}");
        }
    }
}
