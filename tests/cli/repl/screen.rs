//! The prompt on a real terminal: keys are typed, and the screen is compared.

use super::{flag, rig};
use crate::rig::Rig;
use crate::rig::seat::Seat;
use crate::rig::servers::http::{Answer, Http};

#[test]
fn a_line_is_completed_carried_out_and_shown_as_a_table() {
    let rig = rig();
    let seat = Seat::at(&rig, &["repl"]);
    seat.shows("local>");
    seat.press("let db = sqli\t").shows("let db = sqlite");
    seat.press("(\"ma\t").shows("sqlite(\"main");
    seat.types("\");").press("db.que\t").shows("db.query");
    seat.types("(\"SELECT name FROM feature_flags ORDER BY name\")").shows("2 rows");
    let screen = seat.screen();
    for part in ["│ name", "│ auto_sync", "│ beta"] {
        assert!(screen.contains(part), "no `{part}` in\n{screen}");
    }
    // Several methods fit: a menu tells what each is.
    seat.press("db.\t").shows("dump_to").press("\u{3}").is_free("local>");
    seat.press("db.query(\"SELECT 1\", #{ ti\t").shows("timeout").press("\u{3}").is_free("local>");
    seat.press("\u{4}");
    assert_eq!(seat.code(), 0);
}

#[test]
fn a_line_that_is_not_whole_goes_on_in_the_next() {
    let rig = rig();
    let seat = Seat::at(&rig, &["repl"]);
    seat.shows("local>").types("for n in 1..3 {").shows("… ");
    seat.types("log(`turn ${n}`);").types("}").shows("turn 1").shows("turn 2").is_free("local>");
    seat.press("\u{4}");
    assert_eq!(seat.code(), 0);
}

#[test]
fn a_guarded_change_is_named_and_wants_a_yes() {
    let rig = rig();
    let seat = Seat::at(&rig, &["repl", "--env", "production"]);
    seat.shows("production>").shows("guarded");
    seat.types("flags(\"main\").enable(\"beta\");")
        .shows("production is guarded")
        .shows("beta")
        .shows("Do it? [y/N]");
    seat.types("n").shows("was no");
    assert!(!flag(&rig, "beta"));
    seat.is_free("production>").types("flags(\"main\").enable(\"beta\");");
    crate::rig::wait_until("the second question", 20, || seat.screen().matches("Do it?").count() == 2);
    seat.types("y");
    crate::rig::wait_until("the flag", 20, || flag(&rig, "beta"));
    seat.is_free("production>");
    // Leaving says what stands.
    seat.press("\u{4}").shows("1 change stands").shows("playbook rollback").shows("Leave it so?");
    seat.types("b").shows("taken back");
    assert_eq!(seat.code(), 0);
    assert!(!flag(&rig, "beta"));
}

#[test]
fn ctrl_c_ends_a_long_call_and_not_the_prompt() {
    let rig = rig();
    let seat = Seat::at(&rig, &["repl"]);
    seat.shows("local>").types("wait(\"10m\")").shows("wait 10m");
    seat.press("\u{3}").shows("stopped by Ctrl-C").is_free("local>");
    seat.types("20 + 22").shows("42").is_free("local>").press("\u{4}");
    assert_eq!(seat.code(), 0);
}

#[test]
fn the_history_is_private_and_holds_no_secret() {
    let rig = rig();
    let seat = Seat::at(&rig, &["repl"]);
    seat.shows("local>")
        .types("let first = 40 + 1")
        .shows("40 + 1")
        .is_free("local>")
        .types("let password = \"hunter2\";")
        .shows("hunter2")
        .is_free("local>")
        .types("first + 1")
        .shows("42");
    seat.is_free("local>").types(" let unseen = 1").shows("unseen").is_free("local>").press("\u{4}");
    assert_eq!(seat.code(), 0);
    let file = rig.path(".playbook/history/local");
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.contains("first + 1") && !kept.contains("hunter2") && !kept.contains("unseen"), "{kept}");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    rig.keeps_no("hunter2");
    // The next time an arrow finds the last line; another environment has a history of its own.
    let seat = Seat::at(&rig, &["repl"]);
    seat.shows("local>").press("\u{1b}[A").shows("first + 1").press("\u{15}\u{4}");
    assert_eq!(seat.code(), 0);
}

