//! Locks: one run for each environment and name, the other says who; waiting, a dead holder, taking a lock away.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use playbook::base::error::{Error, Kind};
use playbook::base::event::Event;
use playbook::base::outcome::Outcome;
use playbook::effect::journal::{Facts, Journal, NewRun, RunJournal};

use crate::rig::{Rig, wait_until};

const PROJECT: &str = "[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n[env.other]\n";

/// Writes a file, then goes on until it is told to end, looking now and then.
const SLOW: &str = r#"//! Slow.
//!
//! uses = ["files.out:write"]
//! lock = "api"
let out = files("out");
step "Hold on" {
    out.put("one.txt", "1");
    while out.head("end.txt") == () { wait("20ms"); out.put("turn.txt", "x"); }
}
"#;

const QUICK: &str = "//! Quick.\n//!\n//! lock = \"api\"\nlog(\"free\");\n";

/// Holds the lock without having changed anything.
const IDLE: &str = "//! Idle.\n//!\n//! uses = [\"files.out:write\"]\n//! lock = \"api\"\n\
    step \"Read\" { while files(\"out\").head(\"end.txt\") == () { wait(\"20ms\"); } }\n";

fn rig() -> Rig {
    let rig = Rig::new(PROJECT).file("slow.rhai", SLOW).file("quick.rhai", QUICK).file("idle.rhai", IDLE);
    std::fs::create_dir(rig.path("out")).unwrap();
    rig
}

