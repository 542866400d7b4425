//! The servers of a backend as `show servers state` tells them, and whether anybody would serve.

use serde_json::{Value, json};

use super::runtime::Runtime;
use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::effect::cx::Cx;
use crate::effect::traffic::{self, Weights};

/// Set by a person or by the configuration: the bits of `srv_admin_state` for maintenance, and for drain.
const MAINTENANCE: u32 = 0x01 | 0x02 | 0x04 | 0x20 | 0x40;
const DRAIN: u32 = 0x08 | 0x10;

/// The part that a server was told to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It takes its share.
    Ready,
    /// It keeps what it has and gets nothing new.
    Drain,
    /// It gets nothing, and is not checked.
    Maintenance,
}

impl Part {
    /// The word in scripts.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Drain => "drain",
            Self::Maintenance => "maintenance",
        }
    }

    /// The word of the runtime API.
    pub(super) const fn command(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Drain => "drain",
            Self::Maintenance => "maint",
        }
    }
}

/// One server of a backend.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) part: Part,
    /// Whether it is up as far as HAProxy knows; one that is not checked counts as up.
    pub(super) is_up: bool,
    pub(super) weight: u32,
    initial: u32,
    address: String,
}

impl Server {
    /// Whether it would get a request.
    pub(super) const fn serves(&self) -> bool {
        matches!(self.part, Part::Ready) && self.is_up && self.weight > 0
    }

    /// As a script sees it.
    pub(super) fn told(&self) -> Value {
        json!({
            "state": self.part.word(),
            "up": self.is_up,
            "serves": self.serves(),
            "weight": self.weight,
            "initial_weight": self.initial,
            "address": self.address,
        })
    }

    fn shown(&self) -> String {
        let up = if self.is_up { "" } else { ", down" };
        format!("{} has the weight {} and is {}{up}", self.name, self.weight, self.part.word())
    }
}

/// Reads the answer to `show servers state`: the columns stand in its second line.
pub(super) fn read(answer: &str) -> Result<Vec<Server>, String> {
    let mut lines = answer.lines().filter(|line| !line.trim().is_empty()).skip(1);
    let Some(head) = lines.next().and_then(|line| line.strip_prefix('#')) else {
        return Err(answer.lines().next().unwrap_or_default().to_owned());
    };
    let columns: Vec<&str> = head.split_whitespace().collect();
    let column = |name: &str| {
        columns.iter().position(|have| *have == name).ok_or_else(|| format!("there is no column {name}"))
    };
    let [name, up, admin, weight, initial] =
        ["srv_name", "srv_op_state", "srv_admin_state", "srv_uweight", "srv_iweight"].map(column);
    let (address, port) = (column("srv_addr")?, column("srv_port")?);
    let (name, up, admin, weight, initial) = (name?, up?, admin?, weight?, initial?);
    let mut servers = Vec::new();
    for line in lines {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let text = |at: usize| fields.get(at).copied().ok_or_else(|| format!("this line is short: {line}"));
        let number = |at: usize| text(at)?.parse::<u32>().map_err(|_| format!("no number in: {line}"));
        let admin = number(admin)?;
        servers.push(Server {
            name: text(name)?.to_owned(),
            part: match admin {
                bits if bits & MAINTENANCE != 0 => Part::Maintenance,
                bits if bits & DRAIN != 0 => Part::Drain,
                _ => Part::Ready,
            },
            is_up: matches!(number(up)?, 1 | 2),
            weight: number(weight)?,
            initial: number(initial)?,
            address: format!("{}:{}", text(address)?, text(port)?),
        });
    }
    Ok(servers)
}

/// The weights of servers.
pub(super) fn weights(servers: &[Server]) -> Weights {
    servers.iter().map(|server| (server.name.clone(), server.weight)).collect()
}

/// A backend with its servers, as a change finds it.
pub(super) struct Backend {
    pub(super) runtime: Runtime,
    pub(super) name: String,
    pub(super) servers: Vec<Server>,
}

impl Backend {
    /// Reads it.
    pub(super) async fn read(cx: &Cx, name: &str) -> Result<Self> {
        let runtime = Runtime::of(cx)?;
        let servers = runtime.servers(name).await?;
        Ok(Self { runtime, name: name.to_owned(), servers })
    }

    /// The server of that name.
    pub(super) fn server(&self, cx: &Cx, name: &str) -> Result<&Server> {
        self.servers.iter().find(|server| server.name == name).ok_or_else(|| {
            let names = self.servers.iter().map(|server| server.name.as_str());
            Error::missing(format!(
                "the backend `{}` of `{}` has no server `{name}`",
                self.name,
                cx.resource()
            ))
            .fix(suggest::advice(name, names))
            .unchanged()
        })
    }

    /// Whether anybody serves now.
    pub(super) fn is_served(&self) -> bool {
        self.servers.iter().any(Server::serves)
    }

    /// Refuses a change after which nobody would serve: every request would be answered with 503.
    pub(super) fn keep_served(&self, cx: &Cx, change: impl Fn(&mut Server)) -> Result<()> {
        let mut after = self.servers.clone();
        after.iter_mut().for_each(change);
        if after.iter().any(Server::serves) {
            return Ok(());
        }
        let after: Vec<String> = after.iter().map(Server::shown).collect();
        let why = format!("every request would be answered with 503, since {}", after.join("; "));
        Err(traffic::nobody_left(cx.resource(), &self.name, &why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
         srv_time_since_last_change srv_port\n3 app 1 blue 127.0.0.1 2 0 50 100 3 28201\n\
         3 app 2 green 127.0.0.1 0 8 10 0 0 28202\n3 app 3 old 10.0.0.1 2 1 1 1 0 80\n\n";

    #[test]
    fn servers_are_read_by_the_names_of_their_columns() {
        let servers = read(ANSWER).unwrap();
        let told: Vec<_> = servers.iter().map(|one| (one.part.word(), one.is_up, one.serves())).collect();
        assert_eq!(told, [("ready", true, true), ("drain", false, false), ("maintenance", true, false)]);
        assert_eq!(servers[0].address, "127.0.0.1:28201");
        assert_eq!(traffic::told(&weights(&servers)), "blue 50, green 10, old 1");
    }

    #[test]
    fn another_form_is_said_to_be_one() {
        assert!(read("Can't find backend.\n\n").unwrap_err().contains("Can't find"));
        assert!(read("2\n# name state\nx y\n").unwrap_err().contains("srv_"));
    }
}
