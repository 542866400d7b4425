//! Migrations of the three tools: applied in order, recorded as the tools record them, refused where they do not fit.

use super::*;

const SQLX: [(&str, &str); 4] = [
    ("m/1_users.up.sql", "CREATE TABLE users (id int PRIMARY KEY);\n"),
    ("m/1_users.down.sql", "DROP TABLE users;\n"),
    ("m/2_add_name.up.sql", "ALTER TABLE users ADD name text;\nINSERT INTO users VALUES (1, 'ada');\n"),
    ("m/2_add_name.down.sql", "DELETE FROM users; ALTER TABLE users DROP name;\n"),
];
const PRISMA: [(&str, &str); 2] = [
    ("m/20240101000000_init/migration.sql", "CREATE TABLE users (id int PRIMARY KEY);\n"),
    ("m/20240201000000_name/migration.sql", "ALTER TABLE users ADD name text;\n"),
];
const FLYWAY: [(&str, &str); 3] = [
    ("m/V1__users.sql", "CREATE TABLE users (id int PRIMARY KEY);\n"),
    ("m/V1_1__add_name.sql", "ALTER TABLE users ADD name text;\n"),
    ("m/R__names.sql", "CREATE OR REPLACE VIEW names AS SELECT name FROM users;\n"),
];

fn with(database: &Database, access: &str, files: &[(&str, &str)]) -> Rig {
    files.iter().fold(rig(database, access), |rig, (name, text)| rig.file(name, text))
}

const ALL: &str = r#"
    let before = db.migrations("m");
    check `pending ${before}`, !before.up_to_date && before.pending.len() > 1 && before.applied.is_empty();
    let done = db.migrate("m");
    check `applied ${done}`, done.applied.len() == before.pending.len() && done.format == before.format;
    let after = db.migrations("m");
    check `up to date ${after}`, after.up_to_date && after.applied.len() == done.applied.len();
    check "again", db.migrate("m").applied.is_empty();
    check "the column", db.value("SELECT count(name) FROM users") >= 0;
"#;

