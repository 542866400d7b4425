//! Goes on with the record of a run, and reads it back whole: with inverses and values that nobody is shown.

use jiff::Timestamp;
use serde_json::Value;

use super::home::Row;
use super::{Journal, PAGE, RunJournal, Script, cancel, chain, unreadable};
use crate::base::call::Call;
use crate::base::error::{Error, Result};
use crate::base::event::Event;
use crate::sys::files;
use crate::sys::lock::FileLock;

/// An entry with what is kept beside it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its number in the run, from 1 without gaps.
    pub seq: u64,
    /// When it was noted.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// The whole value of an effect, secrets as references, where what people read lacks one.
    pub whole: Option<Value>,
    /// Whether an inverse is kept beside it.
    pub has_inverse: bool,
}

impl Journal {
    /// Goes on with the record of the run with this whole id, which no living process holds: what is added follows
    /// what is there, in the same chain. Until something is added the record stays as it was; then `resumed` comes
    /// first.
    pub fn resume_run(&self, id: &str, resumed: Event, scripts: &[Script]) -> Result<RunJournal> {
        files::make_private_folder(&self.folder.join("live"))?;
        let path = self.alive(id);
        let Some(alive) = FileLock::try_hold(&path)? else {
            return Err(Error::usage(format!("the run {id} is running"))
                .fix("wait until it has ended, or end it with `playbook cancel`: `playbook runs` shows how it stands"));
        };
        cancel::sign(&alive, &path)?;
        let row = self.row(id)?;
        let record = self.record(row.clone())?;
        self.relock(&record)?;
        let resumed = match resumed {
            Event::RunResumed { person, script, note, .. } => {
                let hashed = |one: &Script| (one.name.clone(), chain::sha256(&one.text));
                let scripts_now = scripts.iter().map(hashed).collect();
                self.home.keep_scripts(scripts)?;
                let reopened = row.ended.is_some();
                Event::RunResumed { person, script, scripts: scripts_now, reopened, note }
            }
            other => other,
        };
        let reached = self.home.last(row.number)?.unwrap_or((0, row.hash));
        let writer = self.home.writer(row.number)?;
        Ok(RunJournal::new(row.id, reached, (writer, record.facts.lock), (alive, path), Some(resumed)))
    }

    /// Shows each entry of the run with this whole id to `see`, in their order. What is held in memory does not grow
    /// with the run.
    pub fn each(&self, run: &str, see: &mut dyn FnMut(Kept) -> Result<()>) -> Result<()> {
        let number = self.row(run)?.number;
        let mut last = 0;
        loop {
            let page = self.home.entries(number, last, Some(PAGE * 16))?;
            let is_last = page.len() < PAGE as usize * 16;
            for row in page {
                last = row.seq;
                see(kept(run, row)?)?;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Whether the run with this whole id was being taken back when it was cut off.
    pub fn is_unwinding(&self, run: &str) -> Result<bool> {
        let (number, mut last, mut unwinding) = (self.row(run)?.number, 0, false);
        loop {
            let page = self.home.entries(number, last, Some(PAGE * 16))?;
            for row in &page {
                last = row.seq;
                let is = |word: &str| row.body.starts_with(&format!("{{\"event\":\"{word}\""));
                unwinding = (unwinding || is("unwind_began")) && !is("run_ended");
            }
            if page.len() < PAGE as usize * 16 {
                return Ok(unwinding);
            }
        }
    }

    /// The inverse that the entry numbered `seq` of the run holds, secrets as references.
    pub fn inverse(&self, run: &str, seq: u64) -> Result<Option<Call>> {
        let number = self.row(run)?.number;
        let row = self.home.entries(number, seq.saturating_sub(1), Some(1))?.pop();
        let stored = row.filter(|row| row.seq == seq).and_then(|row| row.inverse);
        let what = || format!("the inverse of entry {seq} of the run {run}");
        stored
            .map(|stored| serde_json::from_str(&stored).map_err(|why| unreadable(&what(), why.to_string())))
            .transpose()
    }
}

fn kept(run: &str, row: Row) -> Result<Kept> {
    let what = || format!("entry {} of the run {run}", row.seq);
    let event = serde_json::from_str(&row.body).map_err(|why| unreadable(&what(), why.to_string()))?;
    let at = row.at.parse().map_err(|why: jiff::Error| unreadable(&what(), why.to_string()))?;
    let whole = row.whole.as_ref().map(|whole| serde_json::from_str(whole)).transpose();
    let whole = whole.map_err(|why| unreadable(&what(), why.to_string()))?;
    Ok(Kept { seq: row.seq, at, event, whole, has_inverse: row.inverse.is_some() })
}
