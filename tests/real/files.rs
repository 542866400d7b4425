//! A real folder as a store of objects.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::rig::Rig;
use crate::rig::seen::Seen;

const SETTINGS: &str = "[env.local.files.box]\npath = \"box\"\naccess = \"destroy\"\n";

fn run(rig: Rig, body: &str) -> (Rig, Seen) {
    let script =
        format!("//! Test.\n//!\n//! uses = [\"files.box:destroy\"]\nlet box = files(\"box\");\n{body}\n");
    rig.exec(&script)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn objects_are_written_read_listed_copied_and_deleted() {
    let (rig, seen) = run(
        Rig::new(SETTINGS),
        r#"
        let put = box.put("a/one.txt", "hello");
        check "receipt", put.sha256 == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        check "size", put.bytes == 5;
        check "checksum", box.checksum("a/one.txt") == put.sha256;
        box.copy("a/one.txt", "b/two.txt");
        check "copy", box.get("b/two.txt") == "hello";
        check "keys", box.list("").map(|o| o.key) == ["a/one.txt", "b/two.txt"];
        check "prefix", box.list("a/o").map(|o| o.key) == ["a/one.txt"];
        check "no prefix", box.list("a/x").len() == 0;
        check "head", box.head("a/one.txt").bytes == 5;
        check "nothing", box.head("a/none") == ();
        check "below an object is nothing", box.head("a/one.txt/x") == ();
        check "there was one", box.delete("a/one.txt");
        check "there is none", !box.delete("a/one.txt");
        box.put("a", "a folder that became empty does not stand in the way");
        "#,
    );
    seen.expect(0);
    let mode = |name: &str| std::fs::metadata(rig.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("box"), mode("box/a"), mode("box/b")), (0o700, 0o600, 0o700));
    assert!(names(&rig.path("box/.incoming")).is_empty());
}

#[test]
fn a_failing_step_puts_everything_back() {
    let rig = Rig::new(SETTINGS).file("box/kept.txt", "as it was").file("box/gone.txt", "deleted and back");
    let (rig, seen) = run(
        rig,
        r#"
        step "change" {
            box.put("new.txt", "1");
            box.put("kept.txt", "2");
            box.put("kept.txt", "3");
            box.copy("kept.txt", "deep/er/copy.txt");
            box.delete("gone.txt");
            box.delete("kept.txt");
        }
        step "fail" { check "no", false; }
        "#,
    );
    seen.expect(1).says("taken back");
    let read = |name: &str| std::fs::read_to_string(rig.path(name)).unwrap();
    assert_eq!(
        (read("box/kept.txt").as_str(), read("box/gone.txt").as_str()),
        ("as it was", "deleted and back")
    );
    assert_eq!(names(&rig.path("box")), [".kept", "gone.txt", "kept.txt"]);
}

#[test]
fn what_is_deleted_for_good_cannot_be_taken_back_and_says_so() {
    let rig = Rig::new(SETTINGS).file("box/a", "x");
    let (rig, seen) = run(rig, "step \"s\" { box.delete(\"a\", #{ keep: false }); check \"no\", false; }");
    seen.expect(6).says("could NOT be taken back");
    assert!(names(&rig.path("box/.kept")).is_empty());
}

#[test]
fn keys_that_lead_out_are_refused() {
    let rig = Rig::new(SETTINGS).file("outside.txt", "secret");
    for key in [
        "../outside.txt",
        "/etc/passwd",
        "a/../../outside.txt",
        "a//b",
        "",
        ".incoming/x",
        ".kept/x",
        "a\\nb",
    ] {
        for call in [
            format!("box.get(\"{key}\")"),
            format!("box.put(\"{key}\", \"x\")"),
            format!("box.delete(\"{key}\")"),
        ] {
            let script =
                format!("//! T.\n//! uses = [\"files.box:destroy\"]\nlet box = files(\"box\");\n{call};\n");
            std::fs::write(rig.path("t.rhai"), script).unwrap();
            let leads_out = key.contains("..") || key.starts_with('/') || key.starts_with('.');
            let code = if leads_out { 3 } else { 1 };
            rig.run(&["exec", "t.rhai"]).expect(code).says("is no key").hides("secret\n");
        }
    }
    assert_eq!(std::fs::read_to_string(rig.path("outside.txt")).unwrap(), "secret");
}

