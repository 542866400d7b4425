//! Taking runs back days later: what others wrote since is not lost, and what is planned says what there is to do.

use super::{rig, run};
use crate::rig::Rig;
use crate::rig::servers::{moto, s3s};

const SYNC: &str = "box.sync_from(\"dist\", \"site\", #{ delete: true });\n";

fn site(settings: &str) -> Rig {
    rig(settings).file("dist/index.html", "one").file("dist/app.js", "let one = 1;")
}

/// The id of the newest run, as the journal lists it.
fn newest(rig: &Rig) -> String {
    let listed = rig.run(&["runs", "--output", "json"]).expect(0).stdout;
    let newest: serde_json::Value = serde_json::from_str(&listed).unwrap();
    newest[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_sync_is_not_taken_back_over_what_others_wrote_since() {
    let (Some(plain), Some(versioned)) = (moto::bucket(), moto::versioned()) else { return };
    for bucket in [plain, versioned] {
        bucket.put("site/gone.txt", "before");
        bucket.put("site/app.js", "before");
        let (rig, seen) = run(site(&bucket.settings("destroy")), SYNC);
        seen.expect(0);
        bucket.put("site/index.html", "written by somebody");
        bucket.put("site/gone.txt", "back again");
        let seen = rig.run(&["rollback", "last"]).expect(8);
        seen.says("somebody changed since").says("`site/gone.txt`, `site/index.html`").hides("app.js");
        assert_eq!(bucket.get("/site/index.html"), "written by somebody");
        assert_eq!(bucket.get("/site/app.js"), "let one = 1;", "nothing was done");
        rig.run(&["rollback", "last", "--force", "s3.box"]).expect(0);
        assert_eq!(
            (bucket.get("/site/gone.txt"), bucket.get("/site/app.js")),
            ("before".into(), "before".into())
        );
    }
}

#[test]
fn an_older_sync_is_taken_back_only_after_a_newer_one() {
    let (Some(emulated), Some(real)) = (moto::bucket(), s3s::bucket()) else { return };
    for settings in [emulated.settings("destroy"), real.settings("destroy")] {
        let rig = site(&settings);
        // In parts, so that a copy of it has another tag.
        std::fs::write(rig.path("dist/large.bin"), vec![7; 9 * 1024 * 1024]).unwrap();
        let (rig, seen) = run(rig, SYNC);
        seen.expect(0);
        let older = newest(&rig);
        std::fs::write(rig.path("dist/app.js"), "let two = 2;").unwrap();
        std::fs::write(rig.path("dist/large.bin"), vec![8; 9 * 1024 * 1024]).unwrap();
        let (rig, seen) = run(rig, SYNC);
        seen.expect(0);
        let newer = newest(&rig);
        rig.run(&["rollback", &older]).expect(8).says("`site/app.js`, `site/large.bin`").hides("index.html");
        rig.run(&["rollback", &newer]).expect(0);
        rig.run(&["rollback", &older]).expect(0).says("taken back");
        run(rig, "check \"none\", box.count() == #{ objects: 0, bytes: 0 };").1.expect(0);
    }
}

#[test]
fn two_syncs_of_one_run_are_in_nobodys_way() {
    let Some(bucket) = moto::bucket() else { return };
    let rig = site(&bucket.settings("destroy")).file("other/app.js", "let other = 3;");
    let twice = format!("{SYNC}box.sync_from(\"other\", \"site\");\nbox.put(\"note\", \"x\");");
    let (rig, seen) = run(rig, &twice);
    seen.expect(0);
    rig.run(&["rollback", "last"]).expect(0);
    let keys: Vec<String> = bucket.keys().into_iter().filter(|key| !key.starts_with(".playbook")).collect();
    assert_eq!(keys, Vec::<String>::new());
}

#[test]
fn a_put_under_another_change_of_the_run_is_compared_before_anything_is_done() {
    let Some(bucket) = moto::bucket() else { return };
    let rig = rig(&bucket.settings("destroy")).file("file", "from a file");
    let body =
        "box.put(\"a\", \"one\"); box.upload(\"file\", \"b\"); box.delete(\"c\"); box.put(\"b\", \"two\");";
    let (rig, seen) = run(rig, body);
    seen.expect(0);
    bucket.put("a", "written by somebody");
    rig.run(&["rollback", "last"]).expect(8).says("to `a`").hides("`b`");
    assert_eq!((bucket.get("/a"), bucket.get("/b")), ("written by somebody".into(), "two".into()));
    bucket.put("b", "this one too");
    rig.run(&["rollback", "last"]).expect(8).says("to `a`").says("to `b`");
}

#[test]
fn a_plan_tells_how_much_a_sync_would_do_and_is_held_to_it() {
    let Some(bucket) = moto::bucket() else { return };
    bucket.put("site/app.js", "old");
    bucket.put("site/old.txt", "old");
    bucket.put("site/same.txt", "same");
    let rig = site(&bucket.settings("destroy")).file("dist/same.txt", "same");
    let script = format!("//! T.\n//! uses = [\"s3.box:destroy\"]\nlet box = s3(\"box\");\n{SYNC}");
    let rig = rig.file("test.rhai", &script);
    let seen = rig.run(&["plan", "test.rhai", "--save", "saved.plan"]).expect(0);
    seen.says("deleting what is not in it: 1 new, 1 changed, 1 deleted, 1 unchanged; 15 B to send");
    rig.run(&["plan", "test.rhai", "--output", "json"]).expect(0).says("\"effect\":\"destroy\"");
    std::fs::write(rig.path("dist/more.txt"), "more").unwrap();
    let seen = rig.run(&["exec", "--plan", "saved.plan"]).expect(8);
    seen.says("2 new, 1 changed").says("1 new, 1 changed");
    std::fs::remove_file(rig.path("dist/more.txt")).unwrap();
    rig.run(&["exec", "--plan", "saved.plan"]).expect(0);
    let without = script.replace(", #{ delete: true }", "");
    std::fs::write(rig.path("test.rhai"), without).unwrap();
    rig.run(&["plan", "test.rhai", "--output", "json"]).expect(0).says("\"effect\":\"write\"");
}

#[test]
fn a_plan_says_what_is_wrong_with_a_folder() {
    let Some(bucket) = moto::bucket() else { return };
    bucket.put("site/index.html", "page");
    let script = format!("//! T.\n//! uses = [\"s3.box:destroy\"]\nlet box = s3(\"box\");\n{SYNC}");
    let rig = rig(&bucket.settings("destroy")).file("test.rhai", &script);
    let seen = rig.run(&["plan", "test.rhai"]).expect(0);
    seen.says("would not begin: there is no folder dist; build it first").hides("taken back");
    std::fs::create_dir(rig.path("dist")).unwrap();
    let seen = rig.run(&["plan", "test.rhai"]).expect(0);
    seen.says("would not begin: dist holds no file: a sync would delete all of").hides("taken back");
}

#[test]
fn a_second_sync_says_how_long_it_took() {
    let Some(bucket) = moto::bucket() else { return };
    let rig = site(&bucket.settings("destroy"));
    let (rig, seen) = run(rig, SYNC);
    seen.expect(0);
    run(rig, &format!("let done = {SYNC} check \"a time\", done.took_ms > 0;")).1.expect(0);
}

#[test]
fn an_upload_is_compared_with_what_was_sent_and_not_with_the_file_of_today() {
    let Some(bucket) = moto::bucket() else { return };
    let rig = rig(&bucket.settings("destroy")).file("file", "the build of then");
    let (rig, seen) = run(rig, "box.put(\"a\", \"one\"); box.upload(\"file\", \"a\");");
    seen.expect(0);
    std::fs::remove_file(rig.path("file")).unwrap();
    bucket.put("a", "written by somebody");
    rig.run(&["rollback", "last"]).expect(8).says("to `a`");
    assert_eq!(bucket.get("/a"), "written by somebody");
    bucket.put("a", "the build of then");
    // It has the content, and not the mark of this program: that was another one.
    rig.run(&["rollback", "last"]).expect(8);
    let (rig, seen) =
        run(rig.file("file", "the build of then"), "box.put(\"b\", \"one\"); box.upload(\"file\", \"b\");");
    seen.expect(0);
    let rig = rig.file("file", "the build of today");
    rig.run(&["rollback", "last"]).expect(0);
    assert_eq!(bucket.keys().into_iter().filter(|key| key == "b").count(), 0);
}
