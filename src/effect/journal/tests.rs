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
        stays: false,
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
    assert_eq!(
        (record.id.as_str(), record.state, record.outcome),
        (run.id(), State::Ended, Some(Outcome::Done))
    );
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
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".playbook")).unwrap();
    std::fs::write(folder.path().join(".playbook/journal.db"), "").unwrap();
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(folder.path().join(".playbook/journal.db"), open).unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let run = begin(&journal);
    run.intend(&write("0/1"), &inverse()).unwrap();
    let mode = |name: &str| {
        std::fs::metadata(folder.path().join(".playbook").join(name)).unwrap().permissions().mode() & 0o777
    };
    for name in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    let (folder, _journal) = fresh();
    let mode = std::fs::metadata(folder.path().join(".playbook")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_note_is_durable_soon_although_nothing_follows() {
    let (folder, journal) = fresh();
    let run = begin(&journal);
    let begun = std::time::Instant::now();
    run.note(&said("one")).unwrap();
    let other = outside(&folder);
    loop {
        let count: i64 = other.query_row("SELECT count(*) FROM entries", [], |row| row.get(0)).unwrap();
        if count == 1 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "not flushed");
        std::thread::yield_now();
    }
    assert!(begun.elapsed() > Duration::from_millis(100), "it should have waited for a commit to ride on");
    drop(run);
}

/// Makes a run of seven entries (and one before it), damages it, and tells what `verify` says of all.
fn after_damage(sql: &str) -> String {
    let (folder, journal) = fresh();
    for _ in 0..2 {
        let run = begin(&journal);
        for n in 0..3 {
            run.note(&said(&format!("note {n}"))).unwrap();
        }
        run.intend(&write("0/3"), &inverse()).unwrap();
        run.intend(&write("0/4"), &Inverse::Nothing).unwrap();
        run.note(&said("last")).unwrap();
        run.end(&ended()).unwrap();
    }
    let before = journal.verify_all().unwrap();
    assert!(before.iter().all(|verdict| verdict.fault.is_none() && verdict.entries == 7), "{before:?}");
    let damaged = sql.replace("OF_RUN", "run = 1");
    outside(&folder).execute_batch(&damaged).unwrap();
    let faults: Vec<String> = journal
        .verify_all()
        .unwrap()
        .into_iter()
        .filter_map(|verdict| Some(verdict.fault?.to_string()))
        .collect();
    faults.join("; ")
}

#[test]
fn a_changed_entry_is_named() {
    let changed = "UPDATE entries SET body = replace(body, 'note 1', 'note x') WHERE OF_RUN AND seq = 2";
    assert_eq!(after_damage(changed), "entry 2 was changed");
    assert_eq!(
        after_damage("UPDATE entries SET at = '2020-01-01T00:00:00.000000Z' WHERE OF_RUN AND seq = 5"),
        "entry 5 was changed"
    );
    assert_eq!(
        after_damage("UPDATE entries SET body = 'no json' WHERE OF_RUN AND seq = 1"),
        "entry 1 was changed"
    );
    assert!(
        after_damage("UPDATE entries SET hash = 'x' WHERE OF_RUN AND seq = 3")
            .starts_with("entry 3 was changed")
    );
}

#[test]
fn a_missing_entry_is_named() {
    assert_eq!(after_damage("DELETE FROM entries WHERE OF_RUN AND seq = 4"), "entry 4 is missing");
    let closed_up = "DELETE FROM entries WHERE OF_RUN AND seq = 2; \
        UPDATE entries SET id = id - 1 WHERE OF_RUN AND seq > 2";
    assert!(
        after_damage(closed_up).starts_with("entry 2 was changed or put in the place"),
        "{}",
        after_damage(closed_up)
    );
}

#[test]
fn reordered_entries_are_named() {
    let swapped = "UPDATE entries SET id = id + 97 WHERE OF_RUN AND seq = 2; UPDATE entries SET id = id - 1 WHERE OF_RUN AND seq = 3; \
        UPDATE entries SET id = id - 96 WHERE OF_RUN AND seq = 99";
    assert_eq!(after_damage(swapped), "entry 2 was reordered: what belongs here stands as entry 3");
}

