//! Real repositories: what is in them, and tags that are made, pushed, deleted and brought back.

use std::path::Path;
use std::process::Command;

use crate::rig::Rig;
use crate::rig::seen::Seen;

const SETTINGS: &str = "[env.local.git.app]\nfolder = \"app\"\naccess = \"destroy\"\n";

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args([
        "-c",
        "user.name=Rig",
        "-c",
        "user.email=rig@example.com",
        "-c",
        "init.defaultBranch=main",
    ]);
    let done = command.args(arguments).current_dir(folder).env("HOME", folder).output().unwrap();
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// A project with a repository of three commits, the second of them tagged, and a bare one as its remote.
fn project() -> Rig {
    let rig = Rig::new(SETTINGS).file("app/a.txt", "1").file("remote/.keep", "");
    let (app, remote) = (rig.path("app"), rig.path("remote/app.git"));
    std::fs::create_dir_all(&remote).unwrap();
    git(&remote, &["init", "--bare", "-q"]);
    git(&app, &["init", "-q"]);
    for (number, subject) in ["one", "two", "three"].iter().enumerate() {
        std::fs::write(app.join("a.txt"), number.to_string()).unwrap();
        git(&app, &["add", "."]);
        git(&app, &["commit", "-q", "-m", &format!("{subject}\n\nThe body of {subject}.")]);
        if number == 1 {
            git(&app, &["tag", "-a", "v1.0.0", "-m", "first"]);
        }
    }
    git(&app, &["remote", "add", "origin", remote.to_str().unwrap()]);
    git(&app, &["push", "-q", "origin", "main", "v1.0.0"]);
    git(&app, &["config", "user.name", "Rig"]);
    git(&app, &["config", "user.email", "rig@example.com"]);
    rig
}

fn exec(rig: Rig, body: &str) -> (Rig, Seen) {
    rig.exec(&format!("//! Test.\n//! uses = [\"git.app:destroy\"]\nlet app = git(\"app\");\n{body}\n"))
}

fn tags(rig: &Rig, place: &str) -> String {
    git(&rig.path(place), &["tag", "--list"]).replace('\n', " ")
}

