//! Somebody is at the terminal when a run fails: each choice on a real pseudo-terminal, as `script` of util-linux makes one.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::resume::{count, rig};
use crate::rig::{Rig, wait_until};

const SCRIPT: &str = "//! T.\n//! uses = [\"files.out:write\"]\nlet out = files(\"out\");\n\
    step \"One\" { out.put(\"one\", \"1\"); }\n\
    step \"Two\" { let text = out.get(\"gate\"); out.put(\"two\", `got ${text}`); }\n";

/// The binary on a terminal of its own, and what it has shown there.
pub struct Seat {
    child: Child,
    pub shown: Arc<Mutex<String>>,
}

impl Seat {
    pub fn at(rig: &Rig, words: &str) -> Self {
        Self::with(rig, &[], words)
    }

    /// The same with more variables of the environment.
    pub fn with(rig: &Rig, variables: &[(&str, &str)], words: &str) -> Self {
        let binary = env!("CARGO_BIN_EXE_playbook");
        let mut child = Command::new("script")
            // Without `exec` some shells stay in front of it, and Ctrl-C gives their exit code and not its own.
            .args(["-q", "-e", "-c", &format!("exec {binary} {words}"), "/dev/null"])
            .current_dir(rig.folder())
            .envs(variables.iter().copied())
            .env("PLAYBOOK_PERSON", "ada@seat")
            .env("TERM", "dumb")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test needs the program `script`");
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut from, page) = (child.stdout.take().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut bytes) {
                page.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        });
        Self { child, shown }
    }

    /// Waits until the terminal shows `text`, then types `line`.
    pub fn when(&mut self, text: &str, line: &str) -> &mut Self {
        wait_until(text, 60, || self.shown.lock().unwrap().contains(text));
        let mut to = self.child.stdin.as_ref().unwrap();
        to.write_all(format!("{line}\n").as_bytes()).unwrap();
        to.flush().unwrap();
        self
    }

    /// Waits until the terminal shows `text`, then presses `keys` alone.
    pub fn press(&mut self, text: &str, keys: &str) -> &mut Self {
        wait_until(text, 60, || self.shown.lock().unwrap().contains(text));
        let mut to = self.child.stdin.as_ref().unwrap();
        to.write_all(keys.as_bytes()).unwrap();
        to.flush().unwrap();
        self
    }

    pub fn code(mut self) -> i32 {
        // Kept until the end: the end of input would be typed at the terminal, as an answer.
        let _typing = self.child.stdin.take();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        assert!(code >= 0, "{}", self.shown.lock().unwrap());
        code
    }
}

fn decided(rig: &Rig, choice: &str) -> i64 {
    count(
        rig,
        &format!(
            "SELECT count(*) FROM entries WHERE word = 'decided' AND body LIKE '%\"choice\":\"{choice}\"%' AND body LIKE '%ada@seat%'"
        ),
    )
}

fn failing() -> Rig {
    rig().file("t.rhai", SCRIPT)
}

/// A playbook that waits in its second step.
fn waiting() -> Rig {
    let script =
        SCRIPT.replace("let text = out.get(\"gate\");", "log(\"waits\"); wait(\"60s\"); let text = 1;");
    rig().file("t.rhai", &script)
}

const ASKED: &str = "How does it go on?";

fn two(rig: &Rig) -> String {
    std::fs::read_to_string(rig.path("out/two")).unwrap()
}

#[test]
fn it_is_tried_again_skipped_or_given_a_value() {
    let rig = failing();
    let mut seat = Seat::at(&rig, "exec t.rhai");
    wait_until(ASKED, 60, || seat.shown.lock().unwrap().contains(ASKED));
    std::fs::write(rig.path("out/gate"), "it").unwrap();
    seat.when(ASKED, "r");
    assert_eq!((seat.code(), two(&rig).as_str(), decided(&rig, "retry")), (0, "got it", 1));
    let rig = failing();
    let mut seat = Seat::at(&rig, "exec t.rhai");
    seat.when(ASKED, "s");
    assert_eq!((seat.code(), two(&rig).as_str(), decided(&rig, "skip")), (0, "got ", 1));
    let rig = failing();
    let mut seat = Seat::at(&rig, "exec t.rhai");
    seat.when(ASKED, "v").when("Value", "typed");
    assert_eq!((seat.code(), two(&rig).as_str(), decided(&rig, "value")), (0, "got typed", 1));
    rig.run(&["verify"]).expect(0);
}

