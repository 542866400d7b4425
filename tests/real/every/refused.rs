//! Another side that is not there: what, why, and what to do, for every primitive.

use super::example::Example;
use super::far::nobody;
use super::{One, each, error_of, known, world};

/// What needs no other side, or finds its absence right.
const ALONE: &[(&str, &str)] = &[
    ("files", "a folder of this machine is always there"),
    ("disk", "a disk of this machine is always there"),
    ("journal", "the record is the run's own file"),
    ("service.status", "that nothing runs is an answer"),
    ("service.restart", "what was never started has no release to be started again"),
    ("service.stop", "that nothing runs is what it wants"),
    ("service.archive_to", "the log is a file of this machine"),
    ("http.load", "failures are what it counts"),
    ("http.load_changes", "failures are what it counts"),
    ("nginx.weights", "they are read from a file of this machine"),
    ("s3.presign", "a link is made without asking anybody"),
    ("s3.undo_sync", "it begins with the notes of the sync, on this machine"),
    ("tcp.is_open", "a closed port is an answer"),
    ("postgres.revert_migrations", "it begins with the files that say how, on this machine"),
    ("postgres.restore_from", "it begins with the dump, which is in a folder here"),
    ("postgres.verify_restore", "it begins with the dump, which is in a folder here"),
    ("sqlite.restore_from", "it begins with the backup, which is in a folder here"),
    ("sqlite.verify_restore", "it begins with the backup, which is in a folder here"),
];

fn miss(one: One) -> Result<(), String> {
    let example = Example::of(one)?.heeded()?.hurried().option("timeout: \"20s\"")?;
    let rig = world::project(&example, &nobody(), "destroy").file("t.rhai", &example.script("destroy"));
    let seen = rig.run(&["exec", "t.rhai", "--output", "json"]);
    let Some(error) = error_of(&seen) else { return Err(format!("it ends well: {seen}")) };
    let text = error.to_string();
    let says = |key: &str| error[key].as_str().is_some_and(|text| !text.trim().is_empty());
    // What is not there at all has no words of its own.
    let has_why = says("why") || error["kind"] == "missing";
    if !says("what")
        || !has_why
        || !says("fix")
        || !example.is_named_in(&text)
        || !(seen.code == 1 || one.entry.waits && seen.code == 4)
    {
        return Err(format!("{} {text}", seen.code));
    }
    Ok(())
}

#[test]
fn one_that_is_not_there_is_told_with_what_to_do() {
    known(&[ALONE]);
    each(|one| !one.is_among(ALONE), miss);
}
