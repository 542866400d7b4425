//! Changes whose end is not known: the server knows of each transaction whether it was committed.

use super::*;
use crate::cli::resume::killed;
use crate::rig::wait_until;

/// Nothing of it is the same twice as once, and its values are asked for.
const LINES: &str = r#"
    let one = db.execute("INSERT INTO notes SELECT 'one' FROM generate_series(1, 2)");
    let two = db.transaction(["INSERT INTO notes VALUES ('two')", ["UPDATE sums SET sum = sum + $1", 5]]);
    let three = db.script("add.sql");
    check "values", one.rows == 2 && two.each == [1, 1] && three.statements == 2 && three.rows == 3;
"#;

#[test]
fn a_change_is_made_once_wherever_the_process_dies() {
    let database = need_postgres!();
    let rig = rig(&database, "write")
        .file(
            "add.sql",
            "INSERT INTO notes VALUES ('three');\nUPDATE notes SET note = note WHERE note = 'one';\n",
        )
        .file("test.rhai", &script("write", LINES));
    let mut reached = 0;
    for number in 2.. {
        for when in ["before", "after"] {
            database.sql(
                "DROP TABLE IF EXISTS notes, sums; CREATE TABLE notes (note text); CREATE TABLE sums (sum int); INSERT INTO sums VALUES (0)",
            );
            let moment = format!("{number}:{when}");
            if killed(&rig, &["exec", "test.rhai"], &moment).code == 0 {
                assert!(reached > 20, "{reached} moments mean nothing");
                return;
            }
            reached += 1;
            // Behind the last record there is nothing to go on with.
            rig.run(&["resume", "last"]).expect_any(&[0, 2]);
            let found = database.sql(
                "SELECT string_agg(note, ',' ORDER BY note) || ' ' || (SELECT sum FROM sums) FROM notes",
            );
            assert_eq!(found, "one,one,three,two 5", "killed at {moment}");
            rig.run(&["verify"]).expect(0);
        }
    }
}

#[test]
fn what_the_server_is_still_doing_for_a_dead_process_is_waited_for() {
    let database = need_postgres!();
    database.sql("CREATE TABLE notes (note text)");
    let lines = "db.execute(\"INSERT INTO notes SELECT 'one' FROM pg_sleep(8)\");";
    let rig = rig(&database, "write").file("test.rhai", &script("write", lines));
    let mut child = rig.command(&["exec", "test.rhai"]).spawn().unwrap();
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO notes%' AND state = 'active' AND datname = current_database()";
    wait_until("the statement runs", 30, || database.server.psql(&database.name, sleeping) == "1");
    child.kill().unwrap();
    child.wait().unwrap();
    // Its transaction was never told, so it cannot be committed any more; it is begun anew.
    rig.run(&["resume", "last"]).expect(0);
    assert_eq!(database.sql("SELECT count(*) FROM notes"), "1");
    rig.run(&["show"]).expect(0).says("found not done by probe");
}
