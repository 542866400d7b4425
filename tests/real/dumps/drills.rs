//! Restoring: the drill in a database for a while, and the database that comes back as it was.

use super::*;
use crate::rig::wait_until;

/// Everything that a dump has to bring back.
const EVERYTHING: &str = r#"
    CREATE EXTENSION pgcrypto; COMMENT ON EXTENSION pgcrypto IS 'for sums';
    CREATE SCHEMA "Two Words"; COMMENT ON SCHEMA "Two Words" IS 'a name with a space';
    CREATE TYPE mood AS ENUM ('sad', 'it''s "fine"', 'happy'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE TYPE place AS (x float8, y float8);
    CREATE SEQUENCE numbers START 7 INCREMENT 3; SELECT nextval('numbers'), nextval('numbers');
    CREATE TABLE types (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a bool, b numeric(30,10), c bytea, d jsonb,
        e timestamptz, f interval, g inet, h uuid, i text[], j int4range, k mood, l positive, m place, n xml, o tsvector,
        p float8, q bit varying, r money, s char(5), t date, u text COLLATE "C", v int GENERATED ALWAYS AS (l * 2) STORED);
    INSERT INTO types (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u) VALUES
        (true, 12345678901234567890.0123456789, '\x00ff0a5c', '{"a": [1, null, "\n\\."]}', '2026-01-02 03:04:05.678+00', '1 mon -2 days',
         '10.0.0.0/8', '0191d7a0-0000-7000-8000-000000000001', '{"a,b","{",NULL,""}', '[1,5)', 'it''s "fine"', 3, '(1.5,-2)',
         '<a b="c"/>', 'a:1 b:2', 'NaN', B'1010', 12.34, 'ab', 'infinity', E'line\nbreak\ttab\\back\\.'),
        (NULL, 'NaN', '', 'null', '-infinity', NULL, '::1', NULL, '{}', 'empty', NULL, NULL, NULL, NULL, '', '-Infinity', '', NULL, '', NULL, E'\\.'),
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '');
    CREATE TABLE nothing (); INSERT INTO nothing SELECT FROM generate_series(1, 5);
    CREATE TABLE "Two Words"."a.b ""c""" (of bigint REFERENCES types, CHECK (of > 0)); INSERT INTO "Two Words"."a.b ""c""" VALUES (1), (2), (NULL);
    CREATE TABLE parts (n int, at date DEFAULT '2026-01-01') PARTITION BY RANGE (n);
    CREATE TABLE part_low PARTITION OF parts FOR VALUES FROM (0) TO (10);
    CREATE TABLE part_high PARTITION OF parts FOR VALUES FROM (10) TO (20) PARTITION BY LIST (n);
    CREATE TABLE part_high_11 PARTITION OF part_high FOR VALUES IN (11); CREATE TABLE part_rest PARTITION OF parts DEFAULT;
    INSERT INTO parts SELECT n % 12 FROM generate_series(0, 100) n WHERE n % 12 <> 10;
    CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 3), (4, 5);
    CREATE UNLOGGED TABLE fleeting (a int); INSERT INTO fleeting VALUES (1);
    CREATE VIEW moods AS SELECT k, count(*) FROM types GROUP BY k; CREATE MATERIALIZED VIEW kept AS SELECT * FROM moods WITH DATA;
    CREATE FUNCTION twice(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN n * 2; -- a 'comment'
        END $$; COMMENT ON FUNCTION twice IS 'doubles';
    CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.a := NEW.a + 1000; RETURN NEW; END $$;
    CREATE TRIGGER noting BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION noted();
    CREATE RULE quietly AS ON DELETE TO child DO INSTEAD NOTHING;
    CREATE INDEX by_mood ON types (k) WHERE a; CREATE INDEX by_sum ON types (twice(l)) WHERE false;
    CREATE STATISTICS together ON a, k FROM types;
    ALTER TABLE parent ENABLE ROW LEVEL SECURITY; CREATE POLICY positive ON parent USING (a > 0);
    GRANT SELECT ON types TO reader; GRANT SELECT (n) ON parts TO PUBLIC; REVOKE ALL ON FUNCTION twice FROM PUBLIC;
    ALTER DEFAULT PRIVILEGES IN SCHEMA "Two Words" GRANT SELECT ON TABLES TO reader;
    COMMENT ON TABLE types IS 'all of them; with '' and ; and --'; COMMENT ON COLUMN types.a IS E'two\nlines';
    SELECT lo_from_bytea(4711, '\x00010a5c2e0a0a0a'); SELECT lo_from_bytea(4712, decode(repeat('5c2e0a0a0a', 200000), 'hex'));
    COMMENT ON LARGE OBJECT 4711 IS 'large'; GRANT SELECT ON LARGE OBJECT 4712 TO reader;
"#;

fn everything() -> Option<Database> {
    let database = postgres::database()?;
    let server = database.server;
    server.psql(
        "postgres",
        "DO $$ BEGIN CREATE ROLE reader; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$",
    );
    database.sql(EVERYTHING);
    Some(database)
}

/// A project whose `postgres.main` is one database, and `postgres.copy` another of the same server.
fn project(main: &Database, copy: &Database, s3: &str) -> Rig {
    let copy = copy.settings("destroy").replace("postgres.main", "postgres.copy");
    Rig::new(&format!("{}{copy}{s3}", main.settings("destroy")))
        .variable("PG_PASSWORD", PASSWORD)
        .variable("RIG_ACCESS", s3s::ACCESS_KEY)
        .variable("RIG_SECRET", s3s::SECRET_KEY)
}

/// How many databases of the drills of this project's runs are there.
fn left(rig: &Rig, database: &Database) -> usize {
    let all = database.server.psql("postgres", "SELECT datname FROM pg_database");
    let shown = rig.run(&["runs"]).stdout.replace('-', "_");
    let of_ours =
        |name: &&str| name.strip_prefix("playbook_drill_").is_some_and(|rest| shown.contains(&rest[..20]));
    all.lines().filter(of_ours).count()
}

fn script(lines: &str) -> String {
    playbook(&format!("let copy = postgres(\"copy\");\n{lines}"))
        .replace("\"s3.box", "\"postgres.copy:destroy\", \"s3.box")
}

#[test]
fn a_dump_gives_back_an_identical_database() {
    let (Some(database), Some(bucket)) = (everything(), s3s::bucket()) else { return };
    let before = database.dump();
    // `parent` is dumped by its owner, on whom its policies do not bear.
    for compression in ["zstd", "gzip", "none"] {
        let copy = postgres::database().unwrap();
        let rig = project(&database, &copy, &bucket.settings("destroy"));
        let lines = format!(
            r#"let dump = db.dump_to(box, "{compression}.dump", #{{ compression: "{compression}" }});
            print(dump);
            check "rows", dump.rows == 108; check "tables", dump.tables == 11;
            check "sizes", dump.uncompressed > 1000000 && dump.bytes == box.head(dump.key).bytes;
            check "sum", box.checksum(dump.key) == dump.sha256;
            let back = copy.restore_from(box, dump.key);
            check "the same", back.sha256 == dump.sha256 && back.rows == dump.rows && back.kept == [];
            let drill = db.verify_restore(box, dump.key);
            check "drilled", drill.rows == dump.rows && drill.tables == 11 && drill.compared && drill.sha256 == dump.sha256;"#
        );
        let (rig, seen) = rig.exec(&script(&lines));
        seen.expect(0);
        assert_eq!(copy.dump(), before, "{compression}");
        // And again over what is there now.
        std::fs::write(
            rig.path("test.rhai"),
            script(&format!("copy.restore_from(box, \"{compression}.dump\");")),
        )
        .unwrap();
        rig.run(&["exec", "test.rhai"]).expect(0);
        assert_eq!(copy.dump(), before, "{compression}, twice");
    }
    assert_eq!(database.dump(), before);
    assert_eq!(bucket.keys(), ["gzip.dump", "none.dump", "zstd.dump"]);
}

#[test]
fn other_programs_restore_it_and_older_dumps_are_restored() {
    let (Some(database), Some(bucket)) = (everything(), s3s::bucket()) else { return };
    let Some(zstd) = crate::rig::servers::warden::on_path("zstd") else {
        crate::rig::servers::warden::skip::<()>("zstd", "apt-get install zstd");
        return;
    };
    let before = database.dump();
    let copy = postgres::database().unwrap();
    let rig = project(&database, &copy, &bucket.settings("destroy"));
    let lines = "db.dump_to(box, \"a.zst\"); db.dump_to(box, \"a.gz\", #{ compression: \"gzip\" });";
    let (rig, seen) = rig.exec(&script(lines));
    seen.expect(0);
    let server = database.server;
    let connection = format!("-h {} -p {} -U postgres", server.socket().display(), server.port);
    let programs = server.programs().display();
    for (unpack, key) in [(format!("{} -d", zstd.display()), "a.zst"), ("gzip -d".to_owned(), "a.gz")] {
        let copy = postgres::database().unwrap();
        let pipe = format!(
            "set -e; {unpack} < {} | {programs}/pg_restore -e {connection} -d {}",
            bucket.path(key).display(),
            copy.name
        );
        assert!(std::process::Command::new("sh").args(["-c", &pipe]).status().unwrap().success(), "{key}");
        assert_eq!(copy.dump(), before, "{key}");
    }
    // As older versions, and people, made them.
    for (name, how) in [("raw", "-Z0"), ("packed", "-Z6")] {
        let path = bucket.path(name);
        let dump =
            format!("{programs}/pg_dump {connection} -Fc {how} {} > {}", database.name, path.display());
        assert!(std::process::Command::new("sh").args(["-c", &dump]).status().unwrap().success());
        let lines = format!(
            "copy.restore_from(box, \"{name}\"); let drill = db.verify_restore(box, \"{name}\"); check \"rows\", drill.rows == 108; \
             check \"compared\", drill.compared == {};",
            name == "raw"
        );
        std::fs::write(rig.path("test.rhai"), script(&lines)).unwrap();
        rig.run(&["exec", "test.rhai"]).expect(0);
        assert_eq!(copy.dump(), before, "{name}");
    }
}

#[test]
fn a_drill_tells_when_a_dump_is_damaged_or_rows_do_not_come_back() {
    let (Some(database), Some(bucket)) = (postgres::database(), s3s::bucket()) else { return };
    database.sql("CREATE TABLE t AS SELECT n, md5(n::text) FROM generate_series(1, 50000) n");
    let rig = project(&database, &database, &bucket.settings("destroy"));
    let (rig, seen) =
        rig.exec(&script("db.dump_to(box, \"a\"); db.dump_to(box, \"n\", #{ compression: \"none\" });"));
    seen.expect(0);
    let drill = |key: &str| {
        std::fs::write(rig.path("test.rhai"), script(&format!("db.verify_restore(box, \"{key}\");")))
            .unwrap();
        rig.run(&["exec", "test.rhai"])
    };
    let whole = std::fs::read(bucket.path("a")).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for (name, bytes) in [
        ("flipped", &flipped[..]),
        ("cut", &whole[..whole.len() - 1]),
        ("half", &whole[..whole.len() / 2]),
        ("text", b"text"),
        ("empty", b""),
    ] {
        std::fs::write(bucket.path(name), bytes).unwrap();
        let seen = drill(name).expect(1);
        assert!(
            ["cannot be read", "could not be restored"].iter().any(|says| seen.all().contains(says)),
            "{name}: {seen}"
        );
    }
    // The server takes this line for the end of the rows, and leaves those behind it out without a word.
    let mut fewer = std::fs::read(bucket.path("n")).unwrap();
    let row = fewer.windows(7).position(|seven| seven == b"\x0025000\t").unwrap() + 1;
    fewer[row..row + 5].copy_from_slice(b"\\.\n\n\n");
    std::fs::write(bucket.path("fewer"), fewer).unwrap();
    drill("fewer").expect(1).says("does not give back all rows").says("in the dump, 24999 restored");
    assert_eq!(left(&rig, &database), 0);
    drill("nothing").says("has no object `nothing`");
}

#[test]
fn a_role_that_may_not_make_databases_is_told_and_another_server_can_be_named() {
    let (Some(database), Some(bucket), Some(other)) = (postgres::database(), s3s::bucket(), Server::start())
    else {
        return;
    };
    let other: &'static Server = Box::leak(Box::new(other));
    database.server.psql("postgres", "DO $$ BEGIN CREATE ROLE humble LOGIN PASSWORD 'rig-app-Pa55word'; EXCEPTION WHEN duplicate_object THEN END $$");
    database.sql("CREATE TABLE t AS SELECT n FROM generate_series(1, 100) n; GRANT SELECT ON t TO humble");
    let place = Database { server: other, name: "app".to_owned() };
    let rig = project(&database, &place, &bucket.settings("destroy"));
    let settings = std::fs::read_to_string(rig.path("playbook.toml")).unwrap().replacen(
        "user = \"app\"",
        "user = \"humble\"",
        1,
    );
    let rig = rig.file("playbook.toml", &settings);
    let lines = r#"db.dump_to(box, "a");
        let drill = db.verify_restore(box, "a", #{ scratch: copy });
        check "rows", drill.rows == 100;
        db.verify_restore(box, "a");"#;
    let (_, seen) = rig.exec(&script(lines));
    seen.expect(1).says("permission denied to create database").says("CREATEDB").says("`scratch`");
}

#[test]
fn doctor_says_that_a_role_for_drills_may_make_no_databases() {
    let Some(database) = postgres::database() else { return };
    database.server.psql("postgres", "DO $$ BEGIN CREATE ROLE meek LOGIN PASSWORD 'rig-app-Pa55word'; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$");
    let settings = database.settings("write").replace("user = \"app\"", "user = \"meek\"");
    let rig = |more: &str| Rig::new(&format!("{settings}{more}")).variable("PG_PASSWORD", PASSWORD);
    rig("").well("postgres.main", "PostgreSQL");
    let seen = rig("drills = true\n").run(&["doctor", "postgres.main"]).expect(1);
    seen.says("the role meek may make no databases").says("ALTER ROLE meek CREATEDB");
    database.server.psql("postgres", "ALTER ROLE meek CREATEDB");
    rig("drills = true\n").well("postgres.main", "PostgreSQL");
}

#[test]
fn a_drill_that_is_killed_or_stopped_leaves_no_database_after_the_next() {
    let Some(scene) = scene(12) else { return };
    let drill = format!("db.verify_restore(box, \"{EARLIER}\");");
    for kill in [true, false] {
        scene.proxy.when("GET", "x-id=GetObject", Fault::Hold, 99);
        let mut child = scene.start(&drill);
        scene.proxy.wait_held();
        wait_until("the drill's database is there", 20, || left(&scene.rig, &scene.database) == 1);
        if kill {
            child.kill().unwrap()
        } else {
            crate::rig::interrupt(&child)
        }
        let seen = scene.end(child);
        scene.go_on();
        if kill {
            assert_eq!(left(&scene.rig, &scene.database), 1, "it was killed too late to show anything");
            scene.rig.run(&["resume", "last"]).expect(0);
        }
        assert_eq!(left(&scene.rig, &scene.database), 0, "{seen}");
    }
}
