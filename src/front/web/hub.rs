//! The runs that somebody looks at: each is folded once, however many look, and what changes is told to all of them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::broadcast::{self, Receiver, Sender};

use super::board::Board;
use super::message;
use crate::base::error::{Error, Result};
use crate::effect::journal::Journal;
use crate::sys::clock;

/// How often it is asked whether somebody wrote; that alone costs next to nothing.
const LOOK: Duration = Duration::from_millis(40);
/// How often it is looked whether the process of a run has gone.
const SURE: Duration = Duration::from_secs(1);
/// How long a run is kept at which nobody looks any more.
const KEPT: Duration = Duration::from_secs(30);
/// Who is so many messages behind begins anew.
const BEHIND: usize = 256;

/// All the runs that are looked at.
#[derive(Debug)]
pub(super) struct Hub {
    project: PathBuf,
    channels: Mutex<HashMap<String, Arc<Channel>>>,
    /// Told when any run changed.
    changes: Sender<Bytes>,
}

/// One run that is looked at.
#[derive(Debug)]
struct Channel {
    board: Mutex<Option<Board>>,
    updates: Sender<Bytes>,
    /// When somebody looked last.
    seen: Mutex<Instant>,
}

/// What somebody who comes gets: everything so far, and then what changes.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) first: Vec<Bytes>,
    pub(super) updates: Receiver<Bytes>,
}

impl Channel {
    /// Takes in what was written since, and tells it to all who look; `fully` also whether the run's process is there.
    fn advance(&self, board: &mut Board, journal: &Journal, fully: bool) -> Result<()> {
        let change = board.advance(journal, fully)?;
        if !change.is_empty() {
            board.told(&change).into_iter().for_each(|told| drop(self.updates.send(told)));
        }
        Ok(())
    }
}

impl Hub {
    /// The runs of the project, watched by a thread of their own as long as the hub is there.
    pub(super) fn open(project: PathBuf) -> Result<Arc<Self>> {
        let hub =
            Arc::new(Self { project, channels: Mutex::default(), changes: broadcast::channel(BEHIND).0 });
        let journal = Journal::open(&hub.project)?;
        let weak = Arc::downgrade(&hub);
        let thread = std::thread::Builder::new().name("page".to_owned());
        thread
            .spawn(move || watch(&weak, &journal))
            .map_err(|why| Error::io("the thread that watches the journal cannot be started", &why))?;
        Ok(hub)
    }

    /// Looks at a run from now on.
    pub(super) fn join(&self, journal: &Journal, run: &str) -> Result<Joined> {
        let channel = self.channel(run);
        let mut board = hold(&channel.board);
        if board.is_none() {
            *board = Some(Board::load(journal, run)?);
        }
        // Under the same lock as what is told later, so that nothing is missed or told twice.
        let updates = channel.updates.subscribe();
        let first = board.as_mut().map(Board::whole).unwrap_or_default();
        Ok(Joined { first, updates })
    }

    /// What `look` makes of a run, folded already or for this.
    pub(super) fn with<R>(
        &self,
        journal: &Journal,
        run: &str,
        look: impl FnOnce(&mut Board) -> R,
    ) -> Result<R> {
        let channel = self.channel(run);
        let mut board = hold(&channel.board);
        match &mut *board {
            // As it is now, not as it was at the last look: who loads a page has just done something elsewhere.
            Some(board) => {
                channel.advance(board, journal, false)?;
                Ok(look(board))
            }
            empty => Ok(look(empty.insert(Board::load(journal, run)?))),
        }
    }

    /// Is told when any run changed.
    pub(super) fn changes(&self) -> Receiver<Bytes> {
        self.changes.subscribe()
    }

    /// How many look right now.
    pub(super) fn watchers(&self) -> usize {
        let runs: usize = hold(&self.channels).values().map(|channel| channel.updates.receiver_count()).sum();
        runs + self.changes.receiver_count()
    }

    fn channel(&self, run: &str) -> Arc<Channel> {
        let mut channels = hold(&self.channels);
        let channel = channels.entry(run.to_owned()).or_insert_with(|| {
            let (updates, _) = broadcast::channel(BEHIND);
            Arc::new(Channel { board: Mutex::new(None), updates, seen: Mutex::new(clock::instant()) })
        });
        *hold(&channel.seen) = clock::instant();
        Arc::clone(channel)
    }

    /// Tells what was written since; `fully` also looks whether the processes of the runs are there.
    fn turn(&self, journal: &Journal, (is_new, fully): (bool, bool)) -> Result<()> {
        let channels: Vec<Arc<Channel>> = {
            let mut channels = hold(&self.channels);
            channels.retain(|_, channel| {
                let mut seen = hold(&channel.seen);
                if channel.updates.receiver_count() > 0 {
                    *seen = clock::instant();
                }
                seen.elapsed() < KEPT
            });
            channels.values().cloned().collect()
        };
        for channel in channels {
            let mut held = hold(&channel.board);
            let Some(board) = held.as_mut() else { continue };
            let is_live = board.record.state == crate::effect::journal::State::Running;
            if !is_new && !fully && !is_live {
                continue;
            }
            channel.advance(board, journal, fully)?;
        }
        if is_new {
            let _ = self.changes.send(message("runs", "1"));
        }
        Ok(())
    }
}

/// Looks at the journal until the hub is gone.
fn watch(hub: &Weak<Hub>, journal: &Journal) {
    let (mut version, mut sure) = (0, clock::instant());
    loop {
        let begin = clock::instant();
        {
            let Some(hub) = hub.upgrade() else { return };
            let now = journal.version().unwrap_or(version);
            let fully = sure.elapsed() >= SURE;
            if fully {
                sure = begin;
            }
            // What cannot be read now is read at the next turn.
            let _ = hub.turn(journal, (now != version, fully));
            version = now;
        }
        clock::rest_until(begin, LOOK);
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