fn start(rig: &Rig, arguments: &[&str]) -> Child {
    rig.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn slow(rig: &Rig) -> Child {
    let child = start(rig, &["exec", "slow.rhai"]);
    wait_until("the first write", 60, || rig.path("out/one.txt").exists());
    child
}

fn end(rig: &Rig, mut child: Child) -> i32 {
    std::fs::write(rig.path("out/end.txt"), "").unwrap();
    let code = child.wait().unwrap().code().unwrap();
    std::fs::remove_file(rig.path("out/end.txt")).unwrap();
    std::fs::remove_file(rig.path("out/one.txt")).unwrap();
    code
}

#[test]
fn the_second_run_says_who_holds_the_lock_and_waits_when_told_to() {
    let rig = rig();
    rig.run(&["locks"]).expect(0).says("no lock is held");
    let child = slow(&rig);
    wait_until("the step is told", 30, || rig.run(&["locks"]).all().contains("Hold on"));
    rig.run(&["exec", "quick.rhai"])
        .expect(9)
        .says("the lock `api` of `local` is held by run ")
        .says(" of tester@rig")
        .says("in the step “Hold on”")
        .says("--wait");
    rig.run(&["exec", "quick.rhai", "--wait=100ms"])
        .expect(9)
        .says("waiting: the lock `api`")
        .says("is held by run");
    rig.run(&["exec", "quick.rhai", "--env", "other"]).expect(0).says("free");
    rig.run(&["plan", "quick.rhai"]).expect(0);
    rig.run(&["locks"])
        .expect(0)
        .says("api  local  held  run ")
        .says("in the step “Hold on”")
        .says("process ");
    let mut waiting = start(&rig, &["exec", "quick.rhai", "--wait"]);
    assert_eq!(end(&rig, child), 0);
    assert!(waiting.wait().unwrap().success(), "who waits gets the lock in the end");
    rig.run(&["locks"]).expect(0).says("no lock is held");
    let child = slow(&rig);
    rig.run(&["exec", "slow.rhai"]).expect(9).says("should end about ");
    assert_eq!(end(&rig, child), 0);
    rig.run(&["exec", "quick.rhai", "--wait=soon"]).expect(2).says("`soon` is no duration");
}

#[test]
fn a_run_that_waits_behind_a_step_is_not_told_to_be_in_it() {
    let behind = "//! Behind.\n//!\n//! uses = [\"files.out:write\"]\n//! lock = \"api\"\n\
        step \"Outer\" { step \"Hold on\" { files(\"out\").put(\"one.txt\", \"1\"); while files(\"out\").head(\"end.txt\") == () { wait(\"20ms\"); } } wait(\"1h\"); }\n";
    let rig = rig().file("behind.rhai", behind);
    let mut child = start(&rig, &["exec", "behind.rhai"]);
    wait_until("the step is told", 60, || rig.run(&["locks"]).all().contains("in the step “Hold on”"));
    std::fs::write(rig.path("out/end.txt"), "").unwrap();
    wait_until("the step around it is told", 60, || {
        rig.run(&["locks"]).all().contains("in the step “Outer”")
    });
    rig.run(&["cancel", "last"]).expect(0);
    child.wait().unwrap();
}

#[test]
fn a_dead_holder_that_changed_something_keeps_the_lock_and_one_that_did_not_loses_it() {
    let rig = rig();
    let mut child = start(&rig, &["exec", "idle.rhai"]);
    wait_until("it holds the lock", 60, || rig.run(&["locks"]).all().contains("Read"));
    child.kill().unwrap();
    child.wait().unwrap();
    rig.run(&["locks"]).expect(0).says("left: the next run takes it over");
    rig.run(&["exec", "quick.rhai"]).expect(0).says("free");
    let mut child = slow(&rig);
    child.kill().unwrap();
    child.wait().unwrap();
    let refused = rig.run(&["exec", "quick.rhai", "--wait"]).expect(9);
    refused
        .says("which was cut off")
        .says("playbook resume ")
        .says("playbook rollback ")
        .says("playbook unlock api --env local");
    rig.run(&["locks"]).expect(0).says("kept: its run was cut off").says("playbook resume");
}

#[test]
fn a_lock_is_taken_away_for_a_reason_that_is_recorded() {
    let rig = rig();
    rig.run(&["unlock", "api", "--force", "--reason", "x"]).expect(2).says("the lock `api` is not held");
    let child = slow(&rig);
    rig.run(&["unlock", "api"]).expect(9).says("is held by run").says("playbook unlock api --force --reason");
    rig.run(&["unlock", "api", "--force"]).expect(2).says("--reason");
    rig.run(&["unlock", "api", "--force", "--reason", " "]).expect(9);
    rig.run(&["unlock", "api", "--env", "other", "--force", "--reason", "x"])
        .expect(2)
        .says("is not held in `other`");
    rig.run(&["locks"]).expect(0).says("held");
    rig.run(&["unlock", "api", "--force", "--reason", "the laptop is under water"])
        .expect(0)
        .says("the lock `api` of `local` was taken from run");
    let shown = rig.run(&["show", "last"]).expect(0);
    shown.says("from run").says("tester@rig took the lock `api` from run").says("the laptop is under water");
    // The run that had it begins no further change, and does not take back under the feet of another either.
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(6));
    let runs = rig.run(&["runs", "--output", "json"]).expect(0).stdout;
    let runs: serde_json::Value = serde_json::from_str(&runs).unwrap();
    let shown = rig.run(&["show", runs[1]["id"].as_str().unwrap()]).expect(0);
    shown.says("the lock `api` was taken away from this run").says("`playbook runs` shows who took it");
    rig.run(&["exec", "quick.rhai"]).expect(0).says("free");
    rig.run(&["verify"]).expect(0);
}

fn begin(journal: &Journal, person: &str) -> Result<RunJournal, Error> {
    let facts = Facts {
        playbook: "deploy.rhai".to_owned(),
        environment: "production".to_owned(),
        person: person.to_owned(),
        lock: Some("api".to_owned()),
        ..Facts::default()
    };
    journal.begin_run(&NewRun { facts, scripts: Vec::new() })
}

