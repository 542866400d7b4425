//! Single objects: written, read, listed, copied, deleted.

use super::{rig, run};
use crate::rig::Rig;
use crate::rig::servers::{moto, s3s};

const VERBS: &str = r#"
    let put = box.put("a/one.txt", "hello", #{ cache_control: "max-age=60", metadata: #{ owner: "ops" } });
    check "receipt", put.sha256 == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    check "size", put.bytes == 5;
    check "checksum", box.checksum("a/one.txt") == put.sha256;
    box.copy("a/one.txt", "b/two.txt");
    check "copy", box.get("b/two.txt") == "hello";
    check "keys", box.list("").map(|o| o.key) == ["a/one.txt", "b/two.txt"];
    check "prefix", box.list("a/o").map(|o| o.key) == ["a/one.txt"];
    check "no prefix", box.list("a/x").len() == 0;
    check "count", box.count() == #{ objects: 2, bytes: 10 };
    let head = box.head("b/two.txt");
    check "head", head.bytes == 5 && head.sha256 == put.sha256 && head.metadata.owner == "ops";
    check "headers", head.content_type == "text/plain; charset=utf-8" && head.cache_control == "max-age=60";
    check "nothing", box.head("a/none") == () && !box.exists("a/none") && box.exists("a/one.txt");
    check "there was one", box.delete("a/one.txt");
    check "there is none", !box.delete("a/one.txt");
    box.put("empty", "");
    check "empty", box.get("empty") == "" && box.head("empty").bytes == 0;
"#;

#[test]
fn objects_are_written_read_listed_copied_and_deleted() {
    let Some(bucket) = s3s::bucket() else { return };
    run(rig(&bucket.settings("destroy")), VERBS).1.expect(0);
    assert_eq!(std::fs::read_to_string(bucket.path("b/two.txt")).unwrap(), "hello");
    let Some(bucket) = moto::bucket() else { return };
    run(rig(&bucket.settings("destroy")), VERBS).1.expect(0);
    let Some(bucket) = moto::versioned() else { return };
    run(rig(&bucket.settings("destroy")), VERBS).1.expect(0);
}

#[test]
fn a_failing_step_puts_everything_back() {
    let (Some(plain), Some(versioned)) = (moto::bucket(), moto::versioned()) else { return };
    let body = r#"
        step "change" {
            box.put("new.txt", "1");
            box.put("held.txt", "2");
            box.put("held.txt", "3");
            box.copy("held.txt", "deep/copy.txt");
            box.upload("file", "gone.txt");
            box.delete("gone.txt");
            box.delete("held.txt");
            check "changed", box.list().map(|o| o.key) == ["deep/copy.txt", "new.txt"];
        }
        check "no", false;
    "#;
    for bucket in [plain, versioned] {
        let rig = rig(&bucket.settings("destroy")).file("file", "from a file");
        let first = r#"box.put("held.txt", "as it was", #{ content_type: "text/x-special", metadata: #{ owner: "ops" } });
                       box.put("gone.txt", "deleted and back");"#;
        let (rig, seen) = run(rig, first);
        seen.expect(0);
        let (rig, seen) = run(rig, body);
        seen.expect(1).says("taken back").hides("NOT be");
        let look = r#"
            check "keys", box.list().map(|o| o.key) == ["gone.txt", "held.txt"];
            check "texts", box.get("held.txt") == "as it was" && box.get("gone.txt") == "deleted and back";
            let head = box.head("held.txt");
            check "what goes with it", head.content_type == "text/x-special" && head.metadata.owner == "ops";
        "#;
        run(rig, look).1.expect(0);
    }
}

#[test]
fn what_is_deleted_for_good_cannot_be_taken_back_and_says_so() {
    let Some(bucket) = s3s::bucket() else { return };
    std::fs::write(bucket.path("a"), "x").unwrap();
    let body = "step \"s\" { box.delete(\"a\", #{ keep: false }); check \"no\", false; }";
    run(rig(&bucket.settings("destroy")), body)
        .1
        .expect(6)
        .says("could NOT be taken back")
        .says("keep: false");
    assert!(bucket.keys().is_empty());
}

#[test]
fn versions_can_be_read_and_put_back() {
    let Some(bucket) = moto::versioned() else { return };
    let body = r#"
        let one = box.put("a", "one");
        let two = box.put("a", "two");
        check "versions", one.version != two.version && box.head("a").version == two.version;
        check "old", box.get("a", #{ version: one.version }) == "one";
        box.restore("a", one.version);
        check "back", box.get("a") == "one";
        let kept = ();
        try { box.restore("a", #{ version: "no-such-version" }); } catch (error) { kept = error.what; }
        check "no such", kept.contains("not there any more");
    "#;
    run(rig(&bucket.settings("destroy")), body).1.expect(0);
}

#[test]
fn odd_keys_stay_what_they_are() {
    let keys = [
        "with space.txt",
        "plus+and?query=1&x",
        "ümläut/日本.txt",
        "percent%20.txt",
        "q'\\\"<&>",
        "a//b",
        "~-_.!*()",
        "end/",
    ];
    let Some(bucket) = moto::bucket() else { return };
    let list: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
    let body = format!(
        r#"
        let keys = [{}];
        for key in keys {{
            box.put(key, key);
            check "text", box.get(key) == key && box.head(key).key == key;
            box.copy(key, "copies/" + key);
            check "copy", box.get("copies/" + key) == key;
        }}
        check "listed", box.list().map(|o| o.key).filter(|k| !k.starts_with("copies/")).len() == keys.len();
        for key in keys {{ check "gone", box.delete(key) && !box.exists(key); }}
        "#,
        list.join(", ")
    );
    run(rig(&bucket.settings("destroy")), &body).1.expect(0);
}

#[test]
fn keys_that_lead_out_or_are_the_stores_own_are_refused() {
    let Some(bucket) = s3s::bucket() else { return };
    let project = rig(&bucket.settings("destroy"));
    for key in ["../outside", "/etc/passwd", "a/../../b", ".playbook/undo/x", "a\\nb", ""] {
        for call in [
            "box.get(KEY)",
            "box.put(KEY, \"x\")",
            "box.delete(KEY)",
            "box.presign(KEY)",
            "box.copy(\"a\", KEY)",
        ] {
            let call = call.replace("KEY", &format!("\"{key}\""));
            let script =
                format!("//! T.\n//! uses = [\"s3.box:destroy\"]\nlet box = s3(\"box\");\n{call};\n");
            std::fs::write(project.path("t.rhai"), script).unwrap();
            let is_denied = key.contains("..") || key.starts_with(['/', '.']);
            project.run(&["exec", "t.rhai"]).expect(if is_denied { 3 } else { 1 }).says("is no key");
        }
    }
    assert!(bucket.keys().is_empty());
}

#[test]
fn a_prefix_is_all_that_a_resource_sees() {
    let Some(bucket) = moto::bucket() else { return };
    bucket.put("outside.txt", "not ours");
    bucket.put("teams/a/held.txt", "ours");
    let settings = format!("{}prefix = \"teams/a\"\n", bucket.settings("destroy"));
    let body = r#"
        check "ours", box.list().map(|o| o.key) == ["held.txt"] && box.get("held.txt") == "ours";
        box.put("held.txt", "changed");
        box.upload("test.rhai", "script");
        check "count", box.count().objects == 2;
        box.delete("script", #{ keep: false });
        box.delete("held.txt");
    "#;
    run(rig(&settings), body).1.expect(0);
    let keys = bucket.keys();
    assert!(keys.iter().filter(|key| key.starts_with("teams/a/.playbook/undo/")).count() == 2, "{keys:?}");
    assert_eq!(keys.len(), 3, "{keys:?}");
}

#[test]
fn long_listings_come_page_by_page_and_within_a_bound() {
    let Some(bucket) = s3s::bucket() else { return };
    for number in 0..2345 {
        std::fs::write(bucket.path(&format!("n{number:05}")), "x").unwrap();
    }
    let body = r#"
        let all = box.list();
        check "all", all.len() == 2345 && all[0].key == "n00000" && all[2344].key == "n02344";
        check "count", box.count("n") == #{ objects: 2345, bytes: 2345 };
        box.list("", #{ limit: 2000 });
    "#;
    let (_, seen) = run(rig(&bucket.settings("destroy")), body);
    seen.expect(1).says("there are more than 2000 objects").says("`count` them");
}

#[test]
fn text_that_is_too_large_or_no_text_stays_out_of_the_script() {
    let Some(bucket) = s3s::bucket() else { return };
    std::fs::write(bucket.path("large"), "x".repeat(1024 * 1024 + 1)).unwrap();
    std::fs::write(bucket.path("fits"), "x".repeat(1024 * 1024)).unwrap();
    std::fs::write(bucket.path("binary"), [b'a', 0xff]).unwrap();
    let settings = bucket.settings("destroy");
    let body = "check \"fits\", box.get(\"fits\").len() == 1048576; box.get(\"large\");";
    run(rig(&settings), body).1.expect(1).says("too large for a script").says("download");
    run(rig(&settings), "box.get(\"binary\");").1.expect(1).says("no UTF-8").says("offset 1");
}

#[test]
fn what_cannot_go_with_an_object_is_refused_before_anything_is_sent() {
    let Some(bucket) = s3s::bucket() else { return };
    for options in [
        "metadata: #{ \"Upper\": \"x\" }",
        "metadata: #{ sha256: \"x\" }",
        "metadata: #{ a: \"line\\nbreak\" }",
        "content_type: \"\"",
        "cache_control: \"max\\r\\nX-Evil: 1\"",
    ] {
        let (_, seen) =
            run(rig(&bucket.settings("destroy")), &format!("box.put(\"a\", \"x\", #{{ {options} }});"));
        seen.expect(1).says("fix:");
    }
    assert!(bucket.keys().is_empty());
}

#[test]
fn grants_and_plans_hold() {
    let Some(bucket) = s3s::bucket() else { return };
    let script = |uses: &str, body: &str| {
        format!("//! T.\n//! uses = [\"s3.box:{uses}\"]\nlet box = s3(\"box\");\n{body}\n")
    };
    for (access, uses, body, missing) in [
        ("read", "read", "box.put(\"a\", \"x\");", "s3.box:write"),
        ("write", "read", "box.upload(\"test.rhai\", \"a\");", "s3.box:write"),
        ("write", "write", "box.delete(\"a\");", "s3.box:destroy"),
        ("read", "read", "box.presign(\"a\", #{ method: \"PUT\" });", "s3.box:write"),
    ] {
        rig(&bucket.settings(access)).exec(&script(uses, body)).1.expect(3).says(missing);
    }
    let body =
        "box.put(\"a\", \"x\"); box.copy(\"a\", \"b\"); box.upload(\"test.rhai\", \"c\"); box.delete(\"d\");";
    let project = rig(&bucket.settings("destroy")).file("test.rhai", &script("destroy", body));
    let seen = project.run(&["plan", "test.rhai"]).expect(0);
    seen.says("write 1 B to `a`").says("copy `a` to `b`").says("upload test.rhai to `c`").says("delete `d`");
    assert!(bucket.keys().is_empty());
}

#[test]
fn kept_content_goes_when_its_time_is_over() {
    let Some(bucket) = s3s::bucket() else { return };
    let settings = format!("{}keep = \"0s\"\n", bucket.settings("destroy"));
    let (rig, seen) = run(rig(&settings), "box.put(\"a\", \"1\"); box.put(\"a\", \"2\");");
    seen.expect(0);
    assert_eq!(bucket.keys().len(), 2);
    run(rig, "box.put(\"b\", \"3\");").1.expect(0);
    assert_eq!(bucket.keys(), ["a", "b"]);
}

#[test]
fn what_another_program_wrote_since_is_not_lost_to_a_rollback() {
    let Some(bucket) = moto::bucket() else { return };
    bucket.put("old.txt", "before");
    let project = || rig(&bucket.settings("destroy")).file("a.bin", "a file");
    let theirs = |rig: &Rig, key: &str| {
        let ours = bucket.get(&format!("/{key}"));
        bucket.put(key, "theirs");
        rig.run(&["rollback", "last", "--no-input"]).expect(8).says("somebody changed since");
        assert_eq!(bucket.get(&format!("/{key}")), "theirs");
        bucket.put(key, &ours);
    };
    let (uploaded, seen) = run(project(), "box.upload(\"a.bin\", \"a.bin\");");
    seen.expect(0);
    theirs(&uploaded, "a.bin");
    let (rig, seen) = run(project(), "box.put(\"new.txt\", \"a\"); box.put(\"old.txt\", \"b\");");
    seen.expect(0);
    theirs(&rig, "new.txt");
    theirs(&rig, "old.txt");
    rig.run(&["rollback", "last", "--no-input", "--force", "s3.box"]).expect(0);
    assert_eq!(bucket.get("/old.txt"), "before");
}

#[test]
fn a_crash_around_a_change_is_survived() {
    let Some(bucket) = moto::versioned() else { return };
    bucket.put("old.txt", "old");
    let state = || {
        let mut keys = bucket.keys();
        keys.retain(|key| !key.starts_with(".playbook"));
        keys.iter().map(|key| (key.clone(), bucket.get(&format!("/{key}")))).collect::<Vec<_>>()
    };
    let rig = || rig(&bucket.settings("destroy")).file("a.bin", "a file").file("site/index.html", "a page");
    for line in [
        "s3(\"box\").put(\"new.txt\", \"new\");",
        "s3(\"box\").put(\"old.txt\", \"new\");",
        "s3(\"box\").copy(\"old.txt\", \"copy.txt\");",
        "s3(\"box\").upload(\"a.bin\", \"a.bin\");",
        "s3(\"box\").delete(\"old.txt\");",
        "s3(\"box\").sync_from(\"site\", \"pages\");",
    ] {
        crate::rig::crash::survives(rig, "s3.box:destroy", line, state);
    }
    let to = tempfile::tempdir().unwrap();
    let out = format!("[env.local.files.out]\npath = \"{}\"\naccess = \"destroy\"\n", to.path().display());
    let with_out = || super::rig(&format!("{}{out}", bucket.settings("destroy")));
    let there = || std::fs::read_to_string(to.path().join("old.txt")).ok();
    let line = "let got = s3(\"box\").download(\"old.txt\", files(\"out\")); check \"told\", got.bytes == 3 && got.key == \"old.txt\";";
    let uses = "s3.box:read\", \"files.out:destroy";
    crate::rig::crash::survives_at(crate::rig::crash::AFTER_COMMIT, with_out, uses, line, there);
    assert_eq!(there(), None);
}
