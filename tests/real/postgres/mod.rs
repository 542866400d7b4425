//! PostgreSQL: each verb against a real server.

mod changes;
mod connections;
mod doubts;
mod dumps;
mod failures;
mod flags;
mod migrations;
mod vitals;

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::postgres::{self, Database, PASSWORD};

/// A fresh database, or the end of a test that cannot be run here.
macro_rules! need_postgres {
    () => {
        match postgres::database() {
            Some(database) => database,
            None => return,
        }
    };
}
use need_postgres;

fn rig(database: &Database, access: &str) -> Rig {
    Rig::new(&database.settings(access)).variable("PG_PASSWORD", PASSWORD)
}

/// Runs `lines` in a step of a playbook that may use the database as far as `access`.
fn exec(rig: Rig, access: &str, lines: &str) -> (Rig, Seen) {
    rig.exec(&script(access, lines))
}

fn script(access: &str, lines: &str) -> String {
    format!(
        "//! Test.\n//!\n//! uses = [\"postgres.main:{access}\"]\nlet db = postgres(\"main\");\nstep \"test\" {{\n{lines}\n}}\n"
    )
}

#[test]
fn values_of_every_common_type_come_and_go() {
    let database = need_postgres!();
    database
        .sql("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN positive AS int CHECK (VALUE > 0)");
    let cases = [
        ("bool", "true"),
        ("int2", "-7"),
        ("int4", "5"),
        ("int8", "9223372036854775807"),
        ("float4", "0.1"),
        ("float8", "1e300"),
        ("numeric", "12.5"),
        ("numeric(6,2)", "\"12345678901234567890.123\""),
        ("text", "\"it's $1 \\\\ \\\"q\\\" ü\""),
        ("varchar(9)", "\"x\""),
        ("char(3)", "\"abc\""),
        ("jsonb", "#{ a: [1, #{ b: () }], c: \"x\" }"),
        ("json", "[1, \"two\", ()]"),
        ("uuid", "\"0191d7a0-0000-7000-8000-000000000001\""),
        ("timestamptz", "\"2026-02-03T04:05:06.789Z\""),
        ("timestamp", "\"2026-02-03T04:05:06\""),
        ("date", "\"2026-02-03\""),
        ("date", "\"infinity\""),
        ("time", "\"04:05:06\""),
        ("interval", "\"P1Y2M3DT4H5M6S\""),
        ("inet", "\"10.0.0.1\""),
        ("cidr", "\"10.0.0.0/8\""),
        ("bytea", "#{ base64: \"AP8=\" }"),
        ("int4[]", "[1, (), 3]"),
        ("text[]", "[\"a,b\", \"{\", \"\\\"\", \"\"]"),
        ("int4[]", "[[1, 2], [3, 4]]"),
        ("jsonb[]", "[#{ a: 1 }]"),
        ("mood", "\"happy\""),
        ("positive", "3"),
        ("mood[]", "[\"sad\"]"),
        ("int4", "()"),
    ];
    let lines: String = cases
        .iter()
        .map(|(ty, value)| {
            let ty = if *ty == "numeric(6,2)" { "numeric" } else { ty };
            format!("{{ let sent = {value}; let got = db.value(\"SELECT $1::{ty}\", [sent]); check `{ty} ${{got}}`, got == sent; }}\n")
        })
        .collect();
    let (_, seen) = exec(rig(&database, "read"), "read", &lines);
    seen.expect(0);
}

#[test]
fn a_query_gives_maps_and_a_value_gives_one() {
    let database = need_postgres!();
    database.sql("CREATE SCHEMA other; CREATE TABLE other.u (); CREATE TABLE t (id int, name text); INSERT INTO t VALUES (1, 'a'), (2, NULL)");
    let lines = r#"
        let rows = db.query("SELECT id, name FROM t WHERE id < $1 ORDER BY id", [9]);
        check "rows", rows == [#{ id: 1, name: "a" }, #{ id: 2, name: () }];
        check "no row", db.value("SELECT id FROM t WHERE id = $1", [7]) == ();
        check "tables", db.tables() == #{ t: 2, "other.u": 0 };
        check "activity", db.activity().len() == 0;
        let caught = [];
        for sql in ["SELECT id FROM t", "SELECT 1 AS a, 2 AS b", "SELECT 1; SELECT 2", "COMMIT", "SELECT $1::int"] {
            try { db.value(sql); } catch (error) { caught.push(error.what); }
        }
        try { db.query("SELECT 1 AS a, 2 AS a"); } catch (error) { caught.push(error.what); }
        try { db.query("SELECT point(1, 2)"); } catch (error) { caught.push(error.fix); }
        try { db.query("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"); } catch (error) { caught.push(error.what); }
        check `caught ${caught}`, caught.len() == 8;
        check "still usable", db.value("SELECT 1") == 1;
        fail(`${caught}`);
    "#;
    let (_, seen) = exec(rig(&database, "read"), "read", lines);
    seen.expect(1)
        .says("gave 2 rows where one value is wanted")
        .says("has 2 columns, not one")
        .says("refused the statement")
        .says("`COMMIT` cannot stand in the statement")
        .says("has 1 parameters, but 0 values are given")
        .says("two columns of the answer are named `a`")
        .says("point\\\"::text")
        .says("too large for a script");
}