#[test]
fn symbolic_links_are_not_followed_out_of_the_folder() {
    let rig = Rig::new(SETTINGS).file("box/real", "x").file("outside/secret.txt", "secret");
    symlink(rig.path("outside"), rig.path("box/folder")).unwrap();
    symlink(rig.path("outside/secret.txt"), rig.path("box/file")).unwrap();
    for call in [
        "box.get(\"file\")",
        "box.get(\"folder/secret.txt\")",
        "box.head(\"folder/secret.txt\")",
        "box.put(\"folder/new\", \"x\")",
        "box.delete(\"folder/secret.txt\")",
        "box.copy(\"folder/secret.txt\", \"stolen\")",
    ] {
        let script =
            format!("//! T.\n//! uses = [\"files.box:destroy\"]\nlet box = files(\"box\");\n{call};\n");
        std::fs::write(rig.path("t.rhai"), script).unwrap();
        rig.run(&["exec", "t.rhai"]).expect(3).says("symbolic link");
    }
    assert_eq!(names(&rig.path("outside")), ["secret.txt"]);
    let (_, seen) = run(rig, "check \"links are left out\", box.list(\"\").map(|o| o.key) == [\"real\"];");
    seen.expect(0);
}

#[test]
fn a_named_pipe_is_no_object_and_hangs_nobody() {
    let rig = Rig::new(SETTINGS).file("box/real", "x");
    let made = std::process::Command::new("mkfifo").arg(rig.path("box/pipe")).status().unwrap();
    assert!(made.success());
    run(rig, "check \"none\", box.head(\"pipe\") == (); box.get(\"pipe\");")
        .1
        .expect(1)
        .says("has no object `pipe`");
}

#[test]
fn text_that_is_too_large_or_no_text_stays_out_of_the_script() {
    let rig = Rig::new(SETTINGS)
        .file("box/large", &"x".repeat(1024 * 1024 + 1))
        .file("box/fits", &"x".repeat(1024 * 1024));
    std::fs::write(rig.path("box/binary"), [b'a', 0xff]).unwrap();
    let (rig, seen) = run(rig, "check \"fits\", box.get(\"fits\").len() == 1048576; box.get(\"large\");");
    seen.expect(1).says("too large for a script").says("checksum");
    run(rig, "box.get(\"binary\");").1.expect(1).says("no UTF-8").says("offset 1");
}

#[test]
fn a_key_cannot_be_an_object_and_a_folder_of_objects() {
    let rig = Rig::new(SETTINGS).file("box/a/b", "x");
    let (rig, seen) = run(rig, "box.put(\"a\", \"y\");");
    seen.expect(1).says("cannot be a file and a folder");
    run(rig, "box.put(\"a/b/c\", \"y\");").1.expect(1).says("cannot be a file and a folder");
}

#[test]
fn leftovers_of_a_crash_go_with_the_next_write_and_kept_content_when_its_time_is_over() {
    let settings = "[env.local.files.box]\npath = \"box\"\nkeep = \"0s\"\naccess = \"destroy\"\n";
    let rig = Rig::new(settings).file("box/.incoming/crashed", "half").file("box/.incoming/running", "half");
    // Somebody still works on this one.
    let running = std::fs::File::open(rig.path("box/.incoming/running")).unwrap();
    running.try_lock().unwrap();
    let (rig, seen) = run(rig, "box.put(\"a\", \"1\"); box.put(\"a\", \"2\"); box.put(\"b\", \"3\");");
    seen.expect(0);
    assert_eq!(names(&rig.path("box/.incoming")), ["running"]);
    assert!(names(&rig.path("box/.kept")).is_empty(), "the first content of `a` was kept for no time");
    drop(running);
    let (rig, seen) = run(rig, "box.put(\"c\", \"1\");");
    seen.expect(0);
    assert!(names(&rig.path("box/.incoming")).is_empty());
}

