//! What changes something: atomic, bound, undone.

use super::*;

fn with_table() -> Option<Database> {
    let database = postgres::database()?;
    database.sql("CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL); INSERT INTO t VALUES (1, 'one')");
    Some(database)
}

fn rows(database: &Database) -> String {
    database.sql("SELECT string_agg(id || '=' || name, ' ' ORDER BY id) FROM t")
}

#[test]
fn a_change_tells_how_many_rows_it_touched_and_binds_its_values() {
    let Some(database) = with_table() else { return };
    let lines = r#"
        let done = db.execute("INSERT INTO t VALUES ($1, $2), ($3, $4)", [2, "x'); DROP TABLE t; --", 3, "three"]);
        check "rows", done.rows == 2;
        check "bound", db.value("SELECT name FROM t WHERE id = 2") == "x'); DROP TABLE t; --";
        check "none", db.execute("DELETE FROM t WHERE id = $1", [99]).rows == 0;
        check "returning", db.execute("UPDATE t SET name = name RETURNING id").rows == 3;
        db.execute("VACUUM t");
        db.execute("CREATE INDEX CONCURRENTLY t_name ON t (name)");
    "#;
    exec(rig(&database, "write"), "write", lines).1.expect(0);
    assert_eq!(database.sql("SELECT count(*) FROM pg_indexes WHERE indexname = 't_name'"), "1");
}

