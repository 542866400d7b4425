//! Which scripts a run has run: those that it began with, and those of each time that it was gone on with.

use std::collections::{BTreeMap, BTreeSet};

use super::chain;
use super::home::Row;
use super::record::Facts;
use super::verify::Fault;
use crate::base::error::Result;
use crate::base::event::Event;

/// How the body of an entry begins that tells of another turn.
const RESUMED: &str = "{\"event\":\"run_resumed\"";

/// The names and hashes of the scripts of a run, as its row and its entries tell them.
#[derive(Debug)]
pub(super) struct Scripts(BTreeSet<(String, String)>);

impl Scripts {
    /// Those that the run began with.
    pub(super) fn of(facts: &Facts) -> Self {
        let mut scripts = Self(BTreeSet::new());
        scripts.add(&facts.scripts);
        scripts
    }

    /// And those of the turns that are among `rows`.
    pub(super) fn with(mut self, rows: &[Row]) -> Self {
        self.hear(rows);
        self
    }

    /// Takes in the turns that are among `rows`.
    pub(super) fn hear(&mut self, rows: &[Row]) {
        for row in rows.iter().filter(|row| row.body.starts_with(RESUMED)) {
            if let Ok(Event::RunResumed { scripts, .. }) = serde_json::from_str(&row.body) {
                self.add(&scripts);
            }
        }
    }

    fn add(&mut self, scripts: &BTreeMap<String, String>) {
        self.0.extend(scripts.iter().map(|(name, hash)| (name.clone(), hash.clone())));
    }

    /// Their hashes, each once.
    pub(super) fn hashes(&self) -> BTreeSet<&str> {
        self.0.iter().map(|(_, hash)| hash.as_str()).collect()
    }

    /// What is wrong with the first whose text, as `text` finds it by its hash, is missing or is not what its hash says.
    pub(super) fn fault(&self, text: impl Fn(&str) -> Result<Option<String>>) -> Result<Option<Fault>> {
        for (name, hash) in &self.0 {
            let what = match text(hash)? {
                None => "is missing",
                Some(text) if chain::sha256(&text) != *hash => "was changed",
                Some(_) => continue,
            };
            return Ok(Some(Fault::of_run(format!("the text of the script {name} {what}"))));
        }
        Ok(None)
    }
}