#[test]
fn a_folder_that_may_not_be_written_says_so() {
    if rustix::process::getuid().is_root() {
        // Modes do not hold root back, but a file in the way does.
        let rig = Rig::new(SETTINGS).file("box", "a file");
        run(rig, "box.put(\"a\", \"x\");").1.expect(1).says("Not a directory");
        return;
    }
    let rig = Rig::new(SETTINGS).file("box/a", "x");
    std::fs::set_permissions(rig.path("box"), std::fs::Permissions::from_mode(0o500)).unwrap();
    let (rig, seen) = run(rig, "box.put(\"b\", \"x\");");
    seen.expect(1).says("check the owner and mode");
    std::fs::set_permissions(rig.path("box"), std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn reading_makes_no_folder() {
    let (rig, seen) = run(Rig::new(SETTINGS), "check \"empty\", box.list(\"\").len() == 0; box.get(\"a\");");
    seen.expect(1).says("has no object `a`");
    assert!(!rig.path("box").exists());
}

#[test]
fn a_full_disk_leaves_nothing_under_the_key() {
    let rig = Rig::new(SETTINGS).file("box/a", "before");
    let Some(_disk) = SmallDisk::mount(&rig.path("box")) else { return };
    std::fs::write(rig.path("box/a"), "before").unwrap();
    let text = "x".repeat(2 * 1024 * 1024);
    let (rig, seen) = run(rig.file("text", &text), "let t = \"x\"; t.pad(2097152, 'x'); box.put(\"a\", t);");
    seen.expect(1).says("No space left").says("free some space");
    assert_eq!(std::fs::read_to_string(rig.path("box/a")).unwrap(), "before");
    assert!(names(&rig.path("box/.incoming")).is_empty());
}

/// A disk of 1 MiB; unmounted when dropped.
pub struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// `None`, loudly, where this user may not mount one.
    pub fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(at)
            .output();
        if mount.as_ref().is_ok_and(|done| done.status.success()) {
            return Some(Self(at.to_owned()));
        }
        eprintln!("SKIPPED: a full disk needs the right to mount a tmpfs (run as root): {mount:?}");
        None
    }

    /// From now on nothing can be written to it.
    pub fn make_read_only(&self) {
        let done =
            std::process::Command::new("mount").args(["-o", "remount,ro"]).arg(&self.0).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_crash_around_a_change_is_survived() {
    let home = Rig::new(SETTINGS).file("box/old.txt", "old");
    let settings = SETTINGS.replace("\"box\"", &format!("{:?}", home.path("box").display().to_string()));
    let state = || {
        let names = names(&home.path("box")).into_iter().filter(|name| !name.starts_with('.'));
        names
            .map(|name| (std::fs::read_to_string(home.path("box").join(&name)).unwrap(), name))
            .collect::<Vec<_>>()
    };
    for line in [
        "files(\"box\").put(\"new.txt\", \"new\");",
        "files(\"box\").put(\"old.txt\", \"new\");",
        "files(\"box\").copy(\"old.txt\", \"copy.txt\");",
        "files(\"box\").delete(\"old.txt\");",
    ] {
        crate::rig::crash::survives(|| Rig::new(&settings), "files.box:destroy", line, state);
    }
}

#[test]
fn what_a_cut_off_change_left_under_two_names_is_deleted_all_the_same() {
    use std::os::unix::fs::MetadataExt as _;
    let rig = Rig::new(SETTINGS).file("box/old.txt", "old");
    let status = std::fs::metadata(rig.path("box/old.txt")).unwrap();
    let modified = i128::from(status.mtime()) * 1_000_000_000 + i128::from(status.mtime_nsec());
    let kept = format!("box/.kept/{modified}-{}-{}", status.len(), status.ino());
    std::fs::create_dir(rig.path("box/.kept")).unwrap();
    std::fs::hard_link(rig.path("box/old.txt"), rig.path(&kept)).unwrap();
    let text =
        "//! T.\n//! uses = [\"files.box:destroy\"]\ncheck \"one\", files(\"box\").delete(\"old.txt\");\n";
    let (rig, seen) = rig.exec(text);
    seen.expect(0);
    assert!(!rig.path("box/old.txt").exists());
    rig.run(&["rollback", "last"]).expect(0);
    assert_eq!(std::fs::read_to_string(rig.path("box/old.txt")).unwrap(), "old");
}
