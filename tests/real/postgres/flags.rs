//! Feature flags in a table of a real PostgreSQL.

use super::need_postgres;
use crate::rig::Rig;
use crate::rig::servers::postgres::{self, PASSWORD};

#[test]
fn flags_live_in_postgres_too_and_are_taken_back() {
    let database = need_postgres!();
    database.sql("CREATE TABLE feature_flags (flag_name text PRIMARY KEY, enabled boolean NOT NULL)");
    database.sql("INSERT INTO feature_flags VALUES ('auto_sync', true), ('beta', false)");
    let flags =
        "[env.local.flags.main]\ndatabase = \"postgres.main\"\nname = \"flag_name\"\naccess = \"write\"\n";
    let before = database.dump();
    let (_, seen) = Rig::new(&format!("{}{flags}", database.settings("read")))
        .variable("PG_PASSWORD", PASSWORD)
        .exec(
            "//! T.\n//!\n//! uses = [\"flags.main:write\"]\nlet flags = flags(\"main\");\nstep \"Switch\" {\n\
             check \"on\", flags.get(\"auto_sync\") == true;\nflags.disable(\"auto_sync\");\nflags.enable(\"beta\");\n\
             check \"off\", flags.get(\"auto_sync\") == false;\ncheck \"all\", flags.list().beta == true;\n}\nfail(\"now\");",
        );
    // The database itself is granted for reading alone: what may be changed is the flags.
    seen.expect(1).hides("does not grant").says("taken back");
    assert_eq!(sorted(&database.dump()), sorted(&before));
}

#[test]
fn a_role_that_may_only_read_them_changes_none() {
    let database = need_postgres!();
    let role = "DO $$ BEGIN CREATE ROLE reader_of_flags LOGIN PASSWORD 'PASSWORD'; EXCEPTION WHEN duplicate_object THEN END $$";
    database.server.psql("postgres", &role.replace("PASSWORD'", &format!("{PASSWORD}'")));
    database.sql(
        "CREATE TABLE feature_flags (name text PRIMARY KEY, enabled boolean NOT NULL); \
         INSERT INTO feature_flags VALUES ('auto_sync', true); GRANT SELECT ON feature_flags TO reader_of_flags",
    );
    let state = || database.sql("SELECT enabled FROM feature_flags");
    let flags = "[env.local.flags.main]\ndatabase = \"postgres.main\"\naccess = \"write\"\n";
    let settings = format!("{}{flags}", database.settings("read"));
    let text = |line: &str| {
        format!("//! T.\n//! uses = [\"flags.main:write\"]\nlet flags = flags(\"main\");\n{line}\n")
    };
    let reading = settings.replacen("user = \"app\"", "user = \"reader_of_flags\"", 1);
    assert_ne!(reading, settings);
    let rig = Rig::new(&reading).variable("PG_PASSWORD", PASSWORD);
    let (_, seen) =
        rig.exec(&text("check \"read\", flags.get(\"auto_sync\");\nflags.disable(\"auto_sync\");"));
    seen.expect(1)
        .says("✔ read")
        .says("permission denied for table feature_flags")
        .hides("in doubt")
        .hides("NOT");
    assert_eq!(state(), "t");
}

/// An update moves a row to another place of its table, so a dump lists the same rows in another order.
fn sorted(dump: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = dump.lines().collect();
    lines.sort_unstable();
    lines
}
