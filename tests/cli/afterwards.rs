//! What the record says of a run afterwards: a part that was taken back, a rollback that was refused, what a person let pass.

use rusqlite::Connection;

use super::operator::Seat;
use super::resume::{killed, rig};
use crate::rig::Rig;

const PART: &str = "//! Deploy the site.\n//! uses = [\"files.out:write\", \"sqlite.main:write\"]\nlet out = files(\"out\");\n\
    step \"One\" { out.put(\"one.txt\", \"1\"); }\n\
    step \"Two\" { sqlite(\"main\").execute(\"UPDATE feature_flags SET enabled = 0\"); }\n";

const SITE: &str = "//! Deploy the site.\n//! uses = [\"files.out:write\"]\nlet out = files(\"out\");\n\
    step \"One\" { out.put(\"one.txt\", \"1\"); }\n";

fn journal(rig: &Rig) -> Connection {
    Connection::open(rig.path(".playbook/journal.db")).unwrap()
}

fn newest(rig: &Rig) -> String {
    let sql = "SELECT id FROM runs ORDER BY number DESC LIMIT 1";
    journal(rig).query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_run_of_which_a_part_was_taken_back_says_so_and_what() {
    let rig = rig().file("t.rhai", PART);
    rig.run(&["exec", "t.rhai"]).expect(0);
    let id = newest(&rig);
    rig.run(&["rollback", &id]).expect(6).says("✘ not all taken back");
    let by = newest(&rig);
    rig.run(&["runs"]).expect(0).says("done, partly taken back");
    rig.run(&["runs", "--output", "json"]).expect(0).says("\"partly_taken_back_by\"");
    let seen = rig.run(&["show", &id]).expect(0);
    let seen =
        seen.says("in part back").says(&format!("by the run {by}: “write 1 B to `one.txt`")).says("; not “");
    assert!(seen.stdout.contains("↩ taken back") && seen.stdout.contains("not taken back"), "{seen}");
    let seen = rig.run(&["report", &id]).expect(0);
    seen.says("done, partly taken back").says("in part").says("- ↩ write 1 B").says("- ✘ ");
    // Whoever tries again is told what came back before.
    let before = format!("taken back before, by the run {by}: write 1 B to `one.txt`");
    rig.run(&["rollback", &id]).expect(6).says(&before);
    rig.run(&["show", "last"]).expect(0).says(&before);
    rig.run(&["report", "last"]).expect(0).says("taken back before, by the run");
}

#[test]
fn a_rollback_that_was_refused_is_no_run_that_failed() {
    let rig = rig().file("t.rhai", SITE);
    rig.run(&["exec", "t.rhai"]).expect(0);
    let id = newest(&rig);
    let rig = rig.file("out/one.txt", "by hand");
    rig.run(&["rollback", &id]).expect(8).says("refused, nothing was done");
    rig.run(&["rollback", &id, "--force", "files.uot"]).expect(2);
    rig.run(&["runs"]).expect(0).says("refused").hides("failed").hides("taken back");
    rig.run(&["show", "last"]).expect(0).says("refused").hides("go on with it");
    rig.run(&["show", &id]).expect(0).hides("taken back");
    rig.run(&["report", &id])
        .expect(0)
        .says("A rollback by tester@rig was refused, and did nothing")
        .hides("Taken back afterwards")
        .hides("failed");
}

#[test]
fn a_rollback_is_headed_as_what_it_is() {
    let rig = rig().file("t.rhai", SITE);
    rig.run(&["exec", "t.rhai"]).expect(0);
    let title = format!("Rollback of {}: Deploy the site", newest(&rig));
    rig.run(&["rollback", "last"]).expect(0).says(&format!("{title}  ↩ taken back in"));
    rig.run(&["show", "last"]).expect(0).says(&title);
    rig.run(&["report", "last"]).expect(0).says(&format!("# {title}"));
}

#[test]
fn what_a_person_let_pass_is_reported_so_and_their_time_counts_once() {
    let script = "//! T.\n//! uses = [\"files.out:write\"]\nlet out = files(\"out\");\n\
        step \"One\" { wait(\"300ms\"); check \"it is open\", 1 == 2; out.put(\"one.txt\", \"1\"); }\n";
    let rig = rig().file("t.rhai", script);
    let mut seat = Seat::at(&rig, "exec t.rhai");
    seat.when("How does it go on?", "s");
    assert_eq!(seat.code(), 0);
    rig.run(&["show", "last"]).expect(0).says("○ it is open: 1 (wanted == 2)  skipped by ada@seat");
    let seen = rig.run(&["report", "last"]).expect(0);
    seen.says("| skipped |").says("skipped by ada@seat").says("1 let pass by a person").hides("1 failed");
    rig.run(&["report", "last", "--format", "junit"]).expect(0).says("failures=\"0\"").says("<skipped/>");
    let sql = "SELECT json_extract(entries.body, '$.took'), (julianday(ended) - julianday(started)) * 86400000.0 FROM entries, runs \
        WHERE entries.word = 'run_ended'";
    let (took, whole): (f64, f64) =
        journal(&rig).query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert!(took < whole + 50.0, "it took {took} ms of {whole} ms");
}

#[test]
fn what_the_block_of_a_step_takes_back_is_not_told_as_what_cannot_be() {
    let script =
        PART.replace("enabled = 0\"); }", "enabled = 0\"); } rollback { out.put(\"told.txt\", \"\"); }");
    let rig = rig().file("t.rhai", &script);
    rig.run(&["exec", "t.rhai"]).expect(0);
    rig.run(&["report", "last"])
        .expect(0)
        .says("the rollback block of its step takes it back")
        .hides("cannot be taken back");
}

#[test]
fn a_record_that_was_changed_is_shown_with_a_mark() {
    let rig = rig().file("t.rhai", SITE);
    rig.run(&["exec", "t.rhai"]).expect(0);
    rig.run(&["show", "last"]).expect(0).hides("VERIFY");
    let change = "UPDATE entries SET body = replace(body, 'one.txt', 'six.txt')";
    assert!(journal(&rig).execute(change, []).unwrap() > 0);
    rig.run(&["show", "last"]).expect(0).says("DOES NOT VERIFY");
    rig.run(&["show", "last", "--output", "json"]).expect(0).says("\"fault\": {");
}

#[test]
fn a_run_that_left_nothing_is_begun_anew() {
    let script = "//! T.\n//! uses = [\"files.out:write\"]\nlet out = files(\"out\");\n\
        step \"One\" { out.get(\"nowhere.txt\"); out.put(\"one.txt\", \"1\"); }\n";
    let rig = rig().file("t.rhai", script);
    rig.run(&["exec", "t.rhai"]).expect(1);
    rig.run(&["show", "last"])
        .expect(0)
        .says("it left nothing: begin anew with `playbook exec t.rhai`")
        .hides("playbook resume")
        .hides("playbook rollback");
    let seen = rig.run(&["report", "last", "--out", "new/reports/one.md"]).expect(0);
    seen.says("(the folder new/reports was made for it)");
    rig.run(&["report", "last", "--out", "new/reports/two.md"]).expect(0).hides("was made for it");
}

#[test]
fn a_rollback_that_is_gone_on_with_names_all_that_it_took_back() {
    let script = "//! T.\n//! uses = [\"files.out:write\"]\nlet out = files(\"out\");\n\
        for n in 0..4 { out.put(`${n}.txt`, \"1\"); }\n";
    let rig = rig().file("t.rhai", script);
    rig.run(&["exec", "t.rhai"]).expect(0);
    // After the second of four.
    killed(&rig, &["rollback", "last"], "8:after").expect(137);
    let seen = rig.run(&["resume", "last"]).expect(0);
    let told = seen.stdout.split("taken back:").nth(1).unwrap();
    for n in 0..4 {
        assert!(told.contains(&format!("`{n}.txt`")), "{n} is missing in\n{seen}");
    }
}
