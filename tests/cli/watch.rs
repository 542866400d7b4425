//! `playbook watch` with real files: saves that rename, folders that go and come back, ten thousand files.

use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::rig::{Rig, interrupt, wait_until};

const SETTINGS: &str = "[env.local]\nwatch = true\n[env.local.files.out]\npath = \"out\"\naccess = \"destroy\"\n\
    [env.staging.files.out]\npath = \"out\"\n";

const SCRIPT: &str = "//! T.\n//! uses = [\"files.out:write\"]\nimport \"parts/part\" as part;\nlet data = \"data/list.txt\";\n\
    files(\"out\").put(`${run.id}.txt`, part::text());\n";

/// The watching process, and what it has said.
struct Post {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Post {
    fn stand(rig: &Rig, arguments: &[&str]) -> Self {
        let mut all = vec!["watch"];
        all.extend(arguments);
        let mut child = rig.command(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        heard(child.stdout.take().unwrap(), &said);
        heard(child.stderr.take().unwrap(), &said);
        Self { child, said }
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it has said `text` so many times.
    #[track_caller]
    fn says(&self, text: &str, times: usize) -> &Self {
        wait_until(&format!("{times} × `{text}`"), 40, || self.said().matches(text).count() >= times);
        assert_eq!(self.said().matches(text).count(), times, "{}", self.said());
        self
    }

    fn code(mut self) -> i32 {
        interrupt(&self.child);
        self.child.wait().unwrap().code().unwrap()
    }
}

fn heard(mut from: impl std::io::Read + Send + 'static, said: &Arc<Mutex<String>>) {
    let page = Arc::clone(said);
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            page.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    });
}

impl Drop for Post {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const DONE: &str = "waiting for a change";

fn rig() -> Rig {
    Rig::new(SETTINGS)
        .file("t.rhai", SCRIPT)
        .file("parts/part.rhai", "fn text() { \"one\" }\n")
        .file("data/list.txt", "a\n")
        .file("out/x", "")
}

fn runs(rig: &Rig) -> usize {
    let runs = rusqlite::Connection::open(rig.path(".playbook/journal.db")).unwrap();
    runs.query_row("SELECT count(*) FROM runs", [], |row| row.get::<_, i64>(0))
        .map_or(0, |count| usize::try_from(count).unwrap())
}

/// Saves as editors do: a new file beside it, renamed over it.
fn save(path: &Path, text: &str) {
    let beside = path.with_extension("swp~");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(&beside, path).unwrap();
}

#[test]
fn it_runs_again_when_the_playbook_a_module_or_a_named_file_changes() {
    let rig = rig();
    let post = Post::stand(&rig, &["t.rhai"]);
    post.says(DONE, 1);
    save(&rig.path("parts/part.rhai"), "fn text() { \"two\" }\n");
    post.says(DONE, 2).says("parts/part.rhai changed", 1);
    save(&rig.path("data/list.txt"), "a\nb\n");
    post.says(DONE, 3).says("data/list.txt changed", 1);
    save(&rig.path("t.rhai"), &format!("{SCRIPT}// more\n"));
    post.says(DONE, 4);
    // The same content once more is no change, and neither is another time of the file.
    save(&rig.path("t.rhai"), &format!("{SCRIPT}// more\n"));
    std::fs::File::open(rig.path("data/list.txt"))
        .unwrap()
        .set_modified(std::time::SystemTime::now())
        .unwrap();
    // A file that nothing names is none either.
    std::fs::write(rig.path("notes.txt"), "x").unwrap();
    save(&rig.path("data/list.txt"), "c\n");
    post.says(DONE, 5);
    assert_eq!(runs(&rig), 5);
    assert_eq!(post.code(), 130);
}

#[test]
fn a_folder_that_is_removed_and_made_anew_is_still_followed() {
    let rig = rig().file("site/.gitignore", "cache/\n").file("site/a.html", "a");
    let post = Post::stand(&rig, &["t.rhai", "site"]);
    post.says(DONE, 1);
    std::fs::remove_dir_all(rig.path("site")).unwrap();
    post.says(DONE, 2);
    std::fs::create_dir(rig.path("site")).unwrap();
    std::fs::write(rig.path("site/.gitignore"), "cache/\n").unwrap();
    std::fs::write(rig.path("site/b.html"), "b").unwrap();
    post.says(DONE, 3);
    std::fs::create_dir(rig.path("site/cache")).unwrap();
    std::fs::write(rig.path("site/cache/x"), "ignored").unwrap();
    std::fs::create_dir(rig.path("site/deep")).unwrap();
    std::fs::write(rig.path("site/deep/c.html"), "c").unwrap();
    post.says(DONE, 4).says("site/deep/c.html changed", 1);
    assert_eq!(post.code(), 130);
}

#[test]
fn many_changes_at_once_are_one_and_at_most_one_run_waits() {
    let waits = "while files(\"out\").head(\"go.txt\") == () { wait(\"20ms\"); }\nfiles(";
    let rig = rig().file("t.rhai", &SCRIPT.replace("files(", waits));
    let post = Post::stand(&rig, &["t.rhai"]);
    let waits_for = |what: &str, words: &[&str]| {
        wait_until(what, 60, || words.iter().any(|word| post.said().contains(word)));
    };
    waits_for("the run goes on", &["wait 20ms"]);
    for n in 0..20 {
        std::fs::write(rig.path("data/list.txt"), format!("{n}\n")).unwrap();
    }
    waits_for("a change is seen", &["another run follows"]);
    save(&rig.path("parts/part.rhai"), "fn text() { \"two\" }\n");
    waits_for("the last one too", &["parts/part.rhai changed", "1 more changed"]);
    std::fs::write(rig.path("out/go.txt"), "").unwrap();
    post.says(DONE, 2);
    assert_eq!(runs(&rig), 2);
    assert_eq!(post.code(), 130);
}

#[test]
fn a_change_stops_the_run_where_that_is_wanted() {
    let slow =
        SCRIPT.replace("files(", "if run.id != \"\" && part::text() == \"one\" { wait(\"10m\"); }\nfiles(");
    let rig = rig().file("t.rhai", &slow);
    let post = Post::stand(&rig, &["t.rhai", "--on-change", "cancel"]);
    post.says("wait 10m", 1);
    save(&rig.path("parts/part.rhai"), "fn text() { \"two\" }\n");
    post.says("this run is stopped", 1).says("✔ done; ", 1);
    rig.run(&["runs"]).expect(0).says("cancelled");
    assert_eq!(post.code(), 130);
}

#[test]
fn nothing_is_destroyed_while_nobody_looks_on() {
    let script = "//! T.\n//! uses = [\"files.out:destroy\"]\nfiles(\"out\").delete(\"x\");\n";
    let rig = rig().file("t.rhai", script);
    let post = Post::stand(&rig, &["t.rhai", "--max-failures", "1"]);
    post.says("is not done while nobody looks on", 1).says("no longer watching", 1);
    assert!(rig.path("out/x").exists());
    rig.run(&["exec", "t.rhai"]).expect(0);
    assert!(!rig.path("out/x").exists());
}

#[test]
fn it_waits_after_failures_and_gives_up_after_too_many() {
    let rig = rig().file("t.rhai", "//! T.\nfail(\"no\");\n");
    let mut post = Post::stand(&rig, &["t.rhai", "--max-failures", "2"]);
    post.says("1 of 2 failures", 1);
    save(&rig.path("t.rhai"), "//! T.\nfail(\"no, again\");\n");
    post.says("2 failures in a row", 1);
    let journal = rusqlite::Connection::open(rig.path(".playbook/journal.db")).unwrap();
    let between = "SELECT (julianday(b.started) - julianday(a.ended)) * 86400.0 FROM runs a, runs b WHERE a.number = 1 AND b.number = 2";
    let waited: f64 = journal.query_row(between, [], |row| row.get(0)).unwrap();
    assert!(waited > 0.95, "it did not wait: {waited}");
    assert_eq!(post.child.wait().unwrap().code(), Some(1));
    // A mistake in a file that is being written is none.
    let rig = rig.file("t.rhai", "//! T.\nlet x = ;\n");
    let post = Post::stand(&rig, &["t.rhai", "--max-failures", "1"]);
    post.says("0 of 1 failures", 1);
    save(&rig.path("t.rhai"), "//! T.\nlog(\"whole\");\n");
    post.says("✔ done; ", 1);
    assert_eq!(post.code(), 130);
}

#[test]
fn a_plan_comes_first_where_that_is_wanted() {
    let rig = rig();
    let post = Post::stand(&rig, &["t.rhai", "--plan"]);
    post.says(DONE, 1);
    assert_eq!(runs(&rig), 1);
    assert_eq!(post.code(), 130);
    let rig = rig.file("t.rhai", "//! T.\nfiles(\"out\").put(\"a\", \"b\");\n");
    let post = Post::stand(&rig, &["t.rhai", "--plan"]);
    post.says("✘ exit code", 1);
    assert_eq!((runs(&rig), rig.path("out/a").exists()), (1, false));
    assert_eq!(post.code(), 130);
}

#[test]
fn an_environment_that_does_not_allow_it_is_refused() {
    let rig = rig();
    rig.run(&["watch", "t.rhai", "--env", "staging"]).expect(3).says("watch = true");
    rig.run(&["watch", "parts"]).expect(2).says("none of the paths is a playbook");
    rig.run(&["watch", "t.rhai", "nothing"]).expect(2).says("there is no nothing");
}

#[test]
fn ten_thousand_files_are_followed() {
    let rig = rig();
    for folder in 0..100 {
        let folder = rig.path(&format!("many/{folder}"));
        std::fs::create_dir_all(&folder).unwrap();
        for file in 0..100 {
            std::fs::write(folder.join(format!("{file}.txt")), format!("{file}")).unwrap();
        }
    }
    let post = Post::stand(&rig, &["t.rhai", "many"]);
    post.says(DONE, 1).says("watching 10004 files", 1);
    let begin = Instant::now();
    save(&rig.path("many/57/99.txt"), "changed");
    post.says("many/57/99.txt changed", 1);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    post.says(DONE, 2);
    std::fs::remove_dir_all(rig.path("many/3")).unwrap();
    post.says("and 99 more changed", 1).says(DONE, 3);
    assert_eq!(post.code(), 130);
}
