//! Whole folders: only what differs is sent, pages last, and everything can be put back.

use std::path::Path;

use super::{rig, run};
use crate::rig::Rig;
use crate::rig::servers::faults::{Fault, Faults};
use crate::rig::servers::{moto, s3s};

/// A project with a site of a page, a script and a picture.
fn site(settings: &str) -> Rig {
    rig(settings)
        .file("dist/index.html", "<h1>one</h1>")
        .file("dist/app.js", "let one = 1;")
        .file("dist/img/logo.svg", "<svg/>")
}

const SYNC: &str = "let done = box.sync_from(\"dist\", \"site\", #{ delete: true });\n";

#[test]
fn a_second_sync_sends_only_what_changed() {
    let Some(bucket) = moto::bucket() else { return };
    let faults = Faults::before(bucket.server.port);
    let rig = site(&s3s::settings(faults.port, &bucket.name, "destroy"));
    let counts = "check \"counts\", [done.uploaded, done.unchanged, done.deleted, done.bytes] == ";
    let (rig, seen) = run(rig, &format!("{SYNC}{counts}[3, 0, 0, 30];"));
    seen.expect(0);
    let mut puts = faults.seen("PUT");
    puts.retain(|put| !put.contains(".playbook/undo/"));
    assert!(puts.last().unwrap().contains("/site/index.html"), "the page comes last: {puts:?}");
    faults.forget();
    let (rig, seen) = run(rig, &format!("{SYNC}{counts}[0, 3, 0, 0];"));
    seen.expect(0);
    let asked: Vec<String> = faults.seen("");
    assert_eq!(asked.len(), 1, "it costs the listing and nothing else: {asked:?}");
    assert!(asked[0].contains("list-type=2") && asked[0].contains("prefix=site"), "{asked:?}");
    std::fs::write(rig.path("dist/app.js"), "let two = 2;").unwrap();
    std::fs::remove_file(rig.path("dist/img/logo.svg")).unwrap();
    let (_, seen) = run(rig, &format!("{SYNC}{counts}[1, 1, 1, 12];"));
    seen.expect(0);
    assert_eq!(bucket.get("/site/app.js"), "let two = 2;");
    let site: Vec<String> = bucket.keys().into_iter().filter(|key| key.starts_with("site")).collect();
    assert_eq!(site, ["site/app.js", "site/index.html"]);
}

#[test]
fn a_server_that_lists_no_tags_is_asked_for_checksums() {
    let Some(bucket) = s3s::bucket() else { return };
    let rig = site(&bucket.settings("destroy"));
    std::fs::write(rig.path("dist/large.bin"), vec![7; 9 * 1024 * 1024]).unwrap();
    let (rig, seen) = run(rig, &format!("{SYNC} check \"all\", done.uploaded == 4;"));
    seen.expect(0);
    let (rig, seen) = run(rig, &format!("{SYNC} check \"none\", done.uploaded == 0 && done.unchanged == 4;"));
    seen.expect(0);
    std::fs::write(rig.path("dist/app.js"), "let two = 2;").unwrap();
    run(rig, &format!("{SYNC} check \"one\", done.uploaded == 1;")).1.expect(0);
    assert!(bucket.path("site/large.bin").metadata().unwrap().len() == 9 * 1024 * 1024);
}

#[test]
fn files_get_their_types_and_cache_headers_and_some_stay_out() {
    let Some(bucket) = moto::bucket() else { return };
    let rig = site(&bucket.settings("write")).file("dist/app.js.map", "{}").file("dist/feed.x", "<rss/>");
    let body = r#"
        box.put("notes.map", "mine");
        box.sync_from("dist", "", #{
            exclude: ["*.map"], content_types: #{ "*.x": "application/rss+xml" },
            cache_control: #{ "*": "max-age=60", "*.html": "no-cache", "img/**": "max-age=31536000" },
        });
        let of = |key| { let head = box.head(key); [head.content_type, head.cache_control] };
        check "page", of.call("index.html") == ["text/html; charset=utf-8", "no-cache"];
        check "picture", of.call("img/logo.svg") == ["image/svg+xml", "max-age=31536000"];
        check "feed", of.call("feed.x") == ["application/rss+xml", "max-age=60"];
        check "left out", !box.exists("app.js.map") && box.exists("notes.map");
    "#;
    let script = format!("//! T.\n//! uses = [\"s3.box:write\"]\nlet box = s3(\"box\");\n{body}");
    rig.exec(&script).1.expect(0);
}

