//! What the server says no to: its own words, its SQLSTATE, its hint, and the place in the SQL.

use super::*;

#[test]
fn an_error_is_drawn_with_the_sql_and_the_servers_own_hint() {
    let database = need_postgres!();
    database.sql("CREATE TABLE people (id int, name text)");
    let (_, seen) = exec(rig(&database, "read"), "read", "db.query(\"SELECT id,\\n  nam FROM people\");");
    let seen = seen.expect(1);
    let (_, error) = seen.stdout.split_once("\n✘ `postgres.main`").unwrap();
    let (error, _) = error.split_once("\n\n").unwrap();
    insta::assert_snapshot!(error, @r#"
     refused the statement at line 2
      --> test.rhai:6:4
      |
    6 | db.query("SELECT id,\n  nam FROM people");
      |    ^
      why: column "nam" does not exist (SQLSTATE 42703)
             --> sql:2:3
             |
           2 |   nam FROM people
             |   ^
      fix: Perhaps you meant to reference the column "people.name".
    "#);
}

#[test]
fn the_fields_of_an_error_reach_the_script() {
    let database = need_postgres!();
    database.sql("CREATE TABLE t (n int CONSTRAINT small CHECK (n < 10), s varchar(2)); CREATE TABLE u (m int NOT NULL)");
    let lines = r#"
        let caught = |sql| { try { db.execute(sql); } catch (error) { return error; } };
        let error = caught.call("INSERT INTO t VALUES (11, 'a')");
        check "check", error.details.sqlstate == "23514" && error.details.constraint == "small" && error.kind == "remote";
        check "severity", error.details.severity == "ERROR";
        error = caught.call("INSERT INTO u VALUES (NULL)");
        check "not null", error.details.sqlstate == "23502" && error.details.column == "m";
        error = caught.call("SELECT 1 FROM nowhere");
        check "position", error.details.sqlstate == "42P01" && error.details.position == 15;
        error = caught.call("SELECT 1; SELECT 2");
        check "several", error.fix.contains("transaction([");
        error = caught.call("DO $$ BEGIN RAISE EXCEPTION 'no way' USING HINT = 'try harder', DETAIL = 'so it is', ERRCODE = 'P0042'; END $$");
        check "raised", error.details.sqlstate == "P0042" && error.fix == "try harder" && error.why.contains("so it is");
        error = caught.call("DO $$ BEGIN PERFORM bad FROM t; END $$");
        check "inside", error.why.contains("sql inside the server") && error.details.sqlstate == "42703";
        error = caught.call("COPY t FROM stdin");
        check "copy", error.what.contains("COPY T FROM STDIN");
        check "alive", db.value("SELECT 1") == 1;
    "#;
    exec(rig(&database, "write"), "write", lines).1.expect(0);
}

#[test]
fn a_wrong_value_names_its_parameter() {
    let database = need_postgres!();
    let lines = r#"
        let whys = [];
        for pair in [["SELECT $1::int", "abc"], ["SELECT $1::int", [1]], ["SELECT $1::bytea", #{ hex: "00" }], ["SELECT $1::text", "a\x00b"]] {
            try { db.value(pair[0], [pair[1]]); } catch (error) { whys.push(`${error.what}: ${error.why}`); }
        }
        check "four", whys.len() == 4;
        fail(`${whys}`);
    "#;
    exec(rig(&database, "read"), "read", lines)
        .1
        .expect(1)
        .says("invalid input syntax for type integer")
        .says("an array cannot be a parameter of the type int4")
        .says("base64")
        .says("0x00");
}
