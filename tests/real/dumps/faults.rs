//! Faults that a run survives, or ends at with a clear error, nothing half and nothing left.

use std::time::Duration;

use super::*;
use crate::real::files::SmallDisk;
use crate::rig::wait_until;

#[test]
fn passing_faults_of_the_store_are_survived() {
    let Some(scene) = scene(28) else { return };
    scene.proxy.when("PUT", "-0?x-id=PutObject", Fault::Answer(503), 1);
    scene.proxy.when("PUT", "-1?x-id=PutObject", Fault::Reset(100_000), 1);
    scene.proxy.when("POST", "-4?uploads", Fault::Answer(500), 1);
    scene.proxy.when("PUT", "partNumber=1", Fault::Answer(503), 2);
    scene.proxy.when("PUT", "partNumber=2", Fault::Reset(100_000), 1);
    scene.proxy.when("POST", "-4?uploadId=", Fault::Answer(503), 1);
    scene.proxy.when("GET", "x-id=GetObject", Fault::Half(1_000_000), 2);
    scene.proxy.when("GET", "x-id=GetObject", Fault::Answer(500), 1);
    scene.proxy.when("PUT", "x-id=UploadPartCopy", Fault::Answer(500), 1);
    scene.proxy.when("POST", "new.dump?uploadId=", Fault::Answer(503), 1);
    let lines = format!(
        "let dump = {} check \"rows\", dump.rows == 28; check \"tables\", dump.tables == 1;",
        dump(KEY)
    );
    scene.exec(&lines).expect(0);
    scene.expect_healing("passing faults");
}

#[test]
fn a_store_that_keeps_failing_ends_the_run_and_keeps_nothing() {
    let Some(scene) = scene(28) else { return };
    for (method, part, fault, says) in [
        ("PUT", "-1?x-id=PutObject", Fault::Answer(503), "HTTP 503"),
        ("PUT", "-0?x-id=PutObject", Fault::Reset(3), "could not take part 1"),
        ("PUT", "partNumber=2", Fault::Answer(503), "HTTP 503"),
        ("PUT", "partNumber=1", Fault::Reset(3), "could not send part 1"),
        ("PUT", "x-id=UploadPartCopy", Fault::Answer(500), "HTTP 500"),
    ] {
        scene.proxy.when(method, part, fault, 99);
        scene.exec(&dump(KEY)).expect(1).says("`s3.box` could not").says(says);
        scene.expect_nothing_new(part);
    }
}

#[test]
fn a_store_that_goes_silent_ends_the_run_in_its_time() {
    let Some(scene) = scene(48) else { return };
    scene.proxy.when("PUT", "-0?x-id=PutObject", Fault::Hold, 1);
    let mut child = scene.start(&dump(KEY).replace("#{", "#{ timeout: \"15s\","));
    scene.proxy.wait_held();
    scene.proxy.go_silent();
    // In doubt: nobody could ask the store.
    assert_eq!(child.wait().unwrap().code(), Some(5));
    scene.proxy.mend();
    scene.proxy.release();
    assert!(!scene.bucket.keys().contains(&KEY.to_owned()));
    scene.expect_healing("silence");
}

#[test]
fn a_network_that_is_cut_for_ten_seconds_is_survived() {
    let Some(scene) = scene(48) else { return };
    for silent in [false, true] {
        let mut child = scene.stalled();
        if silent {
            scene.proxy.go_silent()
        } else {
            scene.proxy.cut()
        }
        scene.go_on();
        // Not to wait for something: this is the fault.
        std::thread::sleep(Duration::from_secs(10));
        scene.proxy.mend();
        assert_eq!(child.wait().unwrap().code(), Some(0), "silent: {silent}");
        scene.expect_healing("cut");
    }
}

