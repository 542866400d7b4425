//! What goes wrong with a bucket: each mistake is named with what to do, and each fault leaves nothing half.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{rig, run};
use crate::rig::Rig;
use crate::rig::servers::faults::{Fault, Faults};
use crate::rig::servers::{moto, s3s};
use crate::rig::{free_port, wait_until};

/// The playbook of a project, ready to be started without a word.
fn quietly(rig: &Rig) -> Command {
    let mut command = rig.command(&["exec", "test.rhai"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn wrong_keys_and_buckets_name_the_setting() {
    let Some(bucket) = s3s::bucket() else { return };
    let get = "box.get(\"x\");";
    let wrong = Rig::new(&bucket.settings("destroy")).variable("RIG_ACCESS", s3s::ACCESS_KEY);
    let wrong = wrong.variable("RIG_SECRET", "some-other-secret");
    let (_, seen) = run(wrong, "box.list();");
    seen.expect(1).says("SignatureDoesNotMatch").says("correct `secret_key` of [env.local.s3.box]");
    let wrong = Rig::new(&bucket.settings("destroy")).variable("RIG_ACCESS", "nobody-we-know");
    let (_, seen) = run(wrong.variable("RIG_SECRET", s3s::SECRET_KEY), "box.list();");
    seen.expect(1).says("`access_key` of [env.local.s3.box]").hides(s3s::SECRET_KEY);
    let (_, seen) = run(rig(&bucket.server.settings("no-such-bucket", "destroy")), "box.list();");
    seen.expect(1).says("there is no bucket `no-such-bucket`").says("correct `bucket` of [env.local.s3.box]");
    let (_, seen) = run(rig(&bucket.server.settings("no-such-bucket", "destroy")), "box.put(\"a\", \"b\");");
    seen.expect(1).says("there is no bucket `no-such-bucket`");
    for call in ["box.exists(\"a\")", "box.head(\"a\")", "box.get(\"a\")"] {
        let (_, seen) = run(rig(&bucket.server.settings("no-such-bucket", "destroy")), &format!("{call};"));
        seen.expect(1).says("there is no bucket `no-such-bucket`");
    }
    let (_, seen) = run(rig(&bucket.settings("destroy")), get);
    seen.expect(1).says("`s3.box` has no object `x`").says("list(");
    let (_, seen) = run(Rig::new(&bucket.settings("destroy")), get);
    seen.expect(2).says("the secret `env:RIG_ACCESS` of `s3.box` has no value");
}

#[test]
fn nobody_there_is_said_within_seconds() {
    let (_, seen) = run(rig(&s3s::settings(free_port(), "any", "destroy")), "box.list();");
    seen.expect(1).says("could not list").says("onnection refused").says("check `endpoint`");
    let (_, seen) = run(rig(&s3s::settings(free_port(), "any", "destroy")), "box.put(\"a\", \"b\");");
    seen.expect(1).says("was not begun").says("onnection refused");
}

#[test]
fn a_refusal_comes_with_its_request_id() {
    let Some(bucket) = moto::bucket() else { return };
    let faults = Faults::before(bucket.server.port);
    faults.spoil(&["PUT", "/a.txt"], 1, Fault::Status(403));
    let (_, seen) =
        run(rig(&s3s::settings(faults.port, &bucket.name, "destroy")), "box.put(\"a.txt\", \"b\");");
    seen.expect(1)
        .says("InjectedFault: made by the test (HTTP 403, request RIG-403)")
        .says("let the keys of");
    assert_eq!(faults.seen("PUT").len(), 1, "a refusal is not asked for again");
}

#[test]
fn a_server_that_hangs_ends_in_an_error_and_not_in_a_wait() {
    let Some(server) = s3s::S3s::start() else { return };
    server.make_bucket("box");
    let settings = format!("{}request_timeout = \"400ms\"\n", server.settings("box", "destroy"));
    server.warden().hang();
    let (rig, seen) = run(rig(&settings), "box.list();");
    seen.expect(4)
        .says("the server at http://127.0.0.1:")
        .says(" gave no answer")
        .says("`request_timeout` of [env.local.s3.box]");
    let (rig, seen) = run(rig, "box.put(\"a\", \"b\", #{ timeout: \"300ms\" });");
    seen.expect(4).says("was not begun").says("gave no answer within");
    server.warden().go_on();
    let rig = rig.file("playbook.toml", &server.settings("box", "destroy"));
    run(rig, "box.put(\"a\", \"b\");").1.expect(0);
}

#[test]
fn passing_faults_are_survived_without_a_word() {
    let Some(bucket) = moto::bucket() else { return };
    let faults = Faults::before(bucket.server.port);
    faults.spoil(&["PUT", "/a.txt"], 1, Fault::Status(503));
    faults.spoil(&["PUT", "/b.txt"], 1, Fault::Status(500));
    faults.spoil(&["PUT", "/c.txt"], 1, Fault::CutBefore);
    faults.spoil(&["PUT", "/d.txt"], 1, Fault::CutAnswer);
    faults.spoil(&["GET", "/a.txt"], 1, Fault::Status(503));
    faults.spoil(&["list-type=2&prefix=a"], 1, Fault::Status(500));
    let body = r#"
        for key in ["a.txt", "b.txt", "c.txt", "d.txt"] { box.put(key, key); }
        for key in ["a.txt", "b.txt", "c.txt", "d.txt"] { check "held", box.get(key) == key; }
        check "listed", box.list("a").len() == 1;
    "#;
    run(rig(&s3s::settings(faults.port, &bucket.name, "destroy")), body).1.expect(0);
}

#[test]
fn a_server_that_keeps_failing_is_given_up_with_its_own_words() {
    let Some(bucket) = moto::bucket() else { return };
    let faults = Faults::before(bucket.server.port);
    faults.spoil(&["PUT", "/a.txt"], 99, Fault::Status(503));
    let (_, seen) =
        run(rig(&s3s::settings(faults.port, &bucket.name, "destroy")), "box.put(\"a.txt\", \"b\");");
    seen.expect(1).says("SlowDown: made by the test (HTTP 503, request RIG-503)").says("try again later");
    assert_eq!(faults.seen("PUT").len(), 3);
}

#[test]
fn a_large_upload_survives_faults_in_every_phase() {
    let Some(bucket) = moto::bucket() else { return };
    let faults = Faults::before(bucket.server.port);
    faults.spoil(&["POST", "?uploads"], 1, Fault::Status(500));
    faults.spoil(&["partNumber=1"], 1, Fault::Status(503));
    faults.spoil(&["partNumber=2"], 1, Fault::CutBefore);
    faults.spoil(&["partNumber=3"], 1, Fault::CutAnswer);
    faults.spoil(&["POST", "uploadId="], 1, Fault::CutAnswer);
    faults.spoil(&["GET", "/large.bin"], 1, Fault::CutBody);
    faults.spoil(&["GET", "/large.bin"], 1, Fault::Status(500));
    let settings = s3s::settings(faults.port, &bucket.name, "destroy");
    let rig = rig(&format!("{settings}part = \"5 MiB\"\n"));
    std::fs::File::create(rig.path("large")).unwrap().write_all(&vec![3; 16 * 1024 * 1024]).unwrap();
    let body = "let up = box.upload(\"large\", \"large.bin\"); check \"same\", box.checksum(\"large.bin\") == up.sha256;";
    run(rig, body).1.expect(0);
    assert_eq!((bucket.keys(), bucket.open_uploads()), (vec!["large.bin".to_owned()], vec![]));
}

#[test]
fn an_upload_that_fails_leaves_nothing_and_the_old_object() {
    let Some(bucket) = moto::bucket() else { return };
    let faults = Faults::before(bucket.server.port);
    let settings = format!("{}part = \"5 MiB\"\n", s3s::settings(faults.port, &bucket.name, "destroy"));
    let mut rig = rig(&settings);
    std::fs::write(rig.path("large"), vec![3; 16 * 1024 * 1024]).unwrap();
    bucket.put("large.bin", "the last good one");
    for words in [["PUT", "partNumber=2"], ["POST", "uploadId="], ["PUT", "/large.bin"]] {
        faults.spoil(&words, 1, Fault::Status(403));
        let (again, seen) = run(rig, "box.upload(\"large\", \"large.bin\", #{ keep: false });");
        seen.expect(1).says("RIG-403").hides("NOT be taken back");
        rig = again;
        assert_eq!(bucket.get("/large.bin"), "the last good one");
        assert_eq!((bucket.keys(), bucket.open_uploads()), (vec!["large.bin".to_owned()], vec![]));
    }
}

#[test]
fn ctrl_c_gives_an_upload_up_and_leaves_nothing() {
    let Some(bucket) = moto::bucket() else { return };
    let faults = Faults::before(bucket.server.port);
    // So many that the upload cannot end before it is stopped.
    faults.spoil(&["partNumber=3"], 99, Fault::Status(503));
    let settings = format!("{}part = \"5 MiB\"\n", s3s::settings(faults.port, &bucket.name, "destroy"));
    let script = "//! T.\n//! uses = [\"s3.box:write\"]\ns3(\"box\").upload(\"large\", \"large.bin\");\n";
    let rig = rig(&settings).file("test.rhai", script);
    std::fs::write(rig.path("large"), vec![3; 30 * 1024 * 1024]).unwrap();
    let mut child = quietly(&rig).spawn().unwrap();
    wait_until("the third part", 30, || !faults.seen("partNumber=3").is_empty());
    crate::rig::interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!((bucket.keys(), bucket.open_uploads()), (vec![], vec![]));
}

#[test]
fn what_a_killed_run_left_is_gone_after_the_next_write() {
    let Some(bucket) = moto::bucket() else { return };
    let faults = Faults::before(bucket.server.port);
    let settings = format!(
        "{}part = \"5 MiB\"\nsegment = \"10 MiB\"\n",
        s3s::settings(faults.port, &bucket.name, "destroy")
    );
    faults.spoil(&["POST", "/large.bin?uploadId"], 99, Fault::Status(503));
    let script = "//! T.\n//! uses = [\"s3.box:write\"]\ns3(\"box\").upload(\"large\", \"large.bin\");\n";
    let rig = rig(&settings).file("test.rhai", script);
    std::fs::write(rig.path("large"), vec![3; 24 * 1024 * 1024]).unwrap();
    let mut child = quietly(&rig).spawn().unwrap();
    wait_until("the joining", 60, || {
        !faults.seen("POST /").iter().all(|line| !line.contains("large.bin?uploadId"))
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!bucket.keys().is_empty() && bucket.open_uploads() == ["large.bin"], "{:?}", bucket.keys());
    // A run of somebody else may still be at work.
    bucket.put(".playbook/incoming/20260101-000000-abcd/0123-0", "staged by another machine");
    run(rig, "box.put(\"a\", \"b\");").1.expect(0);
    assert_eq!(bucket.keys(), [".playbook/incoming/20260101-000000-abcd/0123-0", "a"]);
    assert!(bucket.open_uploads().is_empty());
}

#[test]
fn a_large_copy_keeps_its_attributes_and_a_killed_one_leaves_no_upload() {
    let Some(bucket) = moto::bucket() else { return };
    let faults = Faults::before(bucket.server.port);
    let settings = format!(
        "{}part = \"5 MiB\"\nsegment = \"6 MiB\"\n",
        s3s::settings(faults.port, &bucket.name, "destroy")
    );
    let mut rig = rig(&settings);
    std::fs::write(rig.path("large"), vec![3; 15 * 1024 * 1024]).unwrap();
    let body = r#"
        box.upload("large", "large.bin", #{ content_type: "image/tiff", cache_control: "no-cache" });
        let copied = box.copy("large.bin", "copy.bin");
        let there = box.head("copy.bin");
        check "whole", copied.bytes == 15728640 && box.checksum("copy.bin") == copied.sha256;
        check "what it is", there.content_type == "image/tiff" && there.cache_control == "no-cache";
    "#;
    let (again, seen) = run(rig, body);
    seen.expect(0);
    assert_eq!(faults.seen("/copy.bin?").iter().filter(|line| line.contains("partNumber=")).count(), 3);
    assert_eq!((bucket.keys(), bucket.open_uploads()), (vec!["copy.bin".into(), "large.bin".into()], vec![]));
    faults.spoil(&["POST", "/other.bin?uploadId"], 99, Fault::Status(503));
    let script = "//! T.\n//! uses = [\"s3.box:write\"]\ns3(\"box\").copy(\"large.bin\", \"other.bin\");\n";
    rig = again.file("test.rhai", script);
    let mut child = quietly(&rig).spawn().unwrap();
    wait_until("the joining", 60, || {
        faults.seen("POST /").iter().any(|line| line.contains("other.bin?uploadId"))
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(bucket.open_uploads(), ["other.bin"]);
    run(rig, "box.put(\"a\", \"b\");").1.expect(0);
    assert_eq!((bucket.keys().len(), bucket.open_uploads()), (3, vec![]));
}

#[test]
fn a_write_whose_answer_is_lost_is_taken_back_all_the_same() {
    let Some(bucket) = moto::bucket() else { return };
    // A write that was answered by nobody is looked for: it is there, and the run fails only afterwards.
    for (fault, times, patience, says) in [
        (Fault::CutAnswer, 3, "30s", "could not write `a`"),
        (Fault::Silence, 1, "4s", "found done by probe"),
    ] {
        bucket.put("a", "old");
        let faults = Faults::before(bucket.server.port);
        faults.spoil(&["PUT", "/a?"], times, fault);
        let settings = s3s::settings(faults.port, &bucket.name, "destroy");
        let lines = format!("box.put(\"a\", \"new\", #{{ timeout: \"{patience}\" }}); fail(\"later\");");
        let (_, seen) = run(rig(&settings), &lines);
        seen.expect(1).says(says).says("taken back").hides("NOT");
        assert_eq!(bucket.get("/a"), "old");
    }
}

#[test]
fn a_server_that_cannot_be_reached_is_named_with_its_address() {
    let Some(server) = s3s::S3s::start() else { return };
    let port = crate::rig::free_port();
    let (_, seen) = run(rig(&s3s::settings(port, "box", "destroy")), "box.list();");
    seen.expect(1).says(&format!("http://127.0.0.1:{port} cannot be reached")).says("check `endpoint`");
    let settings = server.settings("box", "destroy").replace("http://", "https://");
    run(rig(&settings), "box.list();").1.expect(1).says("https://127.0.0.1:").says("with `http://`");
    let (_, seen) =
        run(rig(&server.settings("box", "destroy")).variable("RIG_SECRET", "wrong"), "box.list();");
    seen.hides("unhandled error");
}
