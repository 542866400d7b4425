//! A rollback whose block restores a whole dump takes away what was written since: somebody has to want that.

use rusqlite::Connection;

use crate::rig::Rig;
use crate::rig::seat::Seat;

const SETTINGS: &str = "[env.local.files.backups]\npath = \"backups\"\naccess = \"write\"\n\
    [env.local.sqlite.main]\npath = \"data.db\"\naccess = \"destroy\"\n";

const MIGRATE: &str = "//! Migrate.\n//! uses = [\"sqlite.main:destroy\", \"files.backups:write\"]\nlet db = sqlite(\"main\");\n\
    let key = `before-${run.id}.db`;\n\
    step \"Migrate\" { db.dump_to(files(\"backups\"), key); db.execute(\"INSERT INTO orders VALUES ('by the run')\"); }\n    \
    rollback { db.restore_from(files(\"backups\"), key); }\n";

/// A project in which a run is done, and an order was written since.
fn ordered() -> Rig {
    let rig = Rig::new(SETTINGS).file("t.rhai", MIGRATE);
    write(&rig, "CREATE TABLE orders (what TEXT)");
    rig.run(&["exec", "t.rhai"]).expect(0);
    write(&rig, "INSERT INTO orders VALUES ('by a customer')");
    rig
}

fn write(rig: &Rig, sql: &str) {
    Connection::open(rig.path("data.db")).unwrap().execute_batch(sql).unwrap();
}

fn orders(rig: &Rig) -> i64 {
    let database = Connection::open(rig.path("data.db")).unwrap();
    database.query_row("SELECT count(*) FROM orders", [], |row| row.get(0)).unwrap()
}

#[test]
fn what_was_written_since_is_not_lost_without_a_word() {
    let rig = ordered();
    let seen = rig.run(&["rollback", "last"]).expect(8);
    seen.says("the rollback would lose what was written to sqlite.main since")
        .says("sqlite.main goes back to its state of 20")
        .says("by the dump `before-20")
        .says("--force sqlite.main");
    assert_eq!(orders(&rig), 2, "nothing was done");
    rig.run(&["rollback", "last", "--yes"]).expect(8);
    rig.run(&["rollback", "last", "--force", "sqlite.mian"]).expect(2).says("did you mean `sqlite.main`?");
    assert_eq!(orders(&rig), 2);
    let seen = rig.run(&["rollback", "last", "--plan"]).expect(0);
    seen.says("rollback of “Migrate”")
        .says("replace what `sqlite.main` holds")
        .says("destroys")
        .says("that loses what was written since, and wants a yes at a terminal, or `--force sqlite.main`");
    rig.run(&["rollback", "last", "--plan", "--force", "sqlite.main"])
        .expect(0)
        .says("that loses what was written since, as `--force` says");
    rig.run(&["rollback", "last", "--force", "sqlite.main"]).expect(0);
    assert_eq!(orders(&rig), 0);
}

#[test]
fn the_person_at_the_terminal_is_asked_what_becomes_of_it() {
    for (key, code, left) in [("q", 8, 2), ("b", 0, 0)] {
        let rig = ordered();
        let seat = Seat::at(&rig, &["rollback", "last"]);
        seat.shows("goes back to its state of 20")
            .shows("[b] take back what was done")
            .shows("[q] leave everything as it is");
        seat.types(key);
        assert_eq!(seat.code(), code);
        assert_eq!(orders(&rig), left);
        let seen = rig.run(&["show", "last"]).expect(0);
        assert_eq!(seen.stdout.contains("to be taken back by ada@seat"), key == "b", "{seen}");
    }
}

#[test]
fn a_run_that_fails_is_taken_back_without_a_question() {
    let rig = Rig::new(SETTINGS).file("t.rhai", &format!("{MIGRATE}fail(\"no\");\n"));
    write(&rig, "CREATE TABLE orders (what TEXT)");
    rig.run(&["exec", "t.rhai"]).expect(1).says("taken back");
    assert_eq!(orders(&rig), 0);
}
