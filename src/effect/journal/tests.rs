//! The journal with real SQLite files.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::event::Event;
use crate::base::outcome::Outcome;

/// A journal in a folder of its own.
fn fresh() -> (TempDir, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    (folder, journal)
}

fn begin(journal: &Journal) -> RunJournal {
    let facts = Facts { playbook: "deploy.rhai".into(), environment: "local".into(), ..Facts::default() };
    let scripts = vec![Script { name: "deploy.rhai".into(), text: "step \"a\" {}".into() }];
    journal.begin_run(&NewRun { facts, scripts }).unwrap()
}

fn said(text: &str) -> Event {
    Event::Logged { position: "0".into(), text: text.into() }
}

fn inverse() -> Inverse {
    Inverse::Call(Call::new("flags.main".parse().unwrap(), "set").with("value", "old ${env:TOKEN}"))
}

fn write(position: &str) -> Event {
    Event::EffectBegan {
        position: position.into(),
        call: Call::new("flags.main".parse().unwrap(), "disable").with("name", "sync"),
        digest: "d".into(),
        effect: Effect::Write,
        plan: "turn `sync` off".into(),
        inverse: inverse(),
        at: None,
    }
}

fn ended() -> Event {
    Event::RunEnded { outcome: Outcome::Done, took: Duration::from_millis(5), error: None }
}

/// A second connection to the same file, as somebody with `sqlite3` has one.
fn outside(folder: &TempDir) -> Connection {
    Connection::open(folder.path().join(".playbook/journal.db")).unwrap()
}

#[test]
fn a_run_is_read_back_as_it_was_noted() {
    let (_folder, journal) = fresh();
    let run = begin(&journal);
    run.note(&said("one")).unwrap();
    run.note(&Event::Line { from: "program.git".into(), error: false, text: "not kept".into() }).unwrap();
    assert_eq!(run.intend(&write("0/1"), &inverse()).unwrap().seq(), 2);
    run.end(&ended()).unwrap();
    let record = journal.run("last").unwrap();
    assert_eq!((record.id.as_str(), record.state, record.outcome), (run.id(), State::Ended, Some(Outcome::Done)));
    assert_eq!((record.exit_code, record.number), (Some(0), 1));
    let entries = journal.entries(run.id()).unwrap();
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(entries[0].event, said("one"));
    let hash = record.facts.scripts.get("deploy.rhai").unwrap();
    assert_eq!(journal.script(hash).unwrap().as_deref(), Some("step \"a\" {}"));
    assert!(run.note(&said("late")).is_err(), "nothing follows the end");
}

#[test]
fn the_files_are_private_whatever_lay_there() {
    let (folder, journal) = fresh();
    let run = begin(&journal);
    run.intend(&write("0/1"), &inverse()).unwrap();
    let mode = |name: &str| std::fs::metadata(folder.path().join(".playbook").join(name)).unwrap().permissions().mode() & 0o777;
    for name in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert_eq!(mode(""), 0o700);
}

#[test]
fn a_note_is_durable_soon_although_nothing_follows() {
    let (folder, journal) = fresh();
    let run = begin(&journal);
    run.note(&said("one")).unwrap();
    let other = outside(&folder);
    let begun = std::time::Instant::now();
    loop {
        let count: i64 = other.query_row("SELECT count(*) FROM entries", [], |row| row.get(0)).unwrap();
        if count == 1 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "not flushed");
        std::thread::yield_now();
    }
    assert!(begun.elapsed() > Duration::from_millis(100), "it should have waited for a commit to ride on");
    drop(run);
}
