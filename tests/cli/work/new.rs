//! `playbook new`: the project that it writes passes its check, runs, and its tests pass.

use crate::rig::Rig;
use crate::rig::seat::Seat;
use crate::rig::servers::http::{Answer, Http};

fn works(rig: &Rig, folder: &str, environment: &str) {
    for verb in ["check", "plan", "exec"] {
        let file = format!("{folder}/deploy.rhai");
        rig.run(&[verb, &file, "--env", environment]).expect(0);
    }
    rig.run(&["test", "--project", folder]).expect(0).says("passed");
}

#[test]
fn what_is_written_survives_a_crash_at_every_record() {
    let rig = Rig::new("");
    rig.run(&["new", "one"]).expect(0);
    rig.run(&["test", "--project", "one", "--crash-everywhere"]).expect(0).says("wherever it is killed");
}

#[test]
fn from_flags_a_project_is_written_that_works() {
    let rig = Rig::new("");
    rig.run(&["new", "one"]).expect(0).says("made playbook.toml").says("playbook exec deploy.rhai");
    works(&rig, "one", "local");
    rig.run(&["check", "one/deploy.rhai", "--env", "production"]).expect(0);
    let server = Http::start();
    server.tell("/health", &[Answer::new(200, "well")]);
    let url = format!("{}/health", server.url());
    rig.run(&[
        "new",
        "two",
        "--title",
        "Release the shop.",
        "--environments",
        "dev",
        "--systems",
        "files",
        "--url",
        &url,
    ])
    .expect(0);
    works(&rig, "two", "dev");
    rig.run(&["--project", "two"]).expect(0).says("Release the shop");
    rig.run(&["new", "three", "--systems", "files"]).expect(0);
    works(&rig, "three", "local");
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_written() {
    let rig = Rig::new("");
    rig.run(&["new"]).expect(2).says("is a project already");
    rig.run(&["new", "x", "--systems", "mainframe"]).expect(2).says("`mainframe`");
    rig.run(&["new", "x", "--url", "shop"]).expect(2).says("http://");
    rig.run(&["new", "x", "--environments", "a b"]).expect(2).says("`a b`");
    assert!(!rig.path("x").exists());
}

#[test]
fn at_a_terminal_four_questions_are_asked() {
    let rig = Rig::new("");
    let seat = Seat::at(&rig, &["new", "asked"]);
    seat.shows("What does it do?").types("Ship it");
    seat.shows("Which environments").types("");
    seat.shows("What does it work on").types("files");
    seat.shows("a URL").types("");
    assert_eq!(seat.code(), 0);
    works(&rig, "asked", "local");
    let playbook = std::fs::read_to_string(rig.path("asked/deploy.rhai")).unwrap();
    assert!(playbook.starts_with("//! Ship it.\n"), "{playbook}");
}