#[test]
fn a_cut_or_added_tail_is_named() {
    let cut = "DELETE FROM entries WHERE OF_RUN AND seq > 5";
    assert_eq!(after_damage(cut), "entry 6 is missing: the run ended with 7 entries, and only 5 are there");
    // Made to look as if the process had died: the run after it knows better.
    let hidden = format!("{cut}; UPDATE runs SET state = 'running', ended = NULL WHERE number = 1");
    assert!(after_damage(&hidden).contains("cut off or rewritten"), "{}", after_damage(&hidden));
    assert_eq!(
        after_damage("UPDATE runs SET state = 'running' WHERE number = 1"),
        "the run's row was changed: it hides that the run has ended"
    );
}

#[test]
fn a_changed_run_or_one_taken_out_is_found() {
    let person = "UPDATE runs SET body = replace(body, 'deploy.rhai', 'other.rhai') WHERE number = 1";
    assert_eq!(after_damage(person), "the run's row was changed");
    assert!(after_damage("UPDATE runs SET outcome = 'failed' WHERE number = 1").contains("another end"));
    assert!(after_damage("UPDATE runs SET exit_code = 1 WHERE number = 1").contains("another end"));
    assert_eq!(after_damage("DELETE FROM runs WHERE number = 1"), "the run was taken out of the journal");
    assert_eq!(after_damage("DELETE FROM runs WHERE number = 2"), "the run was taken out of the journal");
    assert!(
        after_damage("DELETE FROM runs WHERE number = 1; UPDATE runs SET number = 1")
            .contains("runs before this one")
    );
    assert!(
        after_damage("UPDATE scripts SET text = 'nothing'")
            .contains("the text of the script deploy.rhai was changed")
    );
}

#[test]
fn a_changed_inverse_is_found() {
    let changed = "UPDATE entries SET inverse = replace(inverse, 'old', 'new') WHERE OF_RUN";
    assert_eq!(after_damage(changed), "entry 4 has an inverse that was changed");
    assert_eq!(
        after_damage("UPDATE entries SET inverse = NULL WHERE OF_RUN"),
        "entry 4 has lost its inverse"
    );
    let added = "UPDATE entries SET inverse = '{}' WHERE OF_RUN AND seq = 5";
    assert_eq!(after_damage(added), "entry 5 was given an inverse that it did not have");
}

