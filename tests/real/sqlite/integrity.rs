//! `integrity`: what a sound database, a broken index and a lost parent say; what a deadline and a plan do.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use super::*;

const SHOP: &str = "CREATE TABLE customers (id INTEGER PRIMARY KEY);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer REFERENCES customers(id), code TEXT);
    CREATE INDEX by_code ON orders (code);
    INSERT INTO customers VALUES (1); INSERT INTO orders VALUES (7, 1, 'first'), (8, 1, 'second');";

const LINE: &str = "let found = db.integrity();";

#[test]
fn a_sound_database_is_fine_and_a_lost_parent_is_named() {
    let rig = project(SHOP);
    let (rig, seen) =
        run(rig, &format!("{LINE} check \"fine\", found == #{{ fine: true, faults: [], orphans: [] }};"));
    seen.expect(0);
    open(&rig).execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM customers").unwrap();
    let (rig, seen) = run(
        rig,
        &format!(
            "{LINE} check \"not\", !found.fine; check \"two\", found.orphans.len() == 2;
             check \"which\", found.orphans[0] == #{{ table: \"orders\", rowid: 7, parent: \"customers\" }};"
        ),
    );
    seen.expect(0);
    let rig = rig.file("t.rhai", &script(LINE));
    rig.run(&["plan", "t.rhai"]).expect(0).says("look whether sqlite.main is sound").says("no changes");
}

#[test]
fn a_damaged_index_is_told_in_sqlites_words() {
    let rig = project(SHOP);
    // The key in the index is spoiled, and the row that it stands for is not.
    let path = rig.path("data.db");
    let mut file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    let at = bytes.windows(6).rposition(|window| window == b"second").unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(b"zecond").unwrap();
    drop(file);
    let line = format!("{LINE} log(`${{found.faults}}`); check \"sound\", found.fine;");
    run(rig, &line).1.expect(1).says("by_code").says("✘ sound");
}

#[test]
fn no_grant_no_file_and_no_time_are_told() {
    let rig = project(SHOP);
    let script = script(LINE).replace("\"sqlite.main:destroy\", ", "");
    rig.file("t.rhai", &script).run(&["exec", "t.rhai"]).expect(3).says("sqlite.main:read");
    run(Rig::new(SETTINGS), LINE).1.expect(1).says("has no database at");
    let rig = project(SHOP).file("playbook.toml", &SETTINGS.replace("300ms", "60s"));
    let held = open(&rig);
    held.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let line = "db.integrity(#{ timeout: \"100ms\" });";
    run(rig, line).1.expect(4).says("gave no answer within 100ms");
}
