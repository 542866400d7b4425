//! A home in memory for tests by the thousand: what was not committed when the process "dies" is lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::chain::{self, ROOT};
use super::home::{Beginning, Begun, Home, Row, RowEnd, RunRow, Turn, Writer};
use super::lease::{Beat, Lease};
use super::record::{Filter, NewRun, Script};
use crate::base::error::{Error, Kind, Result};
use crate::base::gate::Answer;

/// Where the process dies: at this commit, counted from 1, just before it or just after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fuse {
    pub(crate) commit: u64,
    pub(crate) after: bool,
}

#[derive(Default)]
struct Held {
    runs: Vec<RunRow>,
    entries: HashMap<u64, Vec<Row>>,
    scripts: HashMap<String, String>,
    fuse: Option<Fuse>,
    commits: u64,
}

/// The home.
#[derive(Default)]
pub(crate) struct Memory {
    held: Arc<Mutex<Held>>,
    /// The process is dead: nothing happens any more.
    pub(crate) dead: Arc<AtomicBool>,
}

impl Memory {
    /// Another process, which dies at `fuse`.
    pub(crate) fn live(&self, fuse: Option<Fuse>) {
        let mut held = self.held.lock().unwrap();
        (held.fuse, held.commits) = (fuse, 0);
        self.dead.store(false, Ordering::SeqCst);
    }

    /// How many commits this process has made.
    pub(crate) fn commits(&self) -> u64 {
        self.held.lock().unwrap().commits
    }
}

impl Home for Memory {
    fn begin(
        &self,
        (id, started): (&str, &str),
        run: &NewRun,
        _: Option<&Lease>,
        _: Option<&str>,
    ) -> Result<Beginning> {
        self.keep_scripts(&run.scripts)?;
        let mut held = self.held.lock().unwrap();
        if held.runs.iter().any(|run| run.id == id) {
            return Ok(Beginning::SameId);
        }
        let number = held.runs.len() as u64 + 1;
        let body = serde_json::to_string(&run.facts).unwrap();
        let hash = chain::link(ROOT, id, 0, started, &body);
        held.runs.push(RunRow {
            number,
            id: id.to_owned(),
            started: started.to_owned(),
            body,
            previous: ROOT.to_owned(),
            hash: hash.clone(),
            ended: None,
            steps: 0,
        });
        Ok(Beginning::Begun(Begun { number, hash }))
    }

    fn claim(&self, _: &Lease, _: Option<&str>) -> Result<Option<Lease>> {
        Ok(None)
    }

    fn leases(&self) -> Result<Vec<Lease>> {
        Ok(Vec::new())
    }

    fn free(&self, _: &Lease) -> Result<()> {
        Ok(())
    }

    fn has_changed(&self, _: u64) -> Result<bool> {
        Ok(true)
    }

    fn last_body(&self, run: u64) -> Result<Option<String>> {
        let held = self.held.lock().unwrap();
        Ok(held.entries.get(&run).and_then(|rows| rows.last()).map(|row| row.body.clone()))
    }

    fn answers(&self, _: &str) -> Result<Vec<Answer>> {
        Ok(Vec::new())
    }

    fn leave(&self, _: &Answer) -> Result<()> {
        Ok(())
    }

    fn accuracy(&self, _: &str) -> Result<(u64, f64)> {
        Ok((0, 0.0))
    }

    fn ended_well(&self, _: &str, _: &str) -> Result<Vec<(Timestamp, Timestamp)>> {
        Ok(Vec::new())
    }

    fn keep_scripts(&self, scripts: &[Script]) -> Result<()> {
        let mut held = self.held.lock().unwrap();
        for script in scripts {
            held.scripts.insert(chain::sha256(&script.text), script.text.clone());
        }
        Ok(())
    }

    fn writer(&self, run: u64) -> Result<Box<dyn Writer>> {
        Ok(Box::new(Pen { run, held: Arc::clone(&self.held), dead: Arc::clone(&self.dead) }))
    }

    fn runs(&self, filter: &Filter) -> Result<Vec<RunRow>> {
        let most = filter.last.unwrap_or(usize::MAX);
        Ok(self.held.lock().unwrap().runs.iter().rev().take(most).cloned().collect())
    }

    fn after(&self, number: u64) -> Result<Option<RunRow>> {
        Ok(self.held.lock().unwrap().runs.iter().find(|run| run.number > number).cloned())
    }

    fn like(&self, part: &str) -> Result<Vec<RunRow>> {
        Ok(self.held.lock().unwrap().runs.iter().filter(|run| run.id == part).cloned().collect())
    }

    fn entries(&self, run: u64, after: u64, most: Option<u32>) -> Result<Vec<Row>> {
        let held = self.held.lock().unwrap();
        let rows = held.entries.get(&run).map(Vec::as_slice).unwrap_or_default();
        let most = most.map_or(usize::MAX, |most| most as usize);
        Ok(rows.iter().filter(|row| row.seq > after).take(most).cloned().collect())
    }

    fn last(&self, run: u64) -> Result<Option<(u64, String)>> {
        let held = self.held.lock().unwrap();
        Ok(held.entries.get(&run).and_then(|rows| rows.last()).map(|row| (row.seq, row.hash.clone())))
    }

    fn script(&self, hash: &str) -> Result<Option<String>> {
        Ok(self.held.lock().unwrap().scripts.get(hash).cloned())
    }

    fn steps_of(&self, _: &str, _: &str) -> Result<Vec<(String, std::time::Duration)>> {
        Ok(Vec::new())
    }

    fn briefs(&self) -> Result<Vec<crate::effect::journal::Brief>> {
        Ok(Vec::new())
    }

    fn gates_open(&self) -> Result<u64> {
        Ok(0)
    }

    fn version(&self) -> Result<i64> {
        Ok(0)
    }

    fn last_number(&self) -> Result<u64> {
        Ok(self.held.lock().unwrap().runs.len() as u64)
    }
}

struct Pen {
    run: u64,
    held: Arc<Mutex<Held>>,
    dead: Arc<AtomicBool>,
}

impl Writer for Pen {
    fn beat(&mut self, _: &Beat) -> Result<bool> {
        Ok(true)
    }

    fn holds(&mut self) -> Result<bool> {
        Ok(true)
    }

    fn commit(&mut self, rows: &[Row], turn: Turn) -> Result<()> {
        let mut held = self.held.lock().unwrap();
        held.commits += 1;
        let is_it = held.fuse.is_some_and(|fuse| fuse.commit <= held.commits);
        let is_after = held.fuse.is_some_and(|fuse| fuse.after);
        if self.dead.load(Ordering::SeqCst) || (is_it && !is_after) {
            self.dead.store(true, Ordering::SeqCst);
            return Err(Error::new(Kind::Io, "the process is dead"));
        }
        held.entries.entry(self.run).or_default().extend(rows.iter().cloned());
        let row = held.runs.iter_mut().find(|run| run.number == self.run).unwrap();
        if turn.reopened {
            row.ended = None;
        }
        if let (Some(end), Some(last)) = (turn.end, rows.last()) {
            row.ended = Some(RowEnd {
                at: last.at.clone(),
                outcome: serde_json::to_value(end.outcome).unwrap().as_str().unwrap().to_owned(),
                exit_code: end.exit_code,
                entries: last.seq,
                head: last.hash.clone(),
            });
        }
        if is_it {
            self.dead.store(true, Ordering::SeqCst);
        }
        Ok(())
    }

    fn tidy(&mut self) {}

    fn fill(&mut self) {}
}
