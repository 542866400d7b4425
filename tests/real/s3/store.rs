//! The bucket as a store: large objects in parts, staged, never half visible, and nothing left behind.

use super::{rig, run, run_with};
use crate::rig::servers::faults::{Fault, Faults};
use crate::rig::servers::{moto, s3s};

/// Bytes that no server could have guessed.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = Vec::with_capacity(bytes + 8);
    while noise.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        noise.extend_from_slice(&state.to_le_bytes());
    }
    noise.truncate(bytes);
    noise
}

#[test]
fn a_large_file_goes_there_and_back_in_parts() {
    let settings = "[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n";
    let body = r#"
        let up = box.upload("large", "deep/large.bin");
        check "size", up.bytes == 20971527;
        let down = box.download("deep/large.bin", files("out"), #{ name: "back" });
        check "same", down.sha256 == up.sha256 && box.checksum("deep/large.bin") == up.sha256;
    "#;
    let (Some(server), Some(other)) = (s3s::S3s::start(), moto::bucket()) else { return };
    server.make_bucket("box");
    for own in [server.settings("box", "destroy"), other.settings("destroy")] {
        let rig = rig(&format!("{own}{settings}"));
        let content = noise(20 * 1024 * 1024 + 7);
        std::fs::write(rig.path("large"), &content).unwrap();
        let (rig, seen) = run_with(rig, ", \"files.out:write\"", body);
        seen.expect(0);
        assert!(std::fs::read(rig.path("out/back")).unwrap() == content);
    }
    assert_eq!((server.path("box/deep/large.bin").exists(), server.open_uploads()), (true, 0));
    assert_eq!((other.keys(), other.open_uploads()), (vec!["deep/large.bin".to_owned()], vec![]));
}

#[test]
fn a_very_large_stream_is_put_together_from_staged_objects() {
    let (Some(bucket), Some(other)) = (moto::bucket(), moto::bucket()) else { return };
    let faults = Faults::before(other.server.port);
    let into = s3s::settings(faults.port, &other.name, "write").replace("s3.box", "s3.other");
    let more = "part = \"5 MiB\"\nsegment = \"10 MiB\"\n";
    let rig = rig(&format!("{}{into}{more}", bucket.settings("destroy")));
    std::fs::write(rig.path("large"), noise(37 * 1024 * 1024)).unwrap();
    let body = r#"
        let up = box.upload("large", "large.bin");
        let there = box.download("large.bin", s3("other"));
        check "same", there.sha256 == up.sha256 && s3("other").checksum("large.bin") == up.sha256;
        check "noted", s3("other").head("large.bin").sha256 == up.sha256;
    "#;
    run_with(rig, ", \"s3.other:write\"", body).1.expect(0);
    assert_eq!((other.keys(), other.open_uploads()), (vec!["large.bin".to_owned()], vec![]));
    let begun = faults.seen("POST").into_iter().filter(|line| line.contains("?uploads"));
    assert_eq!(begun.count(), 3, "two staged in parts, one joined: {:?}", faults.seen("POST"));
    let copied = faults.seen("/large.bin?").into_iter().filter(|line| line.contains("partNumber="));
    assert_eq!(copied.count(), 6, "four of one part, two of two: {:?}", faults.seen("PUT"));
}

#[test]
fn a_stream_that_breaks_off_leaves_nothing_staged() {
    let (Some(bucket), Some(other)) = (moto::bucket(), moto::bucket()) else { return };
    let faults = Faults::before(other.server.port);
    let into = s3s::settings(faults.port, &other.name, "write").replace("s3.box", "s3.other");
    let more = "part = \"5 MiB\"\nsegment = \"10 MiB\"\n";
    let mut project = rig(&format!("{}{into}{more}", bucket.settings("destroy")));
    std::fs::write(project.path("large"), noise(28 * 1024 * 1024)).unwrap();
    let (again, seen) = run(project, "box.upload(\"large\", \"large.bin\");");
    seen.expect(0);
    project = again;
    // In a small staged object, in one of several parts, at its end, while joining, and at the very end.
    let moments = [
        ["PUT", "-1?"],
        ["-4?", "partNumber=2"],
        ["POST", "-4?"],
        ["/large.bin?", "partNumber=2"],
        ["POST", "/large.bin?"],
    ];
    for words in moments {
        faults.spoil(&words, 1, Fault::Status(403));
        let (again, seen) =
            run_with(project, ", \"s3.other:write\"", "box.download(\"large.bin\", s3(\"other\"));");
        seen.expect(1).says("RIG-403").hides("NOT be");
        project = again;
        assert_eq!((other.keys(), other.open_uploads()), (vec![], vec![]), "{words:?}");
    }
}

#[test]
fn a_database_is_dumped_into_a_bucket_and_restored_from_it() {
    let (Some(bucket), Some(other)) = (s3s::bucket(), moto::versioned()) else { return };
    let sqlite = "[env.local.sqlite.main]\npath = \"main.db\"\ncreate = true\naccess = \"destroy\"\n";
    let body = r#"
        let db = sqlite("main");
        db.execute("CREATE TABLE users (name)");
        db.execute("INSERT INTO users VALUES ('ann'), ('bob')");
        let dump = db.dump_to(box, "dumps/main.db");
        check "receipt", dump.key == "dumps/main.db" && dump.bytes == box.head("dumps/main.db").bytes;
        check "checksum", box.head("dumps/main.db").sha256 == box.checksum("dumps/main.db");
        db.execute("DELETE FROM users");
        db.restore_from(box, "dumps/main.db");
        check "rows", db.value("SELECT count(*) FROM users") == 2;
    "#;
    for settings in [bucket.settings("destroy"), other.settings("destroy")] {
        let rig = rig(&format!("{settings}{sqlite}"));
        run_with(rig, ", \"sqlite.main:destroy\"", body).1.expect(0);
    }
    assert_eq!(bucket.keys(), ["dumps/main.db"]);
    assert_eq!((other.keys(), other.open_uploads()), (vec!["dumps/main.db".to_owned()], vec![]));
}

/// Dumps 37 MiB that cannot be compressed; gives how it was verified, and whether the last of six staged objects
/// was read back.
fn verified(bucket: (u16, &str), options: &str, spoil: Option<&str>) -> (String, bool) {
    let faults = Faults::before(bucket.0);
    if let Some(words) = spoil {
        faults.spoil(&["PUT", words], 1, Fault::WrongChecksum);
    }
    let settings = s3s::settings(faults.port, bucket.1, "destroy");
    let rig = rig(&format!(
        "{settings}part = \"5 MiB\"\n[env.local.sqlite.main]\npath = \"main.db\"\ncreate = true\naccess = \"write\"\n"
    ));
    let body = format!(
        r#"let db = sqlite("main");
        db.execute(`CREATE TABLE noise AS WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 37)
            SELECT randomblob(1048576) AS bytes FROM n`);
        let dump = db.dump_to(box, "noise.db", #{{ replace: true{options} }});
        check "whole", box.checksum("noise.db") == dump.sha256;
        log(`verified: ${{dump.verified}}`);"#
    );
    let (_, seen) = run_with(rig, ", \"sqlite.main:write\"", &body);
    let seen = seen.expect(0);
    let text = format!("{}{}", seen.stdout, seen.stderr);
    let how = text.split("verified: ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    (how, faults.seen("GET").iter().any(|line| line.contains("/incoming/") && line.contains("-5?")))
}

#[test]
fn a_dump_is_read_back_whole_only_when_that_is_asked_for_or_the_server_does_not_vouch_for_all_of_it() {
    let (Some(one), Some(other)) = (s3s::bucket(), moto::bucket()) else { return };
    for bucket in [(one.server.port, one.name.as_str()), (other.server.port, other.name.as_str())] {
        assert_eq!(verified(bucket, "", None), ("checksums".to_owned(), false));
        assert_eq!(verified(bucket, ", verify: \"whole\"", None), ("whole".to_owned(), true));
        // One of one part, one of several.
        assert_eq!(verified(bucket, "", Some("-2?")), ("whole".to_owned(), true));
        assert_eq!(verified(bucket, "", Some("partNumber=2")), ("whole".to_owned(), true));
    }
    assert_eq!((other.keys(), other.open_uploads()), (vec!["noise.db".to_owned()], vec![]));
}

#[test]
fn what_somebody_else_wrote_meanwhile_is_not_replaced() {
    for text in ["", "something"] {
        let Some(bucket) = moto::bucket() else { return };
        let faults = Faults::before(bucket.server.port);
        // As if it came to be right after the look.
        faults.spoil(&["HEAD", "/taken"], 1, Fault::Status(404));
        bucket.put("mine", text);
        bucket.put("taken", "theirs");
        let settings = s3s::settings(faults.port, &bucket.name, "destroy");
        let both = format!("{settings}{}", settings.replace("s3.box", "s3.other"));
        let body = "box.download(\"mine\", s3(\"other\"), #{ name: \"taken\" });";
        let (_, seen) = run_with(rig(&both), ", \"s3.other:write\"", body);
        seen.expect(1).says("`s3.other` already holds `taken`").says("replace: true");
        assert_eq!(bucket.get("/taken"), "theirs");
        assert_eq!(
            (bucket.keys(), bucket.open_uploads()),
            (vec!["mine".to_owned(), "taken".to_owned()], vec![])
        );
    }
}

#[test]
fn one_bucket_goes_into_another_and_comes_back_out() {
    let (Some(from), Some(into)) = (moto::bucket(), s3s::bucket()) else { return };
    from.put("a", "text");
    let both = format!("{}{}", from.settings("read"), into.settings("write").replace("s3.box", "s3.other"));
    let script = |body: &str| {
        format!("//! T.\n//! uses = [\"s3.box:read\", \"s3.other:write\"]\nlet box = s3(\"box\");\n{body}")
    };
    let (project, seen) = rig(&both).exec(&script("box.download(\"a\", s3(\"other\"));"));
    seen.expect(0);
    assert_eq!(std::fs::read_to_string(into.path("a")).unwrap(), "text");
    let (project, seen) =
        project.exec(&script("box.download(\"a\", s3(\"other\"), #{ replace: true }); check \"no\", false;"));
    seen.expect(6).says("what `a` of s3.other held is gone");
    let body = "step \"s\" { box.download(\"a\", s3(\"other\"), #{ name: \"b\" }); } check \"no\", false;";
    project.exec(&script(body)).1.expect(1).says("taken back");
    assert_eq!(into.keys(), ["a"]);
}

#[test]
fn content_that_changed_on_its_way_is_not_published() {
    let Some(bucket) = s3s::bucket() else { return };
    let settings =
        format!("{}[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n", bucket.settings("destroy"));
    let mut content = noise(5 * 1024 * 1024);
    let project = rig(&settings);
    std::fs::write(project.path("large"), &content).unwrap();
    let (rig, seen) = run(project, "box.upload(\"large\", \"a\");");
    seen.expect(0);
    content[4_700_000] ^= 1;
    std::fs::write(bucket.path("a"), content).unwrap();
    let (rig, seen) = run_with(rig, ", \"files.out:write\"", "box.download(\"a\", files(\"out\"));");
    seen.expect(1).says("something else than was once written");
    assert!(!rig.path("out/a").exists());
}

#[test]
fn a_file_that_is_not_there_or_not_in_the_project_is_not_uploaded() {
    let Some(bucket) = s3s::bucket() else { return };
    let (rig, seen) = run(rig(&bucket.settings("destroy")), "box.upload(\"nothing\", \"a\");");
    seen.expect(1).says("nothing").says("No such file");
    let (rig, seen) = run(rig, "box.upload(\"../outside\", \"a\");");
    seen.expect(3).says("outside the project");
    run(rig, "box.upload(\".\", \"a\");").1.expect(1).says("directory");
    assert!(bucket.keys().is_empty());
}
