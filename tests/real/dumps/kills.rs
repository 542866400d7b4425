//! A run that is killed in the middle: whatever it was doing, nothing half is visible, and the next run clears away.

use super::*;
use crate::rig::wait_until;

/// Kills a run while a request, or the answer to one, is under way; then looks, and lets the next run clear away.
fn killed_at(mebibytes: usize, moments: &[(&'static str, &str, Fault, bool)]) {
    let Some(scene) = scene(mebibytes) else { return };
    for (method, part, fault, visible) in moments {
        let when = format!("{method} {part} {fault:?}");
        scene.proxy.when(method, part, *fault, 1);
        let mut child = scene.start(&dump(KEY));
        scene.proxy.wait_held();
        child.kill().unwrap();
        child.wait().unwrap();
        scene.proxy.release();
        assert_eq!(scene.bucket.keys().contains(&KEY.to_owned()), *visible, "{when}");
        scene.expect_healing(&when);
    }
}

#[test]
fn at_the_beginning() {
    killed_at(
        12,
        &[
            ("HEAD", KEY, Fault::Hold, false),
            ("GET", "prefix=.playbook%2Fincoming", Fault::Hold, false),
            ("PUT", "-0?x-id=PutObject", Fault::Hold, false),
            ("PUT", "-0?x-id=PutObject", Fault::HoldAnswer, false),
        ],
    );
}

#[test]
fn while_it_streams() {
    // The fifth staged object is the first of several parts.
    killed_at(
        28,
        &[
            ("POST", "-4?uploads", Fault::Hold, false),
            // The server knows an upload whose name the run never heard.
            ("POST", "-4?uploads", Fault::HoldAnswer, false),
            ("PUT", "partNumber=1", Fault::Hold, false),
            ("PUT", "partNumber=2", Fault::HoldAnswer, false),
        ],
    );
}

#[test]
fn while_it_seals_and_verifies() {
    killed_at(
        28,
        &[
            ("POST", "-4?uploadId=", Fault::Hold, false),
            ("POST", "-4?uploadId=", Fault::HoldAnswer, false),
            ("GET", "x-id=GetObject", Fault::Hold, false),
            ("GET", "x-id=GetObject", Fault::HoldAnswer, false),
        ],
    );
}

#[test]
fn before_it_publishes() {
    killed_at(
        12,
        &[
            ("PUT", "-joining", Fault::Hold, false),
            ("POST", "new.dump?uploads", Fault::Hold, false),
            // Not while its answer is under way: the emulation gives every open upload the same old time.
            ("PUT", "x-id=UploadPartCopy", Fault::HoldAnswer, false),
        ],
    );
}

#[test]
fn while_and_after_it_publishes() {
    killed_at(
        12,
        &[
            ("POST", "new.dump?uploadId=", Fault::Hold, false),
            ("POST", "new.dump?uploadId=", Fault::HoldAnswer, true),
            ("POST", "?delete", Fault::Hold, true),
            ("POST", "?delete", Fault::HoldAnswer, true),
        ],
    );
}

#[test]
fn while_it_replaces_an_earlier_dump() {
    let Some(scene) = scene(12) else { return };
    for (fault, rows) in [(Fault::Hold, 12), (Fault::HoldAnswer, 13)] {
        scene.exec(&dump(KEY)).expect(0);
        scene.proxy.when("POST", "new.dump?uploadId=", fault, 1);
        scene.database.sql("INSERT INTO orders VALUES (0, 'the thirteenth')");
        let mut child = scene.start(&dump(KEY).replace("#{", "#{ replace: true,"));
        scene.proxy.wait_held();
        child.kill().unwrap();
        child.wait().unwrap();
        scene.proxy.release();
        scene.database.sql("DELETE FROM orders WHERE id = 0");
        let drill = format!("check \"old or new\", db.verify_restore(box, \"{KEY}\").rows == {rows};");
        scene.exec(&drill).expect(0);
        scene.expect_healing("replacing");
    }
}

#[test]
fn while_the_dump_program_runs() {
    let Some(scene) = scene(48) else { return };
    let mut child = scene.stalled();
    child.kill().unwrap();
    child.wait().unwrap();
    let connected =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'app'";
    scene.go_on();
    let psql = || scene.database.server.psql(&scene.database.name, connected);
    wait_until("the dump program has gone with it", 20, || psql() == "0");
    scene.expect_healing("pg_dump");
}

#[test]
fn an_upload_of_a_killed_run_is_given_up_where_the_server_lists_none() {
    let Some(scene) = scene(28) else { return };
    for part in ["partNumber=1", "partNumber=2"] {
        scene.proxy.when("GET", "uploads", Fault::Answer(501), 99);
        scene.proxy.when("PUT", part, Fault::HoldAnswer, 1);
        let mut child = scene.start(&dump(KEY));
        scene.proxy.wait_held();
        child.kill().unwrap();
        child.wait().unwrap();
        scene.proxy.release();
        assert_eq!(scene.bucket.open_uploads().len(), 1, "{part}");
        // Nothing but the note of its name leads to it.
        scene.exec("box.put(\"daily/other\", \"x\");").expect(0);
        assert_eq!(scene.there(), (vec![EARLIER.to_owned(), "daily/other".to_owned()], vec![]), "{part}");
        scene.exec("box.delete(\"daily/other\", #{ keep: false });").expect(0);
    }
    scene.exec(&dump(KEY)).expect(0);
    assert_eq!(scene.there(), (vec![EARLIER.to_owned(), KEY.to_owned()], vec![]), "no note stays");
}

#[test]
fn a_run_that_goes_on_or_is_taken_back_leaves_nothing_of_the_turn_before() {
    let Some(scene) = scene(28) else { return };
    for (again, wanted) in [("rollback", vec![EARLIER]), ("resume", vec![EARLIER, KEY])] {
        scene.proxy.when("PUT", "partNumber=2", Fault::HoldAnswer, 1);
        let mut child = scene.start(&dump(KEY));
        scene.proxy.wait_held();
        child.kill().unwrap();
        child.wait().unwrap();
        scene.proxy.release();
        assert!(scene.bucket.keys().len() > 1 && !scene.bucket.open_uploads().is_empty());
        scene.rig.run(&[again, "last"]).expect(0);
        assert_eq!(scene.there(), (wanted.into_iter().map(str::to_owned).collect(), vec![]), "{again}");
    }
}
