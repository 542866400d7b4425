//! Gates: who may answer, signatures by the real ssh-keygen, declining, deadlines, and what is shown and proven.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::rig::{Rig, wait_until};

const DEPLOY: &str = r#"//! Deploy.
//!
//! params = { version = "string" }
//! uses = ["files.out:write"]
let out = files("out");
step "Prepare" { out.put("one.txt", params.version); }
step "Decide" {
    gate("Go / No-Go", #{ approvers: ["owners", "tech-lead"], quorum: 2, within: "1m" });
}
step "Finish" { out.put("two.txt", "2"); }
"#;

/// Makes a key pair; gives the public half.
pub(super) fn key(folder: &Path, name: &str) -> String {
    let file = folder.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(&file)
        .status()
        .unwrap();
    assert!(made.success());
    std::fs::read_to_string(file.with_extension("pub")).unwrap().trim().to_owned()
}

/// A project with Ada and Bob, who sign; Cy, who does not; and Dan, who is in no group. The keys lie in it.
fn rig() -> Rig {
    let rig = Rig::new("").file("deploy.rhai", DEPLOY);
    let (ada, bob) = (key(rig.folder(), "ada"), key(rig.folder(), "bob"));
    let settings = format!(
        "[people.ada]\nkey = \"{ada}\"\nemail = \"ada@example.com\"\n[people.bob]\nkey = \"{bob}\"\nlogin = [\"bobby\"]\n[people.cy]\n[people.dan]\n\
         [people.tester]\n[groups.owners]\npeople = [\"ada\", \"cy\"]\n[groups.tech-lead]\npeople = [\"bob\", \"cy\", \"tester\"]\n\
         [env.local.files.out]\npath = \"out\"\naccess = \"write\"\n[env.open]\nself_approval = true\n\
         [env.open.files.out]\npath = \"out\"\naccess = \"write\"\n"
    );
    rig.file("playbook.toml", &settings)
}

fn start(rig: &Rig, arguments: &[&str]) -> Child {
    let all = [&["exec", "deploy.rhai", "--set", "version=2"], arguments].concat();
    let child = rig.command(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the gate", 60, || rig.run(&["show", "last"]).stdout.contains("Go / No-Go"));
    child
}

/// Answers as somebody on their own machine.
fn answer(rig: &Rig, login: &str, arguments: &[&str]) -> crate::rig::seen::Seen {
    let all = [&["approve", "last"], arguments].concat();
    let output = rig.command(&all).env("PLAYBOOK_PERSON", login).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    crate::rig::seen::Seen::new(output.status, text(output.stdout), text(output.stderr), rig.folder())
}

fn end(child: Child) -> (i32, String) {
    let output = child.wait_with_output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), said)
}

#[test]
fn two_people_approve_with_their_keys_and_it_can_be_proven() {
    let rig = rig();
    let child = start(&rig, &[]);
    let ada = rig.path("ada").display().to_string();
    answer(&rig, "ada@laptop", &["--key", &ada, "--comment", "looks good"])
        .expect(0)
        .says("ada approved")
        .says("signed")
        .says("version = \"2\"");
    // Who is asked and who is not, who began it, whose key it is.
    answer(&rig, "dan@laptop", &[]).expect(3).says("`dan` is not asked at the gate “Go / No-Go”");
    answer(&rig, "eve@laptop", &[]).expect(3).says("`eve@laptop` is no person of playbook.toml");
    answer(&rig, "tester@elsewhere", &[])
        .expect(3)
        .says("`tester` began this run, and cannot approve it too");
    answer(&rig, "eve@laptop", &["--as", "cy"]).expect(3).says("cannot answer for `cy`");
    answer(&rig, "eve@laptop", &["--as", "bob", "--key", &ada])
        .expect(3)
        .says("the key is not the one of `bob`");
    answer(&rig, "bobby@laptop", &[]).expect(1).says("could not be signed").says("--key");
    answer(&rig, "bobby@laptop", &["No-Go"]).expect(2).says("waits at no such gate");
    assert!(!rig.path("out/two.txt").exists());
    let bob = rig.path("bob").display().to_string();
    answer(&rig, "bobby@laptop", &["Go / No-Go", "--key", &bob, "--output", "json"])
        .expect(0)
        .says("BEGIN SSH SIGNATURE");
    let (code, said) = end(child);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("Go / No-Go: approved by ada, bob") && said.contains("looks good"), "{said}");
    rig.run(&["show"])
        .expect(0)
        .says("approved by ada, bob")
        .says("ada approved")
        .says("looks good")
        .says("signed");
    rig.run(&["verify", "last"]).expect(0).says("ada approved “Go / No-Go”").says("SHA256:");
    answer(&rig, "bobby@laptop", &[]).expect(2).says("has ended");
}

#[test]
fn a_key_is_found_in_the_home_folder() {
    let rig = rig();
    std::fs::create_dir(rig.path(".ssh")).unwrap();
    for name in ["ada", "ada.pub"] {
        std::fs::rename(rig.path(name), rig.path(".ssh").join(name)).unwrap();
    }
    let child = start(&rig, &[]);
    answer(&rig, "ada@laptop", &["--decline", "-m", "not on a Friday"])
        .expect(0)
        .says("ada declined")
        .says("signed");
    let (code, said) = end(child);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("the gate “Go / No-Go” was declined by ada") && said.contains("not on a Friday"),
        "{said}"
    );
    assert!(said.contains("taken back") && !rig.path("out/one.txt").exists(), "{said}");
    rig.run(&["show"]).expect(0).says("declined by ada").says("not on a Friday");
}

