//! What all calls on one Redis share: its nodes, how they were found, and the connections that lie idle.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use redis::cmd;

use super::address::Address;
use super::cluster::{self, Slots};
use super::discover;
use super::node::Node;
use super::settings::{Reach, Table, Target};
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;

/// So many connections to one node lie idle at most.
const IDLE: usize = 4;

/// What all calls on one Redis share.
#[derive(Debug)]
pub(super) struct Door {
    /// The settings.
    pub(super) target: Target,
    named: String,
    idle: Mutex<HashMap<Address, Vec<Node>>>,
    /// Which master has which slots, as far as is known; a node that knows better says so.
    slots: Mutex<Option<Arc<Slots>>>,
    /// The master that the sentinels named last.
    master: Mutex<Option<Address>>,
}

impl Door {
    /// The door of the call's resource, made at the first call.
    pub(super) async fn of(cx: &Cx) -> Result<Arc<Self>> {
        cx.shared(async {
            let target = cx.settings::<Table>()?.resolve(cx).await?;
            let named = cx.resource().to_string();
            Ok(Self {
                target,
                named,
                idle: Mutex::default(),
                slots: Mutex::default(),
                master: Mutex::default(),
            })
        })
        .await
    }

    /// Whether there are several masters, each with some of the keys.
    pub(super) const fn is_cluster(&self) -> bool {
        matches!(self.target.reach, Reach::Cluster(_))
    }

    /// The node that has the key.
    pub(super) async fn home(&self, key: &[u8]) -> Result<Address> {
        match &self.target.reach {
            Reach::One(address) => Ok(address.clone()),
            Reach::Sentinel { .. } => self.master().await,
            Reach::Cluster(_) => {
                let slot = cluster::slot(key);
                self.slots().await?.owner(slot).cloned().ok_or_else(|| {
                    Error::remote(format!("no node of `{}` has the slot {slot}", self.named))
                        .fix("look at CLUSTER INFO on a node: the cluster is not whole")
                })
            }
        }
    }

    /// Every master: together they have all keys.
    pub(super) async fn masters(&self) -> Result<Vec<Address>> {
        if !self.is_cluster() {
            return Ok(vec![self.home(b"").await?]);
        }
        let slots = self.slots().await?;
        match slots.uncovered() {
            0 => Ok(slots.masters()),
            lost => Err(Error::remote(format!("{lost} slots of `{}` belong to no node", self.named))
                .fix("look at CLUSTER INFO on a node: the cluster is not whole")),
        }
    }

    /// A connection to a node: an idle one that still answers, or a new one.
    pub(super) async fn node(&self, address: &Address) -> Result<Node> {
        while let Some(mut node) = self.take_idle(address) {
            // Whatever it answers, it is alive. It is asked before a change, which could not be sent twice.
            if node.ask(&cmd("PING")).await.is_ok() {
                return Ok(node);
            }
        }
        self.new_node(address).await
    }

    /// A new connection to a node.
    pub(super) async fn new_node(&self, address: &Address) -> Result<Node> {
        let node = Node::connect(&self.target, &self.named, address, &self.target.login).await;
        if node.is_err() {
            self.forget();
        }
        node
    }

    /// Takes a connection back for the next call.
    pub(super) fn give_back(&self, node: Node) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let nodes = idle.entry(node.address.clone()).or_default();
        if nodes.len() < IDLE {
            nodes.push(node);
        }
    }

    fn take_idle(&self, address: &Address) -> Option<Node> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).get_mut(address)?.pop()
    }

    /// Forgets who has what: somebody said that it has changed.
    pub(super) fn forget(&self) {
        *self.slots.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.master.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn slots(&self) -> Result<Arc<Slots>> {
        let known = self.slots.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(slots) = known {
            return Ok(slots);
        }
        let Reach::Cluster(seeds) = &self.target.reach else {
            return Err(Error::bug("slots were asked of what is no cluster"));
        };
        let slots = Arc::new(discover::slots(&self.target, &self.named, seeds).await?);
        *self.slots.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&slots));
        Ok(slots)
    }

    async fn master(&self) -> Result<Address> {
        let known = self.master.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(address) = known {
            return Ok(address);
        }
        let address = discover::master(&self.target, &self.named).await?;
        *self.master.lock().unwrap_or_else(PoisonError::into_inner) = Some(address.clone());
        Ok(address)
    }
}