#[test]
fn colours_go_where_they_are_not_wanted() {
    let rig = rig();
    let seat = Seat::at(&rig, &["repl"]);
    seat.shows("local>").press("\"text\"").shows("\"text\"");
    assert_eq!(seat.color_of("\"text\""), Some(vt100::Color::Idx(2)));
    seat.press("\u{15}\u{4}");
    assert_eq!(seat.code(), 0);
    let seat = Seat::with(&rig, &["repl"], &[("NO_COLOR", "1")]);
    seat.shows("local>").press("\"text\"").shows("\"text\"");
    assert_eq!(seat.color_of("\"text\""), Some(vt100::Color::Default));
    seat.press("\u{15}\u{4}");
    assert_eq!(seat.code(), 0);
}

/// Tells the process of a prompt to end.
fn terminate(seat: &Seat) {
    let process = rustix::process::Pid::from_raw(i32::try_from(seat.id()).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
}

#[test]
fn a_process_that_is_told_to_end_closes_its_run() {
    let rig = rig();
    let seat = Seat::at(&rig, &["repl"]);
    seat.shows("local>").types("20 + 22").shows("42");
    terminate(&seat);
    assert_eq!(seat.code(), 130);
    rig.run(&["runs"]).expect(0).says("done").hides("interrupted");
    // Also where another run was opened meanwhile.
    let rig = rig.file("t.rhai", "//! T.\nlet count = 3;\nfail(\"no\");\n");
    rig.run(&["exec", "t.rhai"]).expect(1);
    let runs: serde_json::Value =
        serde_json::from_str(&rig.run(&["runs", "--output", "json"]).expect(0).stdout).unwrap();
    let seat = Seat::at(&rig, &["repl"]);
    seat.shows("local>").types("20 + 22").shows("42").is_free("local>");
    seat.types(&format!(":open {}", runs[0]["id"].as_str().unwrap())).types("count + 100").shows("103");
    terminate(&seat);
    assert_eq!(seat.code(), 130);
    rig.run(&["runs"]).expect(0).hides("interrupted");
}

#[test]
fn a_secret_that_was_used_is_kept_nowhere_although_it_was_typed() {
    let server = Http::start();
    server.tell("/", &[Answer::new(200, "")]);
    let settings = format!("[env.local.http.api]\nurl = \"{}\"\ntoken = \"env:API_TOKEN\"\n", server.url());
    let rig = Rig::new(&settings);
    let seat = Seat::with(&rig, &["repl"], &[("API_TOKEN", "tok-s3cret-9")]);
    seat.shows("local>").types("http(\"api\").get(\"/\").status").shows("200").is_free("local>");
    seat.types("\"tok-s3cret-9\".len() + 100").shows("112").is_free("local>").press("\u{4}");
    assert_eq!(seat.code(), 0);
    assert!(std::fs::read_to_string(rig.path(".playbook/history/local")).unwrap().contains("[secret]"));
    rig.keeps_no("tok-s3cret-9");
}

#[test]
#[ignore = "writes docs/repl.svg"]
fn pictures_of_the_prompt() {
    let rig = rig();
    let seat = Seat::at(&rig, &["repl", "--env", "production"]);
    let recording = seat.record();
    seat.shows("production>").slowly("?flags.enable").slowly("\r");
    seat.is_free("production>").slowly("let db = sqli\t(\"ma\t\");").slowly("\r");
    seat.is_free("production>")
        .slowly("db.query(\"SELECT * FROM feature_flags\")")
        .slowly("\r")
        .shows("2 rows");
    seat.is_free("production>")
        .slowly("flags(\"main\").disable(\"auto_sync\");")
        .slowly("\r")
        .shows("Do it?");
    seat.slowly("y\r").is_free("production>").slowly(":undo").slowly("\r");
    crate::rig::wait_until("the flag is back", 20, || flag(&rig, "auto_sync"));
    seat.is_free("production>").slowly("flags(\"main\").enable(\"beta\");").slowly("\r");
    crate::rig::wait_until("the second question", 20, || seat.screen().matches("Do it?").count() == 2);
    seat.slowly("y\r").is_free("production>").slowly(":save incident.rhai").slowly("\r").shows("saved ");
    let about = "A guarded change at the prompt is named, asked for, and taken back";
    let picture = recording.end("playbook repl --env production", about);
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/repl.svg"), picture).unwrap();
}
