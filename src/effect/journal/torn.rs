//! A log that was cut within its last record, as a power cut or a bad disk leaves it.

use tempfile::TempDir;

use super::{Journal, NewRun};
use crate::base::event::Event;

fn said(text: &str) -> Event {
    Event::Logged { position: "0".into(), text: text.into() }
}

#[test]
fn a_log_cut_anywhere_in_its_last_record_loses_that_record_and_no_more() {
    let folder = TempDir::new().unwrap();
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
    let (near, far) = (before + 100, log.len() - 100);
    let cuts = (before..near).chain((near..far).step_by(37)).chain(far..=log.len());
    for cut in cuts {
        let other = TempDir::new().unwrap();
        let place = other.path().join(".playbook");
        std::fs::create_dir(&place).unwrap();
        std::fs::write(place.join("journal.db"), &database).unwrap();
        std::fs::write(place.join("journal.db-wal"), &log[..cut]).unwrap();
        let journal = Journal::open(other.path()).unwrap();
        let have = journal.entries(run.id()).unwrap().len();
        assert_eq!(have, if cut == log.len() { 2 } else { 1 }, "cut at {cut} of {}", log.len());
        assert_eq!(journal.verify(run.id()).unwrap().fault, None, "cut at {cut}");
        let resumed = Event::RunResumed {
            person: "ada".into(),
            script: String::new(),
            scripts: std::collections::BTreeMap::new(),
            reopened: false,
        };
        let again = journal.resume_run(run.id(), resumed, &[]).unwrap();
        again.note(&said("three")).unwrap();
        again.flush().unwrap();
        assert_eq!(journal.entries(run.id()).unwrap().len(), have + 2, "cut at {cut}");
        assert_eq!(journal.verify(run.id()).unwrap().fault, None, "cut at {cut}, then gone on with");
    }
}