#[test]
fn a_run_rewritten_with_new_hashes_is_found_by_its_row_and_by_the_run_after() {
    let (folder, journal) = fresh();
    for _ in 0..2 {
        let run = begin(&journal);
        run.note(&said("truth")).unwrap();
        run.end(&ended()).unwrap();
    }
    let id: String = journal.runs(&Filter::default()).unwrap().pop().unwrap().id;
    let other = outside(&folder);
    let number = 1_i64;
    let mut head: String =
        other.query_row("SELECT hash FROM runs WHERE id = ?1", [&id], |row| row.get(0)).unwrap();
    for seq in 1..=2_i64 {
        let read = "SELECT at, replace(body, 'truth', 'other') FROM entries WHERE run = ?1 AND seq = ?2";
        let (at, body): (String, String) = other
            .query_row(read, rusqlite::params![number, seq], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        head = chain::link(&head, &id, seq.cast_unsigned(), &at, &body);
        let write = "UPDATE entries SET body = ?3, hash = ?4 WHERE run = ?1 AND seq = ?2";
        other.execute(write, rusqlite::params![number, seq, body, head]).unwrap();
    }
    let fault = journal.verify(&id).unwrap().fault.unwrap();
    assert!(fault.what.contains("not the one that the run ended with"), "{fault}");
    other.execute("UPDATE runs SET head = ?2 WHERE id = ?1", [&id, &head]).unwrap();
    let fault = journal.verify(&id).unwrap().fault.unwrap();
    assert!(fault.what.contains("cut off or rewritten"), "{fault}");
}

#[test]
fn a_run_is_found_by_part_of_its_id_and_two_are_told_apart() {
    let (_folder, journal) = fresh();
    assert!(journal.run("last").unwrap_err().what.contains("no run yet"));
    let (one, two) = (begin(&journal), begin(&journal));
    assert_eq!(journal.run(one.id()).unwrap().number, 1);
    assert_eq!(journal.run(&one.id()[16..]).unwrap().id, one.id());
    assert_eq!(journal.run("last").unwrap().id, two.id());
    let several = journal.run(&one.id()[..9]).unwrap_err();
    assert!(several.why.as_deref().unwrap().contains(two.id()), "{several}");
    assert!(journal.run("%%%%").unwrap_err().what.contains("no run `%%%%`"));
    assert!(journal.run("").unwrap_err().what.contains("names no run"));
}

#[test]
fn ids_tell_when_and_do_not_collide() {
    let (_folder, journal) = fresh();
    let runs: Vec<RunJournal> = (0..20).map(|_| begin(&journal)).collect();
    let form = regex_lite::Regex::new("^[0-9]{8}-[0-9]{6}-[0-9a-f]{4}$").unwrap();
    assert!(runs.iter().all(|run| form.is_match(run.id())), "{runs:?}");
    let mut ids: Vec<&str> = runs.iter().map(RunJournal::id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20);
}

#[test]
fn a_run_without_an_end_is_running_as_long_as_its_process_has_it() {
    let (folder, journal) = fresh();
    let run = begin(&journal);
    let elsewhere = Journal::find(folder.path()).unwrap().unwrap();
    assert_eq!(elsewhere.run("last").unwrap().state, State::Running);
    drop(run);
    assert_eq!(elsewhere.run("last").unwrap().state, State::Interrupted);
    assert!(elsewhere.verify("last").unwrap().fault.is_none());
}

#[test]
fn what_was_noted_is_kept_when_the_run_is_let_go() {
    let (_folder, journal) = fresh();
    let run = begin(&journal);
    let id = run.id().to_owned();
    run.note(&said("one")).unwrap();
    drop(run);
    assert_eq!(journal.entries(&id).unwrap().len(), 1);
}

#[test]
fn a_full_disk_stops_the_run_and_keeps_what_was_there() {
    let (folder, journal) = fresh();
    let run = begin(&journal);
    run.intend(&write("0/1"), &inverse()).unwrap();
    run.fill();
    let error = (0..).find_map(|_| run.intend(&said_much(), &Inverse::Nothing).err()).unwrap();
    assert_eq!(error.kind, Kind::Io);
    assert!(
        error.what.contains("journal") && error.fix.as_deref().unwrap().contains("free some space"),
        "{error}"
    );
    assert_eq!(run.note(&said("after")).unwrap_err(), error, "what failed once stays failed");
    assert_eq!(run.end(&ended()).unwrap_err(), error);
    let id = run.id().to_owned();
    drop(run);
    let journal = Journal::open(folder.path()).unwrap();
    assert!(journal.verify(&id).unwrap().fault.is_none());
    assert_eq!(journal.run(&id).unwrap().state, State::Interrupted);
}

fn said_much() -> Event {
    said(&"much ".repeat(4000))
}

#[test]
fn a_journal_of_a_newer_product_is_refused_and_named_so() {
    let (folder, journal) = fresh();
    drop(journal);
    outside(&folder).execute("UPDATE meta SET version = 99", []).unwrap();
    let error = Journal::open(folder.path()).unwrap_err();
    assert!(error.what.contains("newer playbook") && error.why.as_deref().unwrap().contains("99"), "{error}");
}

#[test]
fn a_damaged_file_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".playbook")).unwrap();
    std::fs::write(
        folder.path().join(".playbook/journal.db"),
        "this is no database, only some text".repeat(99),
    )
    .unwrap();
    let error = Journal::open(folder.path()).unwrap_err();
    assert_eq!(error.kind, Kind::Tampered);
    assert!(error.what.contains("damaged"), "{error}");
}

#[test]
fn many_writers_at_once_lose_nothing() {
    let (folder, _journal) = fresh();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let run = begin(&Journal::open(folder.path()).unwrap());
                std::thread::scope(|branches| {
                    for branch in 0..3 {
                        let run = &run;
                        branches.spawn(move || {
                            for _ in 0..10 {
                                run.note(&said("before")).unwrap();
                                run.intend(&write(&format!("0/{branch}")), &inverse()).unwrap();
                            }
                        });
                    }
                });
                run.end(&ended()).unwrap();
            });
        }
    });
    let verdicts = Journal::open(folder.path()).unwrap().verify_all().unwrap();
    assert_eq!(verdicts.len(), 4);
    assert!(verdicts.iter().all(|verdict| verdict.fault.is_none() && verdict.entries == 61), "{verdicts:?}");
}

#[test]
fn a_journal_made_by_many_at_once_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| begin(&Journal::open(folder.path()).unwrap()));
        }
    });
    let journal = Journal::open(folder.path()).unwrap();
    assert_eq!(journal.runs(&Filter::default()).unwrap().len(), 8);
    assert!(journal.verify_all().unwrap().iter().all(|verdict| verdict.fault.is_none()));
}