#[test]
fn history_is_read() {
    let rig = project();
    let two = git(&rig.path("app"), &["rev-parse", "HEAD^"]);
    let (rig, seen) = exec(
        rig,
        &format!(
            r#"let head = app.head();
               check "head", head.subject == "three" && head.branch == "main" && head.body == "The body of three." && head.tags == [];
               check "described", head.describe.starts_with("v1.0.0-1-g");
               check "contains", app.holds("{two}") && app.holds("v1.0.0") && !app.holds("HEAD", #{{ of: "v1.0.0" }});
               check "since the last tag", app.log().map(|one| one.subject) == ["three"];
               check "since a commit", app.log(#{{ since: "HEAD~2" }}).map(|one| one.subject) == ["three", "two"];
               check "until", app.log(#{{ to: "v1.0.0" }}).map(|one| one.subject) == ["two", "one"];
               check "of a path", app.log(#{{ since: "HEAD~2", path: "a.txt", most: 1 }}).len == 1;
               check "clean", app.is_clean();"#
        ),
    );
    seen.expect(0);
    std::fs::write(rig.path("app/a.txt"), "changed").unwrap();
    std::fs::write(rig.path("app/new one.txt"), "").unwrap();
    let body = r#"let s = app.status(); check "dirty", !app.is_clean() && s.changed == ["a.txt"] && s.untracked == ["new one.txt"] && s.branch == "main";"#;
    exec(rig, body).1.expect(0);
}

#[test]
fn a_tag_is_made_pushed_and_taken_back() {
    let (rig, seen) = exec(
        project(),
        r#"let tag = app.tag("v2.0.0", #{ message: "Release 2\n\n# not a comment" }); check "made", tag.changed && tag.commit == app.head().commit;
           check "again", !app.tag("v2.0.0").changed; check "pushed", app.push_tag("v2.0.0").changed; check "once", !app.push_tag("v2.0.0").changed;"#,
    );
    seen.expect(0);
    assert_eq!(
        (tags(&rig, "app"), tags(&rig, "remote/app.git")),
        ("v1.0.0 v2.0.0".into(), "v1.0.0 v2.0.0".into())
    );
    assert!(git(&rig.path("app"), &["cat-file", "-p", "v2.0.0"]).contains("# not a comment"));
    let (rig, seen) = exec(
        rig,
        r#"app.tag("v3.0.0"); app.push_tag("v3.0.0"); app.push_tag("v2.0.0"); check "fails", false;"#,
    );
    seen.expect(1).says("taken back");
    assert_eq!(
        (tags(&rig, "app"), tags(&rig, "remote/app.git")),
        ("v1.0.0 v2.0.0".into(), "v1.0.0 v2.0.0".into())
    );
}

#[test]
fn a_deleted_tag_comes_back_as_it_was() {
    let rig = project();
    let before = git(&rig.path("app"), &["rev-parse", "v1.0.0"]);
    let (rig, seen) = exec(
        rig,
        r#"check "here", app.delete_tag("v1.0.0").changed; check "there", app.delete_pushed_tag("v1.0.0").changed;
           check "none", !app.delete_tag("v0").changed; check "fails", false;"#,
    );
    seen.expect(1).says("taken back");
    for place in ["app", "remote/app.git"] {
        assert_eq!(git(&rig.path(place), &["rev-parse", "v1.0.0"]), before, "{place}");
    }
    exec(rig, r#"app.delete_tag("v1.0.0"); app.delete_pushed_tag("v1.0.0");"#).1.expect(0);
}

#[test]
fn what_git_refuses_is_told_in_its_words() {
    let (rig, seen) = exec(project(), r#"app.tag("v1.0.0");"#);
    seen.expect(1).says("has a tag `v1.0.0` already").says("it is on ");
    let (rig, seen) = exec(rig, r#"app.tag("v9", #{ commit: "no-such" });"#);
    seen.expect(1).says("no commit `no-such`");
    for name in ["--force", "a b", "a..b", ""] {
        let seen = exec(project(), &format!("app.tag(\"{name}\");")).1;
        seen.expect(1).says("is no ");
    }
    exec(rig, r#"app.push_tag("v9");"#).1.expect(1).says("no tag `v9`");
    let rig = project();
    git(&rig.path("app"), &["remote", "set-url", "origin", "/nonexistent/repository"]);
    exec(rig, r#"app.push_tag("v1.0.0");"#)
        .1
        .expect(1)
        .says("/nonexistent/repository")
        .says("correct `remote`");
    exec(Rig::new("[env.local.git.app]\nfolder = \".\"\naccess = \"destroy\"\n"), "app.head();")
        .1
        .expect(1)
        .says("not a git repository");
    exec(Rig::new(SETTINGS), "app.head();").1.expect(1).says("no folder").says("[env.local.git.app]");
    exec(Rig::new(&SETTINGS.replace("destroy", "read")), r#"app.tag("v2");"#).1.expect(3);
}

#[test]
fn a_remote_that_gives_no_answer_is_given_up() {
    let rig = project();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("git://{}/app.git", silent.local_addr().unwrap());
    git(&rig.path("app"), &["remote", "set-url", "origin", &url]);
    exec(rig, r#"app.push_tag("v1.0.0", #{ timeout: "500ms" });"#).1.expect(4).says("no answer within");
}

#[test]
fn a_plan_tags_nothing_and_the_doctor_asks_the_remote() {
    let script = "//! T.\n//! uses = [\"git.app:write\"]\nlet app = git(\"app\");\nif app.is_clean() { app.tag(\"v2\"); app.push_tag(\"v2\"); }\n";
    let rig = project().file("test.rhai", script);
    rig.run(&["plan", "test.rhai"]).expect(0).says("tag HEAD of app as v2").says("push the tag v2");
    assert_eq!(tags(&rig, "app"), "v1.0.0");
    rig.run(&["doctor"])
        .expect(0)
        .says("git version 2".trim_start_matches("git version "))
        .says("on main")
        .says("origin answers");
    git(&rig.path("app"), &["remote", "set-url", "origin", "/nonexistent/repository"]);
    rig.run(&["doctor"]).expect(1).says("/nonexistent/repository");
}

#[test]
fn a_crash_around_a_change_is_survived() {
    let rig = std::cell::RefCell::new(project());
    let places = || (rig.borrow().path("app"), rig.borrow().path("remote/app.git"));
    let state = || {
        let (app, remote) = places();
        (git(&app, &["for-each-ref", "refs/tags"]), git(&remote, &["for-each-ref", "refs/tags"]))
    };
    let (app, _) = places();
    let settings = format!("[env.local.git.app]\nfolder = \"{}\"\naccess = \"destroy\"\n", app.display());
    git(&app, &["tag", "v1.1.0"]);
    for line in [
        "git(\"app\").tag(\"v2.0.0\");",
        "git(\"app\").push_tag(\"v1.1.0\");",
        "git(\"app\").delete_tag(\"v1.0.0\");",
        "git(\"app\").delete_pushed_tag(\"v1.0.0\");",
    ] {
        crate::rig::crash::survives(|| Rig::new(&settings), "git.app:destroy", line, state);
    }
}
