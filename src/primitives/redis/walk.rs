//! A walk over the keys of one node that match a pattern, turn by turn; what was found may be removed on the way.

use std::sync::Arc;

use redis::{Pipeline, Value, cmd};

use super::answers;
use super::errors;
use super::node::Node;
use super::pace::Pace;
use super::session::{Command, Session};
use crate::base::error::{Error, Result};

/// A walk over the keys of one node.
pub(super) struct Walk {
    session: Arc<Session>,
    node: Node,
    pattern: String,
    pace: Pace,
    /// Where the next turn begins; `None` when all keys were seen.
    cursor: Option<Vec<u8>>,
    /// How many keys were removed so far.
    pub(super) removed: u64,
}

/// What one turn did.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// The keys that were found.
    pub(super) found: Vec<Vec<u8>>,
    /// About how many keys were looked at.
    pub(super) looked: u64,
}

impl Walk {
    /// A walk over the keys of `node`, at most `most` of them in one turn.
    pub(super) fn new(session: &Arc<Session>, node: Node, pattern: &str, most: usize) -> Self {
        let (session, pattern) = (Arc::clone(session), pattern.to_owned());
        Self { session, node, pattern, pace: Pace::new(most), cursor: Some(b"0".to_vec()), removed: 0 }
    }

    /// Whether all keys were seen.
    pub(super) const fn is_over(&self) -> bool {
        self.cursor.is_none()
    }

    /// How many keys the node has.
    pub(super) async fn size(&mut self) -> Result<u64> {
        let answer = self.session.direct(&mut self.node, &cmd("DBSIZE"), "DBSIZE").await?;
        answers::count(&self.session.named, "DBSIZE", &answer)
    }

    /// How many keys a turn may remove, so that it is no longer than others.
    pub(super) const fn share(&self) -> usize {
        self.pace.count()
    }

    /// Removes `keys`, and looks at the next ones when `looks`, in one go. What fails has changed nothing, unless it was
    /// removing.
    pub(super) async fn turn(&mut self, keys: &[Vec<u8>], looks: bool) -> Result<Turn> {
        self.measure().await.map_err(Error::unchanged)?;
        let count = self.pace.count();
        let mut commands = self.removals(keys);
        let cursor = self.cursor.as_ref().filter(|_| looks);
        if let Some(cursor) = cursor {
            commands.cmd("SCAN").arg(cursor).arg("MATCH").arg(&self.pattern).arg("COUNT").arg(count);
        }
        let (scans, writes) = (cursor.is_some(), !keys.is_empty());
        let what = if writes { "UNLINK" } else { "SCAN" };
        let begin = self.session.cx.instant();
        let answers = self.session.all(&mut self.node, &commands, what, writes).await;
        let mut answers = answers.map_err(|error| if writes { error } else { error.unchanged() })?;
        self.pace.learn(begin.elapsed());
        let mut turn = Turn::default();
        let scanned = if scans { answers.pop() } else { None };
        self.count_removed(keys, answers).await?;
        if let Some(answer) = scanned {
            self.scanned(answer, &mut turn)?;
            turn.looked = count as u64;
        }
        Ok(turn)
    }

    /// Hands the connection back for the next call.
    pub(super) fn end(self) {
        self.session.door.give_back(self.node);
    }

    /// Measures how long the way there and back takes, when that is not known or was long ago.
    async fn measure(&mut self) -> Result<()> {
        while self.pace.wants_empty() {
            let begin = self.session.cx.instant();
            self.session.direct(&mut self.node, &cmd("PING"), "PING").await?;
            self.pace.learn_empty(begin.elapsed());
        }
        Ok(())
    }

    /// The commands that remove `keys`: one for all, or one each where each may lie in another slot.
    fn removals(&self, keys: &[Vec<u8>]) -> Pipeline {
        let mut commands = Pipeline::with_capacity(2);
        if self.session.door.is_cluster() {
            for key in keys {
                commands.cmd("UNLINK").arg(key);
            }
        } else if !keys.is_empty() {
            commands.cmd("UNLINK").arg(keys);
        }
        commands
    }

    /// Counts the keys that the answers to the removals say are gone. One that has moved to another node is removed there.
    async fn count_removed(&mut self, keys: &[Vec<u8>], answers: Vec<Value>) -> Result<()> {
        let session = Arc::clone(&self.session);
        for (number, answer) in answers.into_iter().enumerate() {
            let answer = match (answer, keys.get(number)) {
                (Value::ServerError(why), Some(key)) if session.door.is_cluster() => match why.code() {
                    "MOVED" | "ASK" | "TRYAGAIN" => {
                        let sent = cmd("UNLINK").arg(key).take();
                        session.routed(key, Command { sent, what: "UNLINK", writes: true }).await?
                    }
                    _ => return Err(errors::refused(session.scene(&self.node.address), "UNLINK", &why)),
                },
                (Value::ServerError(why), _) => {
                    return Err(errors::refused(session.scene(&self.node.address), "UNLINK", &why));
                }
                (answer, _) => answer,
            };
            self.removed += answers::count(&session.named, "UNLINK", &answer)?;
        }
        Ok(())
    }

    /// Reads what a look found, and where the next one begins.
    fn scanned(&mut self, answer: Value, turn: &mut Turn) -> Result<()> {
        let strange = |answer: &Value| errors::strange(&self.session.named, "SCAN", answer);
        let (cursor, keys) = match answer {
            Value::ServerError(why) => {
                return Err(errors::refused(self.session.scene(&self.node.address), "SCAN", &why));
            }
            Value::Array(parts) => match <[Value; 2]>::try_from(parts) {
                Ok([Value::BulkString(cursor), Value::Array(keys)]) => (cursor, keys),
                other => return Err(strange(&Value::Array(other.map_or_else(|parts| parts, Vec::from)))),
            },
            other => return Err(strange(&other)),
        };
        self.cursor = (cursor != b"0").then_some(cursor);
        turn.found.reserve(keys.len());
        for key in keys {
            match key {
                Value::BulkString(key) => turn.found.push(key),
                other => return Err(strange(&other)),
            }
        }
        Ok(())
    }
}