#[test]
fn a_network_to_the_database_that_is_cut_ends_the_run() {
    let Some(scene) = scene(48) else { return };
    let between = Proxy::tcp(scene.database.server.port);
    let port = scene.database.server.port.to_string();
    let settings = std::fs::read_to_string(scene.rig.path("playbook.toml")).unwrap();
    std::fs::write(scene.rig.path("playbook.toml"), settings.replace(&port, &between.port.to_string()))
        .unwrap();
    let child = scene.stalled();
    between.cut();
    scene.go_on();
    let seen = scene.end(child).expect(1);
    seen.says("`postgres.main` could not be dumped; nothing was stored").says("PQgetCopyData() failed");
    between.mend();
    scene.expect_nothing_new("cut");
}

#[test]
fn a_database_that_is_killed_ends_the_run() {
    let Some(server) = Server::start() else { return };
    let server: &'static Server = Box::leak(Box::new(server));
    let Some(scene) = scene_of(Database { server, name: "app".to_owned() }, 48) else { return };
    let child = scene.stalled();
    server.signal("KILL");
    scene.go_on();
    let seen = scene.end(child).expect(1);
    seen.says("`postgres.main` could not be dumped; nothing was stored").says("PQgetCopyData() failed");
    assert_eq!(scene.there(), (vec![EARLIER.to_owned()], vec![]));
}

#[test]
fn a_dump_program_that_is_killed_ends_the_run() {
    let Some(scene) = scene(48) else { return };
    let child = scene.stalled();
    let program = child_of(child.id(), "pg_dump");
    rustix::process::kill_process(program, rustix::process::Signal::KILL).unwrap();
    scene.go_on();
    let seen = scene.end(child).expect(1);
    seen.says("`postgres.main` could not be dumped; nothing was stored")
        .says("was killed by signal 9 (KILL)");
    scene.expect_nothing_new("pg_dump");
}

/// The child of a process that runs this program.
fn child_of(parent: u32, program: &str) -> rustix::process::Pid {
    let mut found = None;
    wait_until(program, 20, || {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let Some((head, tail)) = stat.rsplit_once(") ") else { continue };
            let of: Option<u32> = tail.split(' ').nth(1).and_then(|of| of.parse().ok());
            if head.ends_with(&format!("({program}")) && of == Some(parent) {
                found = head.split(' ').next().unwrap().parse().ok().and_then(rustix::process::Pid::from_raw);
            }
        }
        found.is_some()
    });
    found.unwrap()
}

#[test]
fn a_disk_of_the_store_that_fills_ends_the_run() {
    let (Some(database), Some(bucket)) = (postgres::database(), s3s::bucket()) else { return };
    database.sql("CREATE TABLE t AS SELECT repeat(md5(n::text), 1000) FROM generate_series(1, 1000) n");
    let Some(_disk) = SmallDisk::mount(&bucket.path("")) else { return };
    let settings = settings(&database, bucket.server.port, &bucket.name);
    let rig = Rig::new(&settings).variable("PG_PASSWORD", PASSWORD);
    let rig = rig.variable("RIG_ACCESS", s3s::ACCESS_KEY).variable("RIG_SECRET", s3s::SECRET_KEY);
    let (_, seen) = rig.exec(&playbook(&dump(KEY)));
    seen.expect(1).says("`s3.box` could not");
    assert_eq!(bucket.keys(), Vec::<String>::new());
}

#[test]
fn a_wrong_secret_is_said_in_the_words_of_the_server() {
    let (Some(database), Some(bucket)) = (postgres::database(), s3s::bucket()) else { return };
    let settings = settings(&database, bucket.server.port, &bucket.name);
    let rig = Rig::new(&settings).variable("PG_PASSWORD", PASSWORD);
    let rig = rig.variable("RIG_ACCESS", s3s::ACCESS_KEY).variable("RIG_SECRET", "some-other-secret");
    let (_, seen) = rig.exec(&playbook(&dump(KEY)));
    seen.expect(1).says("SignatureDoesNotMatch").says("correct `secret_key` of").hides("AccessDenied");
}