#[test]
fn sqlx_migrations_are_applied_and_recorded_as_sqlx_does() {
    let database = need_postgres!();
    exec(with(&database, "write", &SQLX), "write", ALL).1.expect(0);
    let held = database.sql(
        "SELECT string_agg(version || '|' || description || '|' || success || '|' || encode(checksum, 'hex'), ' ' ORDER BY version) \
         FROM _sqlx_migrations WHERE execution_time > 0",
    );
    // sha384sum of the files.
    let sum = |text: &str| {
        use sha2::Digest as _;
        sha2::Sha384::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let wanted = format!("1|users|true|{} 2|add name|true|{}", sum(SQLX[0].1), sum(SQLX[2].1));
    assert_eq!(held, wanted);
}

#[test]
fn prisma_migrations_are_applied_and_recorded_as_prisma_does() {
    let database = need_postgres!();
    exec(with(&database, "write", &PRISMA), "write", ALL).1.expect(0);
    let held = database.sql(
        "SELECT string_agg(migration_name || '|' || checksum, ' ' ORDER BY started_at) FROM _prisma_migrations \
         WHERE finished_at >= started_at AND rolled_back_at IS NULL AND applied_steps_count = 1 AND logs IS NULL AND length(id) = 36",
    );
    let sum = |text: &str| {
        use sha2::Digest as _;
        sha2::Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    assert_eq!(
        held,
        format!("20240101000000_init|{} 20240201000000_name|{}", sum(PRISMA[0].1), sum(PRISMA[1].1))
    );
}

#[test]
fn flyway_migrations_are_applied_and_recorded_as_flyway_does() {
    let database = need_postgres!();
    let (rig, seen) = exec(with(&database, "write", &FLYWAY), "write", ALL);
    seen.expect(0);
    let held = || {
        database.sql(
            "SELECT string_agg(installed_rank || '|' || coalesce(version, '') || '|' || description || '|' || type || '|' || script || '|' || \
             checksum, ' ' ORDER BY installed_rank) FROM flyway_schema_history WHERE success AND installed_by = 'app'",
        )
    };
    // zlib.crc32 of the lines without their ends, as a signed number.
    assert_eq!(
        held(),
        "1|1|users|SQL|V1__users.sql|-2134990597 2|1.1|add name|SQL|V1_1__add_name.sql|758612320 3||names|SQL|R__names.sql|1235917246"
    );
    // A repeatable one runs again when it changes.
    let rig = rig.file("m/R__names.sql", "CREATE OR REPLACE VIEW names AS SELECT name, id FROM users;\n");
    exec(rig, "write", "let done = db.migrate(\"m\"); check `one ${done}`, done.applied.len() == 1;")
        .1
        .expect(0);
    assert!(held().contains("4||names|SQL|R__names.sql|"), "{}", held());
}

#[test]
fn a_failing_run_takes_the_migrations_back_by_their_down_files_and_says_when_there_are_none() {
    let database = need_postgres!();
    let lines = "db.migrate(\"m\", #{ to: \"1\" }); fail(\"later\");";
    exec(with(&database, "write", &SQLX), "write", lines).1.expect(1).says("taken back");
    assert_eq!(
        database.sql("SELECT to_regclass('users') IS NULL, (SELECT count(*) FROM _sqlx_migrations)"),
        "t|0"
    );
    exec(with(&database, "write", &SQLX), "write", "db.migrate(\"m\"); fail(\"later\");").1.expect(1);
    assert_eq!(
        database.sql("SELECT to_regclass('users') IS NULL, (SELECT count(*) FROM _sqlx_migrations)"),
        "t|0"
    );
    let other = postgres::database().unwrap();
    exec(with(&other, "write", &PRISMA), "write", "db.migrate(\"m\"); fail(\"later\");")
        .1
        .expect(6)
        .says("20240101000000_init has no file that takes it back");
    assert_eq!(other.sql("SELECT to_regclass('users') IS NULL"), "f");
}

#[test]
fn a_migration_that_fails_leaves_nothing_and_those_before_it_stay() {
    let database = need_postgres!();
    let mut files = PRISMA.to_vec();
    files.push((
        "m/20240301000000_bad/migration.sql",
        "CREATE TABLE half (id int);\nALTER TABLE nothing ADD x int;\n",
    ));
    let (rig, seen) = exec(with(&database, "write", &files), "write", "db.migrate(\"m\");");
    seen.says("m/20240301000000_bad/migration.sql:2")
        .says("relation \"nothing\" does not exist")
        .says("applied before it: 20240101000000_init, 20240201000000_name");
    assert_eq!(
        database.sql("SELECT to_regclass('half') IS NULL, (SELECT count(*) FROM _prisma_migrations)"),
        "t|2"
    );
    // Repaired, it goes on where it stopped.
    let rig = rig.file("m/20240301000000_bad/migration.sql", "CREATE TABLE half (id int);\n");
    exec(rig, "write", "check \"one\", db.migrate(\"m\").applied.len() == 1;").1.expect(0);
}

#[test]
fn what_cannot_be_one_transaction_runs_by_itself_and_a_failure_stays_on_record() {
    let database = need_postgres!();
    let mut files = PRISMA.to_vec();
    files.push((
        "m/20240301000000_index/migration.sql",
        "CREATE INDEX CONCURRENTLY users_name ON users (name);\nSELECT 1;\n",
    ));
    files.push(("m/20240401000000_bad/migration.sql", "VACUUM users;\n\nDROP INDEX CONCURRENTLY nothing;\n"));
    let lines = r#"check "kinds", db.migrations("m").pending.map(|one| one.transactional) == [true, true, false, false]; db.migrate("m");"#;
    let (rig, seen) = exec(with(&database, "write", &files), "write", lines);
    seen.says("m/20240401000000_bad/migration.sql:3")
        .says("index \"nothing\" does not exist")
        .says("did not run in one transaction");
    assert_eq!(
        database.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'users_name'::regclass"),
        "t"
    );
    let held = "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NULL AND logs LIKE '%does not exist%'";
    assert_eq!(database.sql(held), "20240401000000_bad");
    exec(
        rig,
        "write",
        "check \"failed\", db.migrations(\"m\").failed == [\"20240401000000_bad\"]; db.migrate(\"m\");",
    )
    .1
    .expect(1)
    .says("a migration of `postgres.main` failed earlier: 20240401000000_bad")
    .says("prisma migrate resolve");
}

#[test]
fn what_does_not_fit_is_refused_before_anything_happens() {
    let database = need_postgres!();
    let (rig, seen) = exec(with(&database, "write", &FLYWAY), "write", "db.migrate(\"m\");");
    seen.expect(0);
    let count = || database.sql("SELECT count(*) FROM flyway_schema_history");
    let migrate = |rig: Rig, says: &str| {
        let (rig, seen) = exec(rig, "write", "db.migrate(\"m\");");
        seen.expect(1).says(says);
        assert_eq!(count(), "3");
        rig
    };
    let rig = rig.file("m/V1__users.sql", "CREATE TABLE users (id bigint PRIMARY KEY);\n");
    let rig = migrate(rig, "migrations were changed after `postgres.main` had applied them: V1__users");
    let rig = rig.file("m/V1__users.sql", FLYWAY[0].1).file("m/V0_9__early.sql", "SELECT 1;\n");
    let rig = migrate(rig, "migrations come before others that `postgres.main` has applied: V0_9__early");
    let (rig, seen) =
        exec(rig, "write", "check \"one\", db.migrate(\"m\", #{ out_of_order: true }).applied.len() == 1;");
    seen.expect(0);
    std::fs::remove_file(rig.path("m/V0_9__early.sql")).unwrap();
    exec(rig, "write", "db.migrate(\"m\");").1.expect(1).says("that m does not hold: V0_9__early");
}

#[test]
fn somebody_who_migrates_is_waited_for_and_then_named() {
    let database = need_postgres!();
    let mut files = SQLX.to_vec();
    files.push(("m/3_slow.up.sql", "SELECT pg_sleep(1);\n"));
    // Two at once: one waits for the other, and finds nothing left to do.
    let one = with(&database, "write", &files).file("test.rhai", &script("write", "db.migrate(\"m\");"));
    let two = with(&database, "write", &files).file("test.rhai", &script("write", "db.migrate(\"m\");"));
    let mut both = [&one, &two].map(|rig| rig.command(&["exec", "test.rhai"]).spawn().unwrap());
    for child in &mut both {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(database.sql("SELECT count(*), bool_and(success) FROM _sqlx_migrations"), "3|t");
}

#[test]
fn a_plan_applies_nothing_and_a_reader_may_not() {
    let database = need_postgres!();
    let rig = with(&database, "write", &PRISMA)
        .file("test.rhai", &script("write", "db.migrations(\"m\"); db.migrate(\"m\");"));
    rig.run(&["plan", "test.rhai"]).expect(0).says("apply the pending migrations of m to postgres.main");
    assert_eq!(
        database.sql("SELECT to_regclass('users') IS NULL, to_regclass('_prisma_migrations') IS NULL"),
        "t|t"
    );
    exec(with(&database, "read", &PRISMA), "read", "db.migrate(\"m\");")
        .1
        .expect(3)
        .says("postgres.main:write");
    exec(with(&database, "write", &SQLX), "write", "db.revert_migrations(\"m\", [\"1\"]);")
        .1
        .expect(3)
        .says("destroy");
    exec(with(&database, "read", &PRISMA), "read", "db.migrations(\"nowhere\");")
        .1
        .expect(1)
        .says("there is no folder nowhere");
    exec(with(&database, "read", &[("m/readme.sql", "")]), "read", "db.migrations(\"m\");")
        .1
        .expect(1)
        .says("holds no migrations of a known form");
}

#[test]
fn a_crash_around_a_migration_and_a_statement_is_survived() {
    let database = need_postgres!();
    let tables = || database.sql("SELECT count(*) FROM pg_tables WHERE tablename = 'users'");
    let line = "postgres(\"main\").migrate(\"m\");";
    let with_down = || with(&database, "destroy", &SQLX);
    crate::rig::crash::survives(with_down, "postgres.main:destroy", line, tables);
    database.sql("CREATE TABLE marks (n int)");
    let line =
        "postgres(\"main\").execute(\"INSERT INTO marks VALUES (1)\", #{ undo: \"DELETE FROM marks\" });";
    let marks = || database.sql("SELECT count(*) FROM marks");
    let after = crate::rig::crash::AFTER_COMMIT;
    crate::rig::crash::survives_at(after, || rig(&database, "write"), "postgres.main:write", line, marks);
}
