//! A gate is answered at the run's own terminal, by whoever may: signed, with a comment, and while others may answer too.

use super::gates::key;
use crate::cli::operator::Seat;
use crate::cli::resume::killed;
use crate::rig::{Rig, wait_until};

const ASKED: &str = "[a] approve";

fn script(quorum: usize) -> String {
    format!(
        "//! Deploy.\n//! uses = [\"files.out:write\"]\nlet out = files(\"out\");\nstep \"Prepare\" {{ out.put(\"one.txt\", \"1\"); }}\n\
         gate(\"Go\", #{{ approvers: [\"owners\"], quorum: {quorum}, within: \"1m\" }});\nout.put(\"two.txt\", \"2\");\n"
    )
}

/// Ada sits at the terminal and may approve what she began in `open` only; she signs.
fn rig(quorum: usize) -> Rig {
    let rig = Rig::new("").file("deploy.rhai", &script(quorum));
    let settings = format!(
        "[people.ada]\nkey = \"{}\"\n[people.cy]\n[groups.owners]\npeople = [\"ada\", \"cy\"]\n\
         [env.local.files.out]\npath = \"out\"\naccess = \"write\"\n[env.open]\nself_approval = true\n\
         [env.open.files.out]\npath = \"out\"\naccess = \"write\"\n",
        key(rig.folder(), "ada")
    );
    rig.file("playbook.toml", &settings)
}

fn seat(rig: &Rig, words: &str) -> Seat {
    let key = rig.path("ada").display().to_string();
    Seat::with(rig, &[("PLAYBOOK_KEY", &key)], words)
}

fn shows(seat: &Seat, text: &str) {
    wait_until(text, 60, || seat.shown.lock().unwrap().contains(text));
}

#[test]
fn who_may_approves_at_the_terminal_and_signs() {
    let rig = rig(1);
    let mut seat = seat(&rig, "exec deploy.rhai --env open");
    seat.when(ASKED, "x").when("Type one of the letters", "a").when("Comment", "looks good");
    assert_eq!(seat.code(), 0);
    assert!(rig.path("out/two.txt").exists());
    rig.run(&["show"]).expect(0).says("approved by ada").says("looks good").says("signed");
    rig.run(&["verify", "last"]).expect(0).says("SHA256:");
}

#[test]
fn who_began_it_is_not_asked_and_waits_for_somebody_else() {
    let rig = rig(1);
    let seat = seat(&rig, "exec deploy.rhai");
    shows(&seat, "asks 1 of ada, cy");
    let mut cy = rig.command(&["approve", "last"]);
    wait_until("cy has approved", 60, || {
        cy.env("PLAYBOOK_PERSON", "cy@laptop").output().unwrap().status.success()
    });
    let shown = std::sync::Arc::clone(&seat.shown);
    assert_eq!(seat.code(), 0);
    assert!(!shown.lock().unwrap().contains(ASKED), "{}", shown.lock().unwrap());
}

#[test]
fn who_goes_on_with_the_run_of_another_may_decline_it_there() {
    let rig = rig(1);
    rig.run(&["exec", "deploy.rhai", "--detach"]).expect(10);
    let mut seat = seat(&rig, "resume last");
    seat.when(ASKED, "d").when("Comment", "not on a Friday");
    assert_ne!(seat.code(), 0);
    rig.run(&["show"]).expect(0).says("declined by ada").says("not on a Friday");
    assert!(!rig.path("out/one.txt").exists(), "it is taken back");
}

#[test]
fn others_may_answer_while_the_question_stands_there() {
    let rig = rig(2);
    let mut seat = seat(&rig, "exec deploy.rhai --env open");
    shows(&seat, ASKED);
    let mut cy = rig.command(&["approve", "last", "-m", "from afar"]);
    assert!(cy.env("PLAYBOOK_PERSON", "cy@laptop").output().unwrap().status.success());
    shows(&seat, "from afar");
    wait_until("the question comes again", 60, || seat.shown.lock().unwrap().matches(ASKED).count() == 2);
    seat.when("from afar", "a").when("Comment", "");
    assert_eq!(seat.code(), 0);
    rig.run(&["show"]).expect(0).says("approved by cy, ada");
    let rig = self::rig(1);
    let mut seat = self::seat(&rig, "exec deploy.rhai --env open");
    seat.when(ASKED, "w");
    let mut cy = rig.command(&["approve", "last"]);
    assert!(cy.env("PLAYBOOK_PERSON", "cy@laptop").output().unwrap().status.success());
    assert_eq!(seat.code(), 0);
}

#[test]
fn a_run_that_was_cut_off_with_the_lock_is_gone_on_with_or_taken_back_on_the_spot() {
    let locked = "//! Deploy.\n//! uses = [\"files.out:write\"]\n//! lock = \"api\"\nlet out = files(\"out\");\n\
                  out.put(\"one.txt\", run.id);\nout.put(\"two.txt\", run.id);\n";
    let cut_off = || {
        let rig = self::rig(1).file("locked.rhai", locked);
        killed(&rig, &["exec", "locked.rhai"], "4:after").expect(137);
        rig
    };
    let rig = cut_off();
    let mut seat = self::seat(&rig, "exec locked.rhai");
    seat.when("What becomes of it?", "r");
    assert_eq!(seat.code(), 0);
    let text = |name: &str| std::fs::read_to_string(rig.path(name)).unwrap();
    assert_eq!(text("out/one.txt"), text("out/two.txt"), "it is the same run");
    rig.run(&["locks"]).expect(0).says("no lock is held");
    let rig = cut_off();
    let mut seat = self::seat(&rig, "exec locked.rhai");
    seat.when("What becomes of it?", "q");
    assert_eq!(seat.code(), 9);
    let mut seat = self::seat(&rig, "exec locked.rhai");
    seat.when("What becomes of it?", "b");
    assert_eq!(seat.code(), 0);
    assert!(!rig.path("out/one.txt").exists());
    rig.run(&["locks"]).expect(0).says("no lock is held");
}