/// One of the two processes of the test below: begins a run at each word from it, and says what came of that.
#[test]
#[ignore = "it is a part of another test, in a process of its own"]
fn a_party() {
    let (Ok(folder), Ok(person)) = (std::env::var("RIG_FOLDER"), std::env::var("RIG_PERSON")) else { return };
    let journal = Journal::open(std::path::Path::new(&folder)).unwrap();
    let mut run = None;
    println!("@ready");
    for word in std::io::stdin().lines() {
        if word.unwrap() == "end" {
            let end = Event::RunEnded { outcome: Outcome::Done, took: Duration::ZERO, error: None };
            run.take().into_iter().for_each(|run: RunJournal| run.end(&end).unwrap());
            println!("@over");
            continue;
        }
        match begin(&journal, &person) {
            Ok(begun) => {
                println!("@{}", begun.id());
                run = Some(begun);
            }
            Err(refused) => {
                assert_eq!(refused.kind, Kind::Held);
                println!("@{}", refused.what);
            }
        }
    }
}

/// A process that is told when to begin.
struct Party {
    child: Child,
    said: std::io::Lines<BufReader<ChildStdout>>,
}

impl Party {
    fn start(folder: &std::path::Path, person: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "cli::people::locks::a_party", "--ignored", "--nocapture"]);
        command
            .env("RIG_FOLDER", folder)
            .env("RIG_PERSON", person)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, said }
    }

    fn tell(&mut self, word: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{word}").unwrap();
    }

    /// What it says next; the test harness has words of its own before it.
    fn hear(&mut self) -> String {
        loop {
            let line = self.said.next().expect("the process goes on").unwrap();
            if let Some((_, said)) = line.split_once('@') {
                return said.to_owned();
            }
        }
    }
}

#[test]
fn of_two_processes_that_begin_at_once_one_holds_the_lock_and_the_other_says_who_a_thousand_times() {
    let folder = tempfile::tempdir().unwrap();
    Journal::open(folder.path()).unwrap();
    let mut parties = ["ada", "bob"].map(|person| Party::start(folder.path(), person));
    parties.iter_mut().for_each(|party| assert_eq!(party.hear(), "ready"));
    let mut won = [0, 0];
    for _ in 0..1000 {
        parties.iter_mut().for_each(|party| party.tell("begin"));
        let [ada, bob] = parties.each_mut().map(Party::hear);
        let (winner, run, refused) = if ada.starts_with("the lock") { (1, bob, ada) } else { (0, ada, bob) };
        won[winner] += 1;
        let who = ["ada", "bob"][winner];
        assert_eq!(refused, format!("the lock `api` of `production` is held by run {run} of {who}"));
        parties[winner].tell("end");
        assert_eq!(parties[winner].hear(), "over");
    }
    assert!(won.iter().all(|won| *won > 0), "it is always the same: {won:?}");
    for party in &mut parties {
        drop(party.child.stdin.take());
        assert!(party.child.wait().unwrap().success());
    }
    assert!(Journal::open(folder.path()).unwrap().leases().unwrap().is_empty());
}

#[test]
fn of_real_processes_that_start_at_once_one_runs_and_the_others_say_who() {
    let rig = rig();
    for _ in 0..5 {
        let all: Vec<Child> = (0..3)
            .map(|_| {
                rig.command(&["exec", "slow.rhai"])
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        // Those that are refused end by themselves; the one that holds the lock has to be told.
        wait_until("one holds the lock", 60, || rig.path("out/one.txt").exists());
        let mut all = all;
        wait_until("the others are refused", 60, || {
            all.iter_mut().map(|child| child.try_wait().unwrap().is_some()).filter(|over| *over).count() == 2
        });
        std::fs::write(rig.path("out/end.txt"), "").unwrap();
        let seen: Vec<_> = all.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
        std::fs::remove_file(rig.path("out/end.txt")).unwrap();
        std::fs::remove_file(rig.path("out/one.txt")).unwrap();
        assert_eq!(seen.iter().filter(|one| one.status.success()).count(), 1);
        for refused in seen.iter().filter(|one| !one.status.success()) {
            assert_eq!(refused.status.code(), Some(9));
            assert!(String::from_utf8_lossy(&refused.stderr).contains("is held by run "));
        }
    }
}
