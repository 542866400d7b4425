//! Freezes and deploy hours: asked before the lock and before each write, and broken only for a recorded reason.

use jiff::{Timestamp, ToSpan as _};

use crate::rig::Rig;

const WRITE: &str = "//! Write.\n//!\n//! uses = [\"files.out:write\"]\nlet out = files(\"out\");\n\
    step \"One\" { out.put(\"one.txt\", \"1\"); }\nwait(\"4s\");\nstep \"Two\" { out.put(\"two.txt\", \"2\"); }\n";
const READ: &str =
    "//! Read.\n//!\n//! uses = [\"files.out:read\"]\nlog(`${files(\"out\").list().len()} files`);\n";

fn at(seconds: i64) -> String {
    Timestamp::now().checked_add(seconds.seconds()).unwrap().strftime("%FT%TZ").to_string()
}

fn rig(windows: &str) -> Rig {
    let settings =
        format!("[env.local]\n{windows}\n[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n");
    Rig::new(&settings).file("write.rhai", WRITE).file("read.rhai", READ)
}

fn freeze(from: i64, to: i64) -> Rig {
    rig(&format!(
        "[[env.local.freeze]]\nfrom = \"{}\"\nto = \"{}\"\nreason = \"the holidays\"",
        at(from),
        at(to)
    ))
}

#[test]
fn a_frozen_environment_is_not_changed_and_may_be_read() {
    let rig = freeze(-3600, 3600);
    rig.run(&["exec", "write.rhai"])
        .expect(3)
        .says("`local` is frozen until ")
        .says("why: the holidays")
        .says("--break-glass");
    assert!(!rig.path("out/one.txt").exists());
    rig.run(&["runs"]).expect(0).says("no runs yet");
    rig.run(&["plan", "write.rhai"])
        .expect(0)
        .says("it could not be carried out now: `local` is frozen")
        .says("2 changes");
    rig.run(&["exec", "read.rhai"]).expect(0).says("0 files");
    rig.run(&["exec", "write.rhai", "--break-glass", ""]).expect(2);
    rig.run(&["exec", "write.rhai", "--break-glass", "the site is down"])
        .expect(0)
        .says("tester@rig broke the glass");
    rig.run(&["show"])
        .expect(0)
        .says("glass broken the site is down")
        .says("although `local` is frozen until");
    rig.run(&["verify"]).expect(0);
}

#[test]
fn a_freeze_that_begins_during_a_run_is_met_by_the_next_write_and_what_was_done_is_taken_back() {
    // On a busy machine the first write itself may come too late for a freeze that begins soon.
    let tried = [3, 15, 60].into_iter().map(|lead| {
        let late = WRITE.replace("wait(\"4s\")", &format!("wait_until(\"{}\")", at(lead + 1)));
        let rig = freeze(lead, 3600).file("write.rhai", &late);
        let seen = rig.run(&["exec", "write.rhai"]).expect(3).says("`local` is frozen until");
        (rig, seen)
    });
    let (rig, _) =
        tried.into_iter().find(|(_, seen)| seen.all().contains("taken back")).expect("none began in time");
    assert!(!rig.path("out/one.txt").exists() && !rig.path("out/two.txt").exists());
}

#[test]
fn outside_of_the_hours_nothing_is_changed() {
    let now = Timestamp::now().to_zoned(jiff::tz::TimeZone::get("Europe/Berlin").unwrap());
    let day = |days: i64| now.checked_add(days.days()).unwrap().strftime("%a").to_string();
    let other = rig(&format!("allow = [\"{} 09:00-16:00 Europe/Berlin\"]", day(3)));
    other
        .run(&["exec", "write.rhai"])
        .expect(3)
        .says("`local` may not be changed now, ")
        .says("it may be changed ")
        .says("wait until ");
    let open = rig(&format!("allow = [\"{}-{} 00:00-24:00 Europe/Berlin\"]", day(0), day(1)));
    open.run(&["exec", "write.rhai"]).expect(0).hides("glass");
}

#[test]
fn wrong_windows_are_shown_at_their_place() {
    let seen = rig("allow = [\"Mon-Fry 09:00-16:00\"]\n[[env.local.freeze]]\nfrom = 2026-12-20\nto = \"2026-12-01\"\nreason = \"x\"\n\
        [[env.local.freeze]]\nfrom = \"soon\"\nuntil = 2026-12-20\n")
        .run(&["exec", "read.rhai"])
        .expect(2);
    insta::assert_snapshot!(seen, @r#"
    exit code: 2
    --- stdout
    --- stderr
    error: `Mon-Fry 09:00-16:00` are no weekly hours
      --> playbook.toml:2:10
      |
    2 | allow = ["Mon-Fry 09:00-16:00"]
      |          ^^^^^^^^^^^^^^^^^^^^^
      fix: write for example "Mon-Thu 09:00-16:00 Europe/Berlin" or "Sat,Sun 22:00-02:00 UTC"

    error: this freeze ends before it begins
      --> playbook.toml:5:6
      |
    5 | to = "2026-12-01"
      |      ^^^^^^^^^^^^
      fix: write the later of the two as `to`

    error: `soon` is no point in time
      --> playbook.toml:8:8
      |
    8 | from = "soon"
      |        ^^^^^^
      fix: write for example "2026-12-20" or "2026-12-20 18:00 Europe/Berlin"

    error: `until` is no key of a freeze
      --> playbook.toml:9:1
      |
    9 | until = 2026-12-20
      | ^^^^^
      fix: choose one of `from`, `to`, `reason`
    "#);
}