#[test]
fn a_failing_step_puts_the_whole_folder_back() {
    let (Some(plain), Some(versioned)) = (moto::bucket(), moto::versioned()) else { return };
    for bucket in [plain, versioned] {
        bucket.put("site/index.html", "old page");
        bucket.put("site/gone.txt", "old text");
        bucket.put("other.txt", "not ours");
        let body = format!(
            "step \"s\" {{ {SYNC} check \"gone\", !box.exists(\"site/gone.txt\"); }}\ncheck \"no\", false;"
        );
        run(site(&bucket.settings("destroy")), &body).1.expect(1).says("taken back").hides("NOT");
        let keys: Vec<String> =
            bucket.keys().into_iter().filter(|key| !key.starts_with(".playbook")).collect();
        assert_eq!(keys, ["other.txt", "site/gone.txt", "site/index.html"]);
        assert_eq!(bucket.get("/site/index.html"), "old page");
        assert_eq!(bucket.get("/site/gone.txt"), "old text");
    }
}

#[test]
fn a_sync_that_breaks_off_is_taken_back_too() {
    let Some(bucket) = moto::bucket() else { return };
    bucket.put("site/app.js", "old");
    let faults = Faults::before(bucket.server.port);
    faults.spoil(&["PUT", "/site/index.html"], 1, Fault::Status(403));
    let (_, seen) = run(site(&s3s::settings(faults.port, &bucket.name, "destroy")), SYNC);
    seen.expect(1).says("site/index.html").says("RIG-403").says("taken back").hides("NOT");
    let keys: Vec<String> = bucket.keys().into_iter().filter(|key| !key.starts_with(".playbook")).collect();
    assert_eq!((keys, bucket.get("/site/app.js").as_str()), (vec!["site/app.js".to_owned()], "old"));
}

#[test]
fn what_is_not_kept_is_said_to_be_lost() {
    let Some(bucket) = moto::bucket() else { return };
    bucket.put("app.js", "old");
    let body = "box.sync_from(\"dist\", \"\", #{ keep: false });\ncheck \"no\", false;";
    run(site(&bucket.settings("destroy")), body).1.expect(6).says("keep: false");
    assert_eq!(bucket.get("/app.js"), "let one = 1;");
}

#[test]
fn an_empty_or_absent_folder_deletes_nothing() {
    let Some(bucket) = moto::bucket() else { return };
    bucket.put("site/index.html", "page");
    let rig = rig(&bucket.settings("destroy"));
    std::fs::create_dir(rig.path("empty")).unwrap();
    let (rig, seen) = run(rig, "box.sync_from(\"empty\", \"site\", #{ delete: true });");
    seen.expect(1).says("empty holds no file").says("would delete all of `site/*`");
    let (rig, seen) = run(rig, "box.sync_from(\"dist\", \"site\");");
    seen.expect(1).says("there is no folder dist").says("build it first");
    run(rig, "box.sync_from(\"../x\", \"site\");").1.expect(3).says("outside the project");
    assert_eq!(bucket.get("/site/index.html"), "page");
}

#[test]
fn deleting_needs_the_grant_to_destroy_and_planning_does_nothing() {
    let Some(bucket) = moto::bucket() else { return };
    let script =
        |uses: &str| format!("//! T.\n//! uses = [\"s3.box:{uses}\"]\nlet box = s3(\"box\");\n{SYNC}");
    let rig = site(&bucket.settings("write"));
    let (rig, seen) = rig.exec(&script("write"));
    seen.expect(3).says("s3.box:destroy");
    let rig = settings(rig, &bucket.settings("destroy")).file("test.rhai", &script("destroy"));
    rig.run(&["plan", "test.rhai"]).expect(0).says("sync dist to `site/`, deleting what is not in it");
    assert!(bucket.keys().is_empty());
}

fn settings(rig: Rig, text: &str) -> Rig {
    assert!(Path::new(&rig.path("playbook.toml")).exists());
    rig.file("playbook.toml", text)
}

#[test]
fn a_way_back_that_is_gone_is_not_taken_for_one_that_is_done() {
    let Some(bucket) = moto::bucket() else { return };
    let old = "box.undo_sync(\".playbook/undo/20200101-000000-abcd/0199a3.sync\");";
    let (rig, seen) = run(rig(&bucket.settings("destroy")), old);
    seen.expect(1)
        .says("the earlier content of the folder in `s3.box` is not there any more")
        .says("`keep` of");
    let (rig, seen) = run(rig, "box.undo_sync(\"site/index.html\");");
    seen.expect(1).says("is no record of a sync");
    let new = "let undone = box.undo_sync(\".playbook/undo/\" + run.id + \"/0199a3.sync\"); check \"none\", undone.restored == 0;";
    run(rig, new).1.expect(0);
}
