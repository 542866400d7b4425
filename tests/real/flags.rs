//! Feature flags in tables of a real SQLite file, of the shapes that people have.

use rusqlite::Connection;

use crate::rig::Rig;
use crate::rig::seen::Seen;

const SETTINGS: &str = "[env.local.sqlite.main]\npath = \"data.db\"\n[env.local.flags.main]\ndatabase = \"sqlite.main\"\naccess = \"write\"\n";
const TABLE: &str = "CREATE TABLE feature_flags (name TEXT PRIMARY KEY, enabled BOOLEAN NOT NULL);
                     INSERT INTO feature_flags VALUES ('auto_sync', 1), ('beta', 0), ('it''s \"odd\"', 1);";

fn project(settings: &str, sql: &str) -> Rig {
    let rig = Rig::new(settings);
    Connection::open(rig.path("data.db")).unwrap().execute_batch(sql).unwrap();
    rig
}

fn run(rig: Rig, body: &str) -> (Rig, Seen) {
    rig.exec(&format!("//! Test.\n//! uses = [\"flags.main:write\"]\nlet flags = flags(\"main\");\n{body}\n"))
}

fn held(rig: &Rig, sql: &str) -> String {
    let connection = Connection::open(rig.path("data.db")).unwrap();
    let value: rusqlite::types::Value = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    format!("{value:?}")
}

#[test]
fn flags_are_read_set_and_listed() {
    let (rig, seen) = run(
        project(SETTINGS, TABLE),
        r#"
        check "on", flags.get("auto_sync");
        check "turned off", flags.disable("auto_sync").changed;
        check "off", !flags.get("auto_sync");
        check "off already", !flags.disable("auto_sync").changed;
        check "turned on", flags.enable("beta").enabled;
        check "set", flags.set("it's \"odd\"", false).changed;
        check "all", flags.list() == #{ auto_sync: false, beta: true, "it's \"odd\"": false };
        "#,
    );
    seen.expect(0);
    assert_eq!(held(&rig, "SELECT enabled FROM feature_flags WHERE name = 'beta'"), "Integer(1)");
}

#[test]
fn a_failing_later_step_restores_what_each_flag_was() {
    let body = r#"
        step "off" { flags.disable("auto_sync"); flags.disable("beta"); flags.set("it's \"odd\"", false); }
        step "check" { check "off", !flags.get("auto_sync") && !flags.get("beta"); check "fails", false; }
    "#;
    let (rig, seen) = run(project(SETTINGS, TABLE), body);
    let seen = seen.expect(1);
    let taken_back = seen.stdout.split("taken back:").nth(1).unwrap();
    assert!(taken_back.contains("`auto_sync`") && !taken_back.contains("`beta`"), "{seen}");
    assert_eq!(held(&rig, "SELECT group_concat(enabled) FROM feature_flags"), "Text(\"1,0,1\")");
}

#[test]
fn a_missing_flag_is_an_error_that_names_the_near_one() {
    for call in ["flags.disable(\"auto_snyc\")", "flags.get(\"auto_snyc\")", "flags.set(\"auto_snyc\", true)"]
    {
        let (_, seen) = run(project(SETTINGS, TABLE), call);
        seen.expect(1).says("no flag `auto_snyc`").says("`auto_sync`");
    }
}

#[test]
fn the_shape_of_the_table_is_the_teams_own() {
    let settings = "[env.local.sqlite.main]\npath = \"data.db\"\n[env.local.flags.main]\ndatabase = \"sqlite.main\"\n\
                    table = \"app settings\"\nname = \"key\"\nenabled = \"on/off\"\naccess = \"write\"\n";
    let table = "CREATE TABLE \"app settings\" (key TEXT, \"on/off\" TEXT);
                 INSERT INTO \"app settings\" VALUES ('a', 'ON'), ('b', 'false'), ('twice', 'on'), ('twice', 'on'), ('odd', 'maybe'), ('null', NULL);";
    let (rig, seen) =
        run(project(settings, table), "flags.disable(\"a\"); flags.enable(\"b\"); flags.disable(\"null\");");
    seen.expect(0);
    assert_eq!(
        held(&rig, "SELECT group_concat(\"on/off\") FROM \"app settings\" WHERE key IN ('a', 'b')"),
        "Text(\"OFF,true\")"
    );
    let (rig, seen) = run(rig, "flags.enable(\"twice\");");
    seen.says("2 rows for the flag `twice`");
    run(rig, "flags.enable(\"odd\");").1.says("neither on nor off");
}

#[test]
fn the_flags_resource_opens_its_own_table_and_nothing_else() {
    // The header grants the flags, not the database behind them.
    let script = "//! T.\n//! uses = [\"flags.main:write\"]\nflags(\"main\").disable(\"beta\");\nsqlite(\"main\").query(\"SELECT 1\");\n";
    let (_, seen) = project(SETTINGS, TABLE).exec(script);
    seen.expect(3).says("sqlite.main:read");
    let read_only = SETTINGS.replace("access = \"write\"", "");
    run(project(&read_only, TABLE), "flags.disable(\"beta\");").1.expect(3).says("flags.main:write");
    for (database, says) in [("files.box", "no SQL database"), ("sqlite.other", "no resource")] {
        let settings = format!(
            "{}\n[env.local.files.box]\npath = \"box\"\n",
            SETTINGS.replace("\"sqlite.main\"", &format!("\"{database}\""))
        );
        let (_, seen) = run(project(&settings, TABLE), "flags.get(\"beta\");");
        seen.says(says);
    }
}

#[test]
fn a_missing_table_or_column_says_which() {
    run(project(SETTINGS, ""), "flags.get(\"a\");").1.expect(1).says("no such table: feature_flags");
    let table = "CREATE TABLE feature_flags (key TEXT, enabled BOOLEAN)";
    run(project(SETTINGS, table), "flags.get(\"a\");").1.expect(1).says("no such column: f.name");
}

#[test]
fn a_crash_around_a_change_is_survived() {
    let made = project(SETTINGS, TABLE);
    let settings = SETTINGS.replace("data.db", made.path("data.db").to_str().unwrap());
    let state = || {
        held(&made, "SELECT group_concat(name || enabled) FROM (SELECT * FROM feature_flags ORDER BY name)")
    };
    for line in [
        "flags(\"main\").disable(\"auto_sync\");",
        "flags(\"main\").enable(\"beta\");",
        "flags(\"main\").set(\"beta\", true);",
    ] {
        crate::rig::crash::survives(|| Rig::new(&settings), "flags.main:write", line, state);
    }
}