#[test]
fn a_failed_run_takes_back_what_says_how() {
    let Some(database) = with_table() else { return };
    let before = database.dump();
    let lines = r#"
        db.execute("UPDATE t SET name = $1 WHERE id = 1", ["new"],
            #{ undo: "UPDATE t SET name = $1 WHERE id = 1", undo_parameters: ["one"] });
        db.transaction(["INSERT INTO t VALUES (2, 'two')", ["INSERT INTO t VALUES ($1, 'three')", 3]],
            #{ undo: ["DELETE FROM t WHERE id = 3", ["DELETE FROM t WHERE id = $1", [2]]] });
        db.script("up.sql", #{ undo: "down.sql" });
        check "changed", db.query("SELECT id, name FROM t ORDER BY id") ==
            [#{ id: 1, name: "new" }, #{ id: 2, name: "two" }, #{ id: 3, name: "three" }];
        check "column", db.value("SELECT count(age) FROM t") == 0;
        fail("on purpose");
    "#;
    let rig = rig(&database, "write")
        .file("up.sql", "ALTER TABLE t ADD age int;")
        .file("down.sql", "ALTER TABLE t DROP age;");
    exec(rig, "write", lines).1.expect(1).says("on purpose");
    assert_eq!(rows(&database), "1=one");
    assert_eq!(database.dump(), before);
}

#[test]
fn what_touched_no_row_is_not_taken_back() {
    let Some(database) = with_table() else { return };
    let lines = r#"
        db.execute("UPDATE t SET name = 'two' WHERE name = 'zero'", [], #{ undo: "UPDATE t SET name = 'zero' WHERE id = 1" });
        db.execute("INSERT INTO t VALUES (1, 'one') ON CONFLICT DO NOTHING", [], #{ undo: "DELETE FROM t WHERE id = 1" });
        db.transaction([["DELETE FROM t WHERE id = $1", 7]], #{ undo: ["UPDATE t SET name = 'seven'"] });
        db.execute("DELETE FROM t WHERE id = 9");
        db.execute("CREATE TABLE u (id int)", [], #{ undo: "DROP TABLE u" });
        fail("on purpose");
    "#;
    let (_, seen) = exec(rig(&database, "write"), "write", lines);
    seen.expect(1).says("on purpose").says("DROP TABLE u").hides("NOT be taken back");
    assert_eq!(rows(&database), "1=one");
    assert_eq!(database.sql("SELECT count(*) FROM pg_tables WHERE tablename = 'u'"), "0");
}

#[test]
fn a_transaction_takes_effect_as_a_whole_or_not_at_all() {
    let Some(database) = with_table() else { return };
    let lines = r#"
        let done = db.transaction(["UPDATE t SET name = 'uno'", "INSERT INTO t VALUES (2, 'two'), (3, 'three')"]);
        check "rows", done == #{ rows: 3, each: [1, 2] };
        let error = ();
        try {
            db.transaction(["INSERT INTO t VALUES (4, 'four')", ["INSERT INTO t VALUES ($1, $2)", 2, "again"]]);
        } catch (caught) { error = caught; }
        check "which", error.what.contains("statement 2 of 2");
        check "sqlstate", error.details.sqlstate == "23505";
        check "constraint", error.details.constraint == "t_pkey" && error.details.table == "t";
        check "detail", error.details.detail == "Key (id)=(2) already exists.";
        try { db.transaction(["DELETE FROM t", "COMMIT"]); } catch (caught) { error = caught; }
        check "no commit", error.what.contains("`COMMIT` cannot stand in statement 2 of 2");
    "#;
    exec(rig(&database, "write"), "write", lines).1.expect(0);
    assert_eq!(rows(&database), "1=uno 2=two 3=three");
}

#[test]
fn what_changed_nothing_is_not_taken_back() {
    let Some(database) = with_table() else { return };
    // The row was there before; taking the failed insert back would lose it.
    let lines =
        r#"db.execute("INSERT INTO t VALUES (1, 'again')", [], #{ undo: "DELETE FROM t WHERE id = 1" });"#;
    exec(rig(&database, "write"), "write", lines).1.expect(1).says("SQLSTATE 23505").hides("taken back");
    assert_eq!(rows(&database), "1=one");
}

#[test]
fn a_deferred_constraint_fails_at_the_commit() {
    let Some(database) = with_table() else { return };
    database.sql("CREATE TABLE child (of int REFERENCES t DEFERRABLE INITIALLY DEFERRED)");
    let lines = r#"db.transaction(["INSERT INTO child VALUES (77)"]);"#;
    exec(rig(&database, "write"), "write", lines)
        .1
        .expect(1)
        .says("refused the transaction")
        .says("SQLSTATE 23503");
    assert_eq!(database.sql("SELECT count(*) FROM child"), "0");
}

#[test]
fn a_script_runs_whole_or_not_at_all() {
    let Some(database) = with_table() else { return };
    let good = "-- comment; with a sign\nCREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;\n\
                INSERT INTO t VALUES (2, 'a;b');\nINSERT INTO t VALUES (3, 'c');;\n";
    let rig = rig(&database, "write").file("sql/good.sql", good);
    let lines = r#"check "done", db.script("sql/good.sql") == #{ statements: 3, rows: 2 };"#;
    let (rig, seen) = exec(rig, "write", lines);
    seen.expect(0);
    assert_eq!(rows(&database), "1=one 2=a;b 3=c");
    for (name, sql, says) in [
        ("position.sql", "INSERT INTO t VALUES (4, 'd');\n\nSELECT\n  nowhere FROM t;\n", "position.sql:4:3"),
        (
            "running.sql",
            "INSERT INTO t VALUES (4, 'd');\n\n-- again\nINSERT INTO t VALUES (1, 'e');\n",
            "running.sql:4",
        ),
        ("syntax.sql", "INSERT INTO t VALUES (4, 'd');\nSELEC 1;\n", "syntax.sql:2:1"),
        (
            "inside.sql",
            "INSERT INTO t VALUES (4, 'd');\nDO $$ BEGIN\n  PERFORM 1 / 0;\nEND $$;\n",
            "inside.sql:2",
        ),
        ("commit.sql", "INSERT INTO t VALUES (4, 'd');\nCOMMIT;\n", "commit.sql:2:1"),
        ("psql.sql", "INSERT INTO t VALUES (4, 'd');\n\\i other.sql\n", "it is a command of psql"),
        ("copy.sql", "INSERT INTO t VALUES (4, 'd');\nCOPY t FROM stdin;\n5\tx\n\\.\n", "copy.sql:2:1"),
    ] {
        let one = rig.path(name);
        std::fs::write(one, sql).unwrap();
        std::fs::write(rig.path("test.rhai"), script("write", &format!("db.script(\"{name}\");"))).unwrap();
        let seen = rig.run(&["exec", "test.rhai"]);
        assert!(seen.code != 0, "{name}: {seen}");
        seen.says(says);
        assert_eq!(rows(&database), "1=one 2=a;b 3=c", "{name}");
    }
}

#[test]
fn a_script_whose_undo_is_not_there_is_not_begun() {
    let Some(database) = with_table() else { return };
    let rig = rig(&database, "write").file("up.sql", "INSERT INTO t VALUES (2, 'two')");
    let (rig, seen) =
        exec(rig, "write", r#"let name = "missing"; db.script("up.sql", #{ undo: name + ".sql" });"#);
    seen.expect(1).says("there is no file missing.sql in the project");
    // One that is named is found before the playbook runs.
    let (_, seen) = exec(rig, "write", r#"db.script("up.sql", #{ undo: "missing.sql" });"#);
    seen.expect(2).says("there is no file missing.sql in the project");
    assert_eq!(rows(&database), "1=one");
}

#[test]
fn reading_cannot_change_anything() {
    let Some(database) = with_table() else { return };
    database.sql(
        "CREATE SEQUENCE s; CREATE FUNCTION sly() RETURNS int LANGUAGE sql AS 'DELETE FROM t RETURNING 1'",
    );
    let lines = r#"
        for sql in ["INSERT INTO t VALUES (5, 'x')", "DELETE FROM t RETURNING id", "SELECT sly()", "SELECT nextval('s')", "CREATE TABLE u ()",
                    "SET TRANSACTION READ WRITE", "WITH gone AS (DELETE FROM t RETURNING id) SELECT * FROM gone"] {
            let error = ();
            try { db.query(sql); } catch (caught) { error = caught; }
            if sql.contains("SET") { continue; }
            check `refused: ${sql}`, error.details.sqlstate == "25006" && error.fix.contains("execute(");
        }
    "#;
    exec(rig(&database, "read"), "read", lines).1.expect(0);
    assert_eq!(rows(&database), "1=one");
}

#[test]
fn nothing_of_one_call_leaks_into_the_next() {
    let Some(database) = with_table() else { return };
    let settings = format!("{}pool = 1\n", database.settings("write"));
    let rig = Rig::new(&settings).variable("PG_PASSWORD", PASSWORD);
    let lines = r#"
        db.execute("SET search_path = pg_catalog");
        check "search path", db.value("SHOW search_path") != "pg_catalog";
        db.execute("CREATE TEMP TABLE scratch (a int)");
        check "temporary table", db.value("SELECT to_regclass('scratch')::text") == ();
        db.value("SELECT pg_advisory_lock(7)");
        check "lock", db.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0;
        check "one connection", db.value("SELECT pg_backend_pid()") == db.value("SELECT pg_backend_pid()");
        let all = parallel([|| db.value("SELECT 1"), || db.value("SELECT 2"), || db.value("SELECT 3")]);
        check "in turn", all == [1, 2, 3];
    "#;
    exec(rig, "write", lines).1.expect(0);
}

#[test]
fn a_plan_changes_nothing() {
    let Some(database) = with_table() else { return };
    let rig = rig(&database, "write").file(
        "test.rhai",
        &script(
            "write",
            r#"
        let n = db.value("SELECT count(*) FROM t");
        if n == 1 { db.execute("DELETE FROM t"); }
    "#,
        ),
    );
    rig.run(&["plan", "test.rhai"]).expect(0);
    assert_eq!(rows(&database), "1=one");
}
