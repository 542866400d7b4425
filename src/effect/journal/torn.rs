//! A log that was cut within its last record, as a power cut or a bad disk leaves it.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::{Journal, NewRun};
use crate::base::event::Event;

fn said(text: &str) -> Event {
    Event::Logged { position: "0".into(), text: text.into() }
}

/// A memory disk where there is one: nothing here is about what a real one keeps.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap()
}

/// A journal whose last record is the second entry of its run, as it lies on the disk.
struct Whole {
    run: String,
    database: Vec<u8>,
    log: Vec<u8>,
    /// Where the last record begins in the log.
    before: usize,
}

impl Whole {
    fn make() -> Self {
        let folder = folder();
        let journal = Journal::open(folder.path()).unwrap();
        let run = journal.begin_run(&NewRun::default()).unwrap();
        let (database, log) =
            (folder.path().join(".playbook/journal.db"), folder.path().join(".playbook/journal.db-wal"));
        run.note(&said("one")).unwrap();
        run.flush().unwrap();
        let before = std::fs::metadata(&log).unwrap().len() as usize;
        run.note(&said("two")).unwrap();
        run.flush().unwrap();
        let (database, log) = (std::fs::read(database).unwrap(), std::fs::read(log).unwrap());
        Self { run: run.id().to_owned(), database, log, before }
    }

    /// The journal with its log cut there; then the run goes on in it.
    fn cut(&self, cut: usize) {
        let other = folder();
        let place = other.path().join(".playbook");
        std::fs::create_dir(&place).unwrap();
        std::fs::write(place.join("journal.db"), &self.database).unwrap();
        std::fs::write(place.join("journal.db-wal"), &self.log[..cut]).unwrap();
        let journal = Journal::open(other.path()).unwrap();
        let have = journal.entries(&self.run).unwrap().len();
        assert_eq!(have, if cut == self.log.len() { 2 } else { 1 }, "cut at {cut} of {}", self.log.len());
        let resumed = Event::RunResumed {
            person: "ada".into(),
            script: String::new(),
            scripts: std::collections::BTreeMap::new(),
            reopened: false,
            note: None,
        };
        let again = journal.resume_run(&self.run, resumed, &[]).unwrap();
        again.note(&said("three")).unwrap();
        again.flush().unwrap();
        assert_eq!(journal.entries(&self.run).unwrap().len(), have + 2, "cut at {cut}");
        assert_eq!(journal.verify(&self.run).unwrap().fault, None, "cut at {cut}, then gone on with");
    }
}

#[test]
fn a_log_cut_at_any_byte_of_its_last_record_loses_that_record_and_no_more() {
    let whole = Whole::make();
    let next = AtomicUsize::new(whole.before);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let cut = next.fetch_add(1, Ordering::Relaxed);
                    if cut > whole.log.len() {
                        return;
                    }
                    whole.cut(cut);
                }
            });
        }
    });
}
