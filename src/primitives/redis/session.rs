//! One call's way to the nodes: to the one that has a key, wherever it was moved to, or to every master.

use std::future::Future;
use std::sync::Arc;

use redis::{Cmd, Pipeline, ServerError, Value, cmd};

use super::address::Address;
use super::cluster::{self, Redirect};
use super::door::Door;
use super::errors::{self, Scene};
use super::node::Node;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;

/// So often a command is sent on by nodes that know better.
const REDIRECTS: usize = 5;

/// One call's way to the nodes.
pub(super) struct Session {
    /// The call.
    pub(super) cx: Cx,
    /// What all calls share.
    pub(super) door: Arc<Door>,
    /// The resource, for errors.
    pub(super) named: String,
}

/// A command, and what it is called in errors.
pub(super) struct Command<'a> {
    /// As it is sent.
    pub(super) sent: Cmd,
    /// In words: "SET of `key`".
    pub(super) what: &'a str,
    /// Whether it changes something, so that a lost connection leaves a doubt.
    pub(super) writes: bool,
}

impl Session {
    /// Begins a call. What it waits for ends with the call's stop, and says whether anything was sent by then.
    pub(super) async fn open(cx: &Cx) -> Result<Self> {
        cx.close_gracefully();
        let door = Door::of(cx).await.map_err(Error::unchanged)?;
        Ok(Self { cx: cx.clone(), door, named: cx.resource().to_string() })
    }

    /// Asks the node that has `key`. A lost connection is an error like others.
    pub(super) async fn ask(&self, key: &str, sent: Cmd) -> Result<Value> {
        let what = in_words(&sent, key);
        self.routed(key.as_bytes(), Command { sent, what: &what, writes: false }).await
    }

    /// Changes something on the node that has `key`. A connection lost after it was sent leaves it in doubt.
    pub(super) async fn change(&self, key: &str, sent: Cmd) -> Result<Value> {
        let what = in_words(&sent, key);
        self.routed(key.as_bytes(), Command { sent, what: &what, writes: true }).await
    }

    /// Sends a command to the node that has `key`, and on to where that node says. A refusal means that it was not
    /// carried out, so it may be sent again to another node; after a lost connection nobody knows, so it is not.
    pub(super) async fn routed(&self, key: &[u8], command: Command<'_>) -> Result<Value> {
        let (mut address, mut asking) = (self.unsent(self.door.home(key)).await?, false);
        for _ in 0..=REDIRECTS {
            let mut node = self.unsent(self.door.node(&address)).await?;
            let answer = self.one(&mut node, &command, asking).await?;
            self.door.give_back(node);
            let Value::ServerError(why) = answer else { return Ok(answer) };
            match self.elsewhere(key, &why, &address).await? {
                Some((to, asks)) => (address, asking) = (to, asks),
                None => return Err(errors::refused(self.scene(&address), command.what, &why)),
            }
        }
        Err(Error::remote(format!("the nodes of `{}` send {} to each other", self.named, command.what))
            .fix("wait until the cluster has moved its slots, then run it again")
            .unchanged())
    }

    /// Connections to every master, one each.
    pub(super) async fn masters(&self) -> Result<Vec<Node>> {
        let addresses = self.unsent(self.door.masters()).await?;
        let nodes = addresses.iter().map(|address| self.unsent(self.door.node(address)));
        futures::future::try_join_all(nodes).await
    }

    /// New connections to every master, one each, that live with the work that opens them.
    pub(super) async fn new_to_masters(&self) -> Result<Vec<Node>> {
        let addresses = self.unsent(self.door.masters()).await?;
        let nodes = addresses.iter().map(|address| self.unsent(self.door.new_node(address)));
        futures::future::try_join_all(nodes).await
    }

    /// Sends commands to one node in one go; refusals are among the answers.
    pub(super) async fn all(
        &self,
        node: &mut Node,
        commands: &Pipeline,
        what: &str,
        writes: bool,
    ) -> Result<Vec<Value>> {
        let address = node.address.clone();
        let answers = self.until_stopped(node.ask_all(commands)).await?;
        answers.map_err(|why| errors::lost(self.scene(&address), what, &why, writes))
    }

    /// Sends one command to one node, which is to carry it out itself.
    pub(super) async fn direct(&self, node: &mut Node, sent: &Cmd, what: &str) -> Result<Value> {
        let address = node.address.clone();
        let answer = self.until_stopped(node.ask(sent)).await?;
        match answer.map_err(|why| errors::lost(self.scene(&address), what, &why, false))? {
            Value::ServerError(why) => Err(errors::refused(self.scene(&address), what, &why)),
            answer => Ok(answer),
        }
    }

    /// What an error is about.
    pub(super) fn scene<'s>(&'s self, address: &'s Address) -> Scene<'s> {
        Scene { named: &self.named, address }
    }

    async fn one(&self, node: &mut Node, command: &Command<'_>, asking: bool) -> Result<Value> {
        if !asking {
            let address = node.address.clone();
            let answer = self.until_stopped(node.ask(&command.sent)).await?;
            return answer
                .map_err(|why| errors::lost(self.scene(&address), command.what, &why, command.writes));
        }
        let mut both = Pipeline::new();
        both.cmd("ASKING").add_command(command.sent.clone());
        let answers = self.all(node, &both, command.what, command.writes).await?;
        Ok(answers.into_iter().next_back().unwrap_or_default())
    }

    /// Where a refused command belongs instead, and whether it must be asked for there; `None` when it was refused for good.
    async fn elsewhere(
        &self,
        key: &[u8],
        why: &ServerError,
        from: &Address,
    ) -> Result<Option<(Address, bool)>> {
        if self.door.is_cluster() {
            return Ok(match cluster::redirect(why, from) {
                Some(Redirect::Moved(to)) => {
                    self.door.forget();
                    Some((to, false))
                }
                Some(Redirect::Ask(to)) => Some((to, true)),
                None => None,
            });
        }
        if why.code() != "READONLY" {
            return Ok(None);
        }
        // The master may have changed since the sentinels were asked.
        self.door.forget();
        let now = self.unsent(self.door.home(key)).await?;
        Ok((now != *from).then_some((now, false)))
    }

    /// Waits for what precedes the sending of a command: whatever ends it, nothing was changed.
    async fn unsent<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let done = self
            .until_stopped(work)
            .await
            .map_err(|stopped| stopped.why("it was still connecting to the server"));
        done.and_then(|result| result).map_err(Error::unchanged)
    }

    /// Waits for `work`, but not beyond the stop of the call.
    async fn until_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.cx.stop().given() => {
                Err(self.cx.stop().reason().unwrap_or_else(|| Error::cancelled("stopped")))
            }
        }
    }
}

/// A command on `key`.
pub(super) fn on(name: &str, key: &str) -> Cmd {
    let mut command = cmd(name);
    command.arg(key);
    command
}

/// A command as errors name it: "SET of `key`".
fn in_words(sent: &Cmd, key: &str) -> String {
    let name = match sent.args_iter().next() {
        Some(redis::Arg::Simple(name)) => String::from_utf8_lossy(name).into_owned(),
        _ => String::new(),
    };
    match key.is_empty() {
        true => name,
        false => format!("{name} of `{}`", crate::base::text::headline(key, 80)),
    }
}
