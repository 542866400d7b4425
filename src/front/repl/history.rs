//! The lines typed before, a file for each environment that only its owner may read, without secrets.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use reedline::{
    FileBackedHistory, History, HistoryItem, HistoryItemId, HistorySessionId, Result, SearchQuery,
};

use crate::base::error;
use crate::front::assist::discreet::discreet;
use crate::sys::files;

/// As many lines as are kept.
const MOST: usize = 10_000;

/// Takes the secrets out of a line that are known by their value.
pub(super) type Clean = Arc<Mutex<Option<Box<dyn Fn(&str) -> String + Send>>>>;

/// A history in a file. What was typed is kept only once its line is over: then the secrets it used are known.
pub(super) struct Discreet {
    kept: FileBackedHistory,
    pending: Option<HistoryItem>,
    clean: Clean,
}

impl Discreet {
    /// The history of an environment of the project at `folder`.
    pub(super) fn open(folder: &Path, environment: &str, clean: Clean) -> error::Result<Self> {
        let folder = folder.join(".playbook/history");
        files::make_private_folder(&folder)?;
        let file = folder.join(environment);
        files::make_private_file(&file)?;
        let kept = FileBackedHistory::with_file(MOST, file).map_err(|why| {
            error::Error::io("the history cannot be read", &std::io::Error::other(why.to_string()))
        })?;
        Ok(Self { kept, pending: None, clean })
    }

    fn settle(&mut self) -> Result<()> {
        let Some(mut item) = self.pending.take() else { return Ok(()) };
        let clean = self.clean.lock().unwrap_or_else(PoisonError::into_inner);
        let line = discreet(&item.command_line);
        item.command_line = clean.as_ref().map_or(line.clone(), |clean| clean(&line));
        drop(clean);
        self.kept.save(item).map(drop)
    }
}

impl History for Discreet {
    fn save(&mut self, item: HistoryItem) -> Result<HistoryItem> {
        self.settle()?;
        self.pending = Some(item.clone());
        Ok(item)
    }

    fn load(&self, id: HistoryItemId) -> Result<HistoryItem> {
        self.kept.load(id)
    }

    fn count(&self, query: SearchQuery) -> Result<i64> {
        self.kept.count(query)
    }

    fn search(&self, query: SearchQuery) -> Result<Vec<HistoryItem>> {
        self.kept.search(query)
    }

    fn update(&mut self, id: HistoryItemId, updater: &dyn Fn(HistoryItem) -> HistoryItem) -> Result<()> {
        self.kept.update(id, updater)
    }

    fn clear(&mut self) -> Result<()> {
        self.kept.clear()
    }

    fn delete(&mut self, id: HistoryItemId) -> Result<()> {
        self.kept.delete(id)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.settle().map_err(|why| std::io::Error::other(why.to_string()))?;
        self.kept.sync()
    }

    fn session(&self) -> Option<HistorySessionId> {
        self.kept.session()
    }
}
