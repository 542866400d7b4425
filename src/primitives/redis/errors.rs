//! Errors of the server as errors of ours: its own words, its code, and what to do about it.

use redis::{RedisError, ServerError};

use super::address::Address;
use crate::base::error::{Error, Kind};
use crate::base::text;

/// What an error is about: the resource, and the node that was spoken to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    /// The resource.
    pub(super) named: &'a str,
    /// The node.
    pub(super) address: &'a Address,
}

/// The server's own words: `WRONGTYPE Operation against a key holding the wrong kind of value`.
pub(super) fn words(why: &ServerError) -> String {
    format!("{} {}", why.code(), why.details().unwrap_or_default()).trim_end().to_owned()
}

/// The server refused a command, so nothing of it was done. `what` is the command in words: "SET of `key`".
pub(super) fn refused(scene: Scene<'_>, what: &str, why: &ServerError) -> Error {
    let error = Error::remote(format!("`{}` refused {what}", scene.named))
        .why(words(why))
        .detail("code", why.code())
        .detail("node", scene.address.to_string())
        .unchanged();
    match fix(why.code(), why.details().unwrap_or_default()) {
        Some(fix) => error.fix(fix),
        None => error,
    }
}

/// The server did not let anybody in.
pub(super) fn no_entry(scene: Scene<'_>, user: Option<&str>, why: &ServerError) -> Error {
    let what = match (why.code(), user) {
        ("WRONGPASS", Some(user)) => format!("`{}` refused the password of `{user}`", scene.named),
        ("WRONGPASS", None) => format!("`{}` refused the password", scene.named),
        _ => format!("`{}` at {} refused the connection", scene.named, scene.address),
    };
    let mut error = refused(scene, "the connection", why);
    error.what = what;
    error
}

/// What the reader can do about a server whose memory is full.
pub(super) const ROOM: &str =
    "remove what is not needed any more, raise maxmemory, or choose a maxmemory-policy that evicts";

/// What the reader can do about a refusal.
fn fix(code: &str, details: &str) -> Option<&'static str> {
    Some(match code {
        "WRONGTYPE" => "use another key: this one holds another kind of value, such as a list or a hash",
        "NOAUTH" => {
            "set `password = \"env:NAME\"` in its table of playbook.toml, and `user` where it has more than one"
        }
        "WRONGPASS" => "correct `user`, or the value that `password` refers to",
        "NOPERM" => "let the user do it, with ACL SETUSER on the server, or connect as another `user`",
        "READONLY" => "it is a replica: name the master as `host`, or let `sentinel` find it",
        "OOM" => ROOM,
        "LOADING" => "wait until the server has loaded its data, for example with `retry`",
        "CLUSTERDOWN" => "look at CLUSTER INFO on a node: a master is down, or slots belong to nobody",
        "MOVED" => {
            "it is a node of a cluster: list its nodes as `cluster = [\"host:port\"]` instead of `host`"
        }
        "MASTERDOWN" => "wait until the replica has found its master again, or connect to the master",
        "NOREPLICAS" => "look at the replicas: the server takes no changes with so few of them",
        "MISCONF" => {
            "look into the server's log: it cannot save its data to the disk, and takes no changes until it can"
        }
        "BUSY" => "wait until the script that the server runs has ended, or end it with SCRIPT KILL",
        "DENIED" => "give the server a password and set it here, or turn its protected-mode off",
        "TRYAGAIN" => "try again when the slots have been moved, for example with `retry`",
        "ERR" if details.contains("max number of clients") => {
            "close connections, or raise the server's maxclients"
        }
        "ERR" if details.contains("cluster support disabled") => {
            "it is no node of a cluster: name it as `host` and `port` instead of `cluster`"
        }
        "ERR" if details.contains("DB index is out of range") => {
            "correct `database`, or raise the server's `databases`"
        }
        "ERR" if details.contains("without any password configured") => {
            "take `password` out: the server wants none"
        }
        "ERR" if details.contains("unknown command") => {
            "use a server that has this command (Redis 4.0 and later), or let it be called by its own name"
        }
        _ => return None,
    })
}

/// The node could not be reached, or what was there spoke something else.
pub(super) fn unreachable(scene: Scene<'_>, is_encrypted: bool, why: &RedisError) -> Error {
    let said = why.to_string();
    let error = Error::remote(format!("`{}` cannot be reached at {}", scene.named, scene.address)).why(&said);
    let error = if why.is_connection_refusal() {
        error.fix("start the server, or correct `host` and `port`")
    } else if said.contains("certificate") {
        error.fix("name the authority that signed the server's certificate with `ca`, and the server as its certificate does")
    } else if is_encrypted
        && (said.contains("corrupt message") || said.contains("eof") || why.is_connection_dropped())
    {
        error.fix("set `tls = false` if the server does not encrypt; give `certificate` and `key` if it asks for one")
    } else if why.is_connection_dropped() {
        error.fix("look into the server's log: it closed the connection. It may want encryption (`tls = true`), be full (maxclients), or let nobody in from here (protected-mode)")
    } else {
        error.fix("check `host` and `port`, and whether this machine may reach that server")
    };
    error.unchanged()
}

/// Nothing was heard of the node for as long as connecting may take.
pub(super) fn silent(scene: Scene<'_>, is_encrypted: bool, waited: std::time::Duration) -> Error {
    // A server that does not encrypt waits for the end of a line that never comes.
    let fix = match is_encrypted {
        true => {
            "set `tls = false` if the server does not encrypt; else see whether it is stuck or a firewall drops the packets"
        }
        false => {
            "see whether the server is stuck or a firewall drops the packets; `connect_timeout` sets how long to wait"
        }
    };
    Error::timeout(format!("`{}` cannot be reached at {}", scene.named, scene.address))
        .why(format!("the server did not answer within {}", text::show_duration(waited)))
        .fix(fix)
        .unchanged()
}

/// The connection broke in the middle. `wrote`: what was asked may have taken effect all the same.
pub(super) fn lost(scene: Scene<'_>, what: &str, why: &RedisError, wrote: bool) -> Error {
    let gone = format!("`{}` went away during {what}", scene.named);
    let (error, fix) = match wrote {
        true => (
            Error::new(Kind::InDoubt, gone).why(format!("{why}; it is not known whether it took effect")),
            "look at the key before running it again",
        ),
        false => {
            (Error::remote(gone).why(why.to_string()), "see whether the server is up, then run it again")
        }
    };
    error.detail("node", scene.address.to_string()).fix(fix)
}

/// The server answered what this command does not answer.
pub(super) fn strange(named: &str, what: &str, answer: &redis::Value) -> Error {
    Error::remote(format!("`{named}` gave a strange answer to {what}"))
        .why(text::headline(&format!("{answer:?}"), 200))
        .fix("see whether it is a Redis server, and whether something between changes its answers")
}