#[test]
fn nobody_in_time_does_what_the_gate_says() {
    let gate = |options: &str| {
        format!(
            "//! Wait.\nlet went = gate(\"Go\", #{{ approvers: [\"cy\"], within: \"300ms\"{options} }});\nlog(`went: ${{went}}`);\n"
        )
    };
    let rig = rig().file("fails.rhai", &gate("")).file("goes.rhai", &gate(", on_timeout: \"continue\""));
    rig.run(&["exec", "fails.rhai"])
        .expect(4)
        .says("the gate “Go” was not decided within 300ms")
        .says("asked were cy");
    rig.run(&["report", "--format", "junit"]).expect(0).says("failures=\"1\"");
    rig.run(&["exec", "goes.rhai"]).expect(0).says("went: false").says("not decided in time");
    rig.run(&["report", "--format", "junit"]).expect(0).says("failures=\"0\"");
}

#[test]
fn who_began_it_may_approve_where_the_environment_says_so() {
    let rig = rig();
    let child = start(&rig, &["--env", "open"]);
    answer(&rig, "tester@rig", &[]).expect(0).says("tester approved").says("not signed");
    answer(&rig, "cy@laptop", &[]).expect(0);
    let (code, said) = end(child);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn an_answer_that_went_past_the_command_does_not_count() {
    let rig = rig();
    let child = start(&rig, &[]);
    answer(&rig, "cy@laptop", &[]).expect(0);
    let journal = rusqlite::Connection::open(rig.path(".playbook/journal.db")).unwrap();
    // Bob has a key, so an answer of his without a signature is none; and one for another plan is none either.
    for (binding, person) in [("binding", "'bob'"), ("'other'", "'tester'")] {
        let forged = format!(
            "INSERT INTO approvals SELECT run, gate, name, {binding}, {person}, login, decision, comment, at || 'x', key, signature FROM approvals WHERE person = 'cy'"
        );
        journal.execute(&forged, []).unwrap();
    }
    wait_until("the run has seen it", 30, || {
        rig.run(&["show", "last"])
            .stdout
            .contains("an answer of `bob` at the gate does not count: it is not signed with their key")
    });
    assert!(!rig.path("out/two.txt").exists());
    crate::rig::interrupt(&child);
    assert_eq!(end(child).0, 130);
}

#[test]
fn a_plan_shows_who_would_be_asked_and_a_check_knows_them() {
    let rig = rig().file("wrong.rhai", "//! Wrong.\ngate(\"Go\", #{ approvers: [\"owner\"] });\n");
    rig.run(&["plan", "deploy.rhai", "--set", "version=2"])
        .expect(0)
        .says("Go / No-Go: asks 2 of ada, bob, cy, tester (owners, tech-lead)");
    rig.run(&["check", "wrong.rhai"])
        .expect(2)
        .says("`owner` is no person and no group of playbook.toml")
        .says("owners");
    let checked = |options: &str| {
        let rig =
            Rig::new("[people.ada]\n").file("x.rhai", &format!("//! X.\ngate(\"Go\", #{{ {options} }});\n"));
        rig.run(&["check", "x.rhai"]).expect(2)
    };
    checked("approvers: [\"ada\"], quorum: 2").says("2 people cannot approve: 1 may");
    checked("approvers: [\"ada\"], within: \"soon\"").says("`soon` is no duration");
    checked("approver: [\"ada\"]").says("`approver` is no option of a gate");
    checked("approvers: [\"ada\"], on_timeout: \"shrug\"").says("the options of this gate are wrong");
    checked("quorum: 1").says("this gate does not say who may approve");
}

#[test]
fn wrong_people_are_shown_at_their_place() {
    let settings = "[people.ada]\nkey = \"ssh-ed25519\"\nmail = \"x\"\n[groups.ada]\npeople = [\"adda\"]\n[groups.empty]\n[people]\nbob = 1\n";
    let rig = Rig::new(&settings.replace("[people]\n", "")).file("x.rhai", "//! X.\n");
    let seen = rig.run(&["check", "x.rhai"]).expect(2);
    seen.says("this is no public ssh key")
        .says("`mail` is no key of a person")
        .says("`ada` is a person and a group")
        .says("`adda` is no person of this file")
        .says("the group `empty` has nobody in it");
}

#[test]
fn a_gate_of_a_run_that_was_taken_back_is_closed() {
    let rig = rig();
    rig.run(&["exec", "deploy.rhai", "--set", "version=v2", "--detach"]).expect(10);
    rig.run(&["rollback", "last"]).expect(0);
    let listed = rig.run(&["runs", "--output", "json"]).expect(0).stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let id = listed[1]["id"].as_str().unwrap();
    let output = rig.command(&["approve", id]).env("PLAYBOOK_PERSON", "cy@laptop").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("was taken back, by the run"), "{output:?}");
    rig.run(&["tick"]).expect(0);
    assert!(!rig.path("out/one.txt").exists() && !rig.path("out/two.txt").exists());
}