#[test]
fn it_was_done_by_hand_with_a_note() {
    let rig = failing();
    let mut seat = Seat::at(&rig, "exec t.rhai");
    seat.when(ASKED, "d").when("What was done?", "opened the gate");
    assert_eq!((seat.code(), decided(&rig, "by_hand")), (0, 1));
    rig.run(&["show"]).expect(0).says("done by hand by ada@seat").says("opened the gate");
}

#[test]
fn it_is_taken_back_or_left_for_resume() {
    let rig = failing();
    let mut seat = Seat::at(&rig, "exec t.rhai");
    seat.when(ASKED, "b");
    assert_ne!(seat.code(), 0);
    assert_eq!(decided(&rig, "rollback"), 1);
    assert!(!rig.path("out/one").exists());
    let rig = failing();
    let mut seat = Seat::at(&rig, "exec t.rhai");
    seat.when(ASKED, "q");
    assert_ne!(seat.code(), 0);
    assert_eq!(decided(&rig, "stop"), 1);
    assert!(rig.path("out/one").exists());
    let rig = rig.file("out/gate", "it");
    rig.run(&["resume", "last"]).expect(0);
    assert_eq!(two(&rig), "got it");
}

#[test]
fn nobody_is_asked_where_that_was_said() {
    let rig = failing();
    let seat = Seat::at(&rig, "exec t.rhai --no-input");
    assert_ne!(seat.code(), 0);
    assert!(!rig.path("out/one").exists(), "the policy takes it back");
}

#[test]
fn ctrl_c_ends_a_question_too() {
    let rig = waiting();
    let mut seat = Seat::at(&rig, "exec t.rhai");
    seat.press("waits", "\x03").press("[Y/n]", "\x03");
    assert_eq!(seat.code(), 6);
    assert!(rig.path("out/one").exists(), "twice ends at once");
    rig.run(&["show", "last"]).expect(0).says("not taken back");
    let rig = failing();
    let mut seat = Seat::at(&rig, "exec t.rhai");
    seat.press(ASKED, "\x03");
    assert_ne!(seat.code(), 0);
    assert!(rig.path("out/one").exists(), "it is left for resume");
    let rig = rig.file("out/gate", "it");
    rig.run(&["resume", "last"]).expect(0);
}

/// A run that was told to stop and asks what becomes of it, and somebody else who keeps its journal from being written.
fn asking_without_a_journal(rig: &Rig) -> (Seat, Connection) {
    let mut seat = Seat::at(rig, "exec t.rhai");
    seat.press("waits", "\x03").press("[Y/n]", "");
    let other = Connection::open(rig.path(".playbook/journal.db")).unwrap();
    other.busy_timeout(Duration::from_secs(60)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    (seat, other)
}

#[test]
fn how_far_it_came_is_written_down_after_a_second_ctrl_c_however_slow_the_disk() {
    let rig = waiting();
    let (mut seat, other) = asking_without_a_journal(&rig);
    seat.press("[Y/n]", "\x03");
    std::thread::sleep(Duration::from_secs(4));
    drop(other);
    assert_eq!(seat.code(), 6);
    rig.run(&["show", "last"]).expect(0).says("not taken back");
}

#[test]
fn a_window_that_is_closed_meanwhile_hastens_nothing() {
    let rig = waiting();
    let (mut seat, other) = asking_without_a_journal(&rig);
    seat.press("[Y/n]", "\x03");
    std::thread::sleep(Duration::from_millis(500));
    seat.child.kill().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    drop(other);
    wait_until("it is written down", 30, || rig.run(&["show", "last"]).stdout.contains("not taken back"));
}

#[test]
fn who_cannot_wait_for_that_presses_it_once_more() {
    let rig = waiting();
    let (mut seat, other) = asking_without_a_journal(&rig);
    let begin = Instant::now();
    while seat.child.try_wait().unwrap().is_none() {
        seat.press("[Y/n]", "\x03");
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    drop(other);
    assert_eq!(seat.code(), 130);
    rig.run(&["rollback", "last"]).expect(0);
    assert!(!rig.path("out/one").exists());
}

#[test]
fn a_key_that_is_no_answer_takes_nothing_back() {
    let rig = waiting();
    let mut seat = Seat::at(&rig, "exec t.rhai");
    seat.press("waits", "\x03").when("[Y/n]", "q").when("Type y or n.", "n");
    assert_ne!(seat.code(), 0);
    assert!(rig.path("out/one").exists());
}
