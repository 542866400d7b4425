//! Another side that accepts and never answers is given up in time; a change is then in doubt, or is known not to be made.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::example::Example;
use super::far::Silence;
use super::{One, each, error_of, known, world};
use crate::rig::Rig;

/// What never waits for another side, or needs more than its silence.
const NEVER: &[(&str, &str)] = &[
    ("files", "a folder of this machine answers at once"),
    ("disk", "a disk of this machine answers at once"),
    ("journal", "the record is the run's own file"),
    ("service", "a process of this machine is seen to run, or not, at any time"),
    ("nginx.set_weights", "it must run here before it is asked; one that hangs is in its own tests"),
    ("nginx.restore", "it must run here before it is asked; one that hangs is in its own tests"),
    ("nginx.weights", "they are read from a file of this machine"),
    ("s3.presign", "a link is made without asking anybody"),
    ("s3.undo_sync", "it begins with the notes of the sync, on this machine"),
    ("tcp.is_open", "that somebody accepts is all that it asks"),
    ("postgres.revert_migrations", "it begins with the files that say how, on this machine"),
    ("postgres.restore_from", "it begins with the dump, which is in a folder here"),
    ("postgres.verify_restore", "it begins with the dump, which is in a folder here"),
    ("sqlite.restore_from", "it begins with the backup, which is in a folder here"),
    ("sqlite.verify_restore", "it restores into a copy, which nobody holds"),
];

fn wait(one: One, silence: &Silence) -> Result<(), String> {
    let example = Example::of(one)?.option("timeout: \"300ms\"")?.heeded()?;
    let rig = world::project(&example, &silence.far, "destroy").file("t.rhai", &example.left("destroy"));
    let _held = (one.family.name == "sqlite").then(|| held(&rig));
    let begin = Instant::now();
    let seen = rig.run(&["exec", "t.rhai", "--output", "json"]);
    let took = begin.elapsed();
    if took > Duration::from_secs(8) {
        return Err(format!("it took {took:?}: {seen}"));
    }
    let Some(error) = error_of(&seen) else { return Err(format!("it ends well: {seen}")) };
    let text = error.to_string();
    let is_told = text.contains("300ms") || text.contains("300 ms");
    let is_fixed = error["fix"].as_str().is_some_and(|fix| !fix.is_empty());
    let code = match (one.entry.effect.is_read(), error["details"]["in_doubt"] == true) {
        (true, true) => return Err(format!("a read is in doubt: {text}")),
        (false, true) => 5,
        (false, false) if error["unchanged"] != true && !text.contains("was not begun") => {
            return Err(format!("neither in doubt nor unchanged: {text}"));
        }
        (_, false) => 4,
    };
    if !is_told || !is_fixed || !example.is_named_in(&text) || seen.code != code {
        return Err(format!("exit code {}, not {code}: {text}", seen.code));
    }
    Ok(())
}

/// A database that somebody else has locked for good.
fn held(rig: &Rig) -> Connection {
    let database = Connection::open(rig.path("main.db")).unwrap();
    database
        .execute_batch("CREATE TABLE users (id, name); CREATE TABLE jobs (state); BEGIN EXCLUSIVE")
        .unwrap();
    database
}

#[test]
fn a_silent_other_side_is_given_up_and_a_change_is_in_doubt() {
    known(&[NEVER]);
    let silence = Silence::start();
    each(|one| !one.is_among(NEVER), |one| wait(one, &silence));
}
