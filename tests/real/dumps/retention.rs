//! Retention: the newest dumps of one database stay, and nothing else is ever touched.

use super::*;

fn project(database: &Database, store: &str) -> Rig {
    database.sql("CREATE TABLE IF NOT EXISTS t AS SELECT n FROM generate_series(1, 10) n");
    let other = database.settings("destroy").replace("postgres.main", "postgres.other");
    Rig::new(&format!("{}{other}{store}", database.settings("destroy")))
        .variable("PG_PASSWORD", PASSWORD)
        .variable("RIG_ACCESS", s3s::ACCESS_KEY)
        .variable("RIG_SECRET", s3s::SECRET_KEY)
}

fn exec(rig: &Rig, lines: &str) -> Seen {
    let script = playbook(lines).replace("\"s3.box", "\"postgres.other:read\", \"s3.box");
    std::fs::write(rig.path("test.rhai"), script).unwrap();
    rig.run(&["exec", "test.rhai"])
}

#[test]
fn the_newest_stay_and_only_dumps_of_this_database_go() {
    let (Some(database), Some(bucket)) = (postgres::database(), s3s::bucket()) else { return };
    let rig = project(&database, &bucket.settings("destroy"));
    let lines = r#"
        db.dump_to(box, "daily/1.dump"); db.dump_to(box, "daily/2.dump", #{ compression: "gzip" });
        db.dump_to(box, "daily/raw.dump", #{ compression: "none" });
        db.dump_to(box, "other/1.dump"); db.dump_to(box, "daily/deeper/1.dump");
        postgres("other").dump_to(box, "daily/others.dump");
        box.put("daily/note.txt", "of a person");
        let third = db.dump_to(box, "daily/3.dump", #{ keep: 3 });
        check "enough room", third.removed == [] && third.not_removed == [];
        let fourth = db.dump_to(box, "daily/4.dump", #{ keep: 2 });
        check `oldest first ${fourth}`, fourth.removed == ["daily/1.dump", "daily/2.dump"];
        let only = db.dump_to(box, "daily/0.dump", #{ keep: 1 });
        check "never the new one, whatever its name", only.removed == ["daily/3.dump", "daily/4.dump"];
        check "again", db.dump_to(box, "daily/0.dump", #{ keep: 1, replace: true }).removed == [];
    "#;
    exec(&rig, lines).expect(0);
    let stay = [
        "daily/0.dump",
        "daily/deeper/1.dump",
        "daily/note.txt",
        "daily/others.dump",
        "daily/raw.dump",
        "other/1.dump",
    ];
    assert_eq!(bucket.keys(), stay);
}

#[test]
fn a_dump_that_fails_removes_nothing() {
    let (Some(database), Some(bucket)) = (postgres::database(), s3s::bucket()) else { return };
    let rig = project(&database, &bucket.settings("destroy"));
    exec(&rig, "for n in 1..4 { db.dump_to(box, `d/${n}`); }").expect(0);
    let before = bucket.keys();
    let programs = database.server.programs();
    let text = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] || exit 1\nexec {} \"$@\"\n",
        programs.join("pg_dump").display()
    );
    let rig = rig.file("programs/pg_dump", &text);
    std::process::Command::new("chmod").arg("755").arg(rig.path("programs/pg_dump")).status().unwrap();
    std::os::unix::fs::symlink(programs.join("pg_restore"), rig.path("programs/pg_restore")).unwrap();
    let settings = std::fs::read_to_string(rig.path("playbook.toml")).unwrap();
    let settings = settings.replacen("user = ", "programs = \"programs\"\nuser = ", 1);
    let rig = rig.file("playbook.toml", &settings);
    exec(&rig, "db.dump_to(box, \"d/new\", #{ keep: 1 });").expect(1).says("could not be dumped");
    assert_eq!(bucket.keys(), before);
}

#[test]
fn a_removal_that_fails_is_told_and_the_dump_is_well() {
    let (Some(database), Some(bucket)) = (postgres::database(), s3s::bucket()) else { return };
    let proxy = Proxy::http(bucket.server.port);
    let rig = project(&database, &s3s::settings(proxy.port, &bucket.name, "destroy"));
    exec(&rig, "for n in 1..4 { db.dump_to(box, `d/${n}`); }").expect(0);
    proxy.when("DELETE", "d/1", Fault::Answer(403), 9);
    let lines = r#"
        let dump = db.dump_to(box, "d/new", #{ keep: 2 });
        check "the other went", dump.removed == ["d/2"];
        check "told", dump.not_removed.len() == 1 && dump.not_removed[0].key == "d/1" && dump.not_removed[0].why.contains("403");
    "#;
    exec(&rig, lines).expect(0).says("`d/1` was not removed").says("HTTP 403");
    assert_eq!(bucket.keys(), ["d/1", "d/3", "d/new"]);
    proxy.when("GET", "prefix=d%2F", Fault::Answer(403), 9);
    let lines = r#"let dump = db.dump_to(box, "d/newer", #{ keep: 2 }); check "told", dump.not_removed[0].key == "d/" && dump.removed == [];"#;
    exec(&rig, lines).expect(0);
    assert_eq!(bucket.keys(), ["d/1", "d/3", "d/new", "d/newer"]);
}

#[test]
fn to_remove_takes_a_grant_and_a_mark() {
    let (Some(database), Some(bucket)) = (postgres::database(), s3s::bucket()) else { return };
    let rig = project(&database, &bucket.settings("write"));
    let script = |lines: &str| playbook(lines).replace("s3.box:destroy", "s3.box:write");
    let run = |lines: &str| {
        std::fs::write(rig.path("test.rhai"), script(lines)).unwrap();
        rig.run(&["exec", "test.rhai"])
    };
    run("db.dump_to(box, \"a\");").expect(0);
    run("db.dump_to(box, \"b\", #{ keep: 7 });").expect(3).says("`dump_to` needs `s3.box:destroy`");
    assert_eq!(bucket.keys(), ["a"]);
    let rig = project(&database, &bucket.settings("destroy"));
    exec(&rig, "db.dump_to(box, \"b\", #{ keep: 0 });")
        .expect(2)
        .says("`keep` of `postgres.main.dump_to` must be at least 1, and this is 0");
    let none = "db.dump_to(box, \"b\", #{ keep: 2, compression: \"none\" });";
    exec(&rig, none).expect(1).says("the mark that only compressed ones carry");
    std::fs::write(rig.path("test.rhai"), playbook("db.dump_to(box, \"b\", #{ keep: 7 });")).unwrap();
    rig.run(&["plan", "test.rhai"]).expect(0).says("then remove the oldest beside it beyond 7");
    assert_eq!(bucket.keys(), ["a"]);
}
