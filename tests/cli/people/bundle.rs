//! One run as one file: checked where there is no project, and found out when a byte of it was changed.

use playbook::base::error::Kind;
use playbook::effect::journal::read_bundle;

use crate::rig::Rig;

const PROJECT: &str = "[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n";
const DEPLOY: &str = "//! Deploy.\n//!\n//! uses = [\"files.out:write\"]\n//! params = { version = \"string\" }\nimport \"parts\" as parts;\nparts::write(params.version);\n";
const PARTS: &str = "fn write(version) { files(\"out\").put(\"one.txt\", version); check \"é\", 1 == 1; }\n";

fn bundled() -> (Rig, Vec<u8>) {
    let rig = Rig::new(PROJECT)
        .file("deploy.rhai", DEPLOY)
        .file("parts.rhai", PARTS)
        .file("out/one.txt", "the old value");
    rig.run(&["exec", "deploy.rhai", "--set", "version=2"]).expect(0);
    rig.run(&["bundle", "last", "-o", "run.bundle"]).expect(0).says("is in run.bundle").says("head ");
    let bytes = std::fs::read(rig.path("run.bundle")).unwrap();
    (rig, bytes)
}

#[test]
fn a_bundle_is_checked_anywhere_and_holds_no_old_value() {
    let (rig, bytes) = bundled();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains("fn write(version)") && text.contains("inverse_hash"));
    assert!(!text.contains("the old value"), "what an inverse would put back is in it: {text}");
    let head = rig.run(&["verify", "last"]).expect(0);
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("it"), &bytes).unwrap();
    let seen = rig.command(&["verify", "it"]).current_dir(elsewhere.path()).output().unwrap();
    assert!(seen.status.success(), "{seen:?}");
    assert_eq!(
        String::from_utf8_lossy(&seen.stdout),
        head.stdout,
        "the same is told of it as of the journal"
    );
    rig.run(&["bundle"]).expect(0);
    rig.run(&["bundle", "nothing"]).expect(2).says("there is no run `nothing`");
    rig.run(&["verify", "deploy.rhai"]).expect(2).says("deploy.rhai is no bundle");
    rig.run(&["verify", "run.bundle", "--output", "json"]).expect(0).says("\"approvals\": []");
}

#[test]
fn a_script_that_was_edited_for_a_resume_is_in_the_bundle_and_verified() {
    let failing = DEPLOY
        .replace("parts::write(params.version);", "parts::write(params.version);\nfail(\"first edition\");");
    let rig = Rig::new(PROJECT).file("deploy.rhai", &failing).file("parts.rhai", PARTS);
    rig.run(&["exec", "deploy.rhai", "--set", "version=2", "--no-rollback"]).expect(1);
    let rig = rig.file("deploy.rhai", &DEPLOY.replace("import", "// second edition\nimport"));
    rig.run(&["resume", "last"]).expect(0);
    rig.run(&["bundle", "last", "-o", "run.bundle"]).expect(0);
    let text = std::fs::read_to_string(rig.path("run.bundle")).unwrap();
    assert!(text.contains("first edition") && text.contains("second edition"), "{text}");
    assert_eq!(
        text.lines().filter(|line| line.contains(" script {")).count(),
        3,
        "the module stands there once"
    );
    rig.run(&["verify", "run.bundle"]).expect(0);
    let journal = rusqlite::Connection::open(rig.path(".playbook/journal.db")).unwrap();
    let changed = "UPDATE scripts SET text = text || ' ' WHERE text LIKE '%second edition%'";
    assert_eq!(journal.execute(changed, []).unwrap(), 1);
    rig.run(&["verify", "last"]).expect(7).says("the text of the script deploy.rhai was changed");
}

#[test]
fn every_changed_byte_is_found_in_its_line() {
    let (_, bytes) = bundled();
    assert!(read_bundle(&bytes).unwrap().verdict.fault.is_none());
    let mut line = 1;
    for (index, byte) in bytes.iter().enumerate() {
        let mask = [1_u8, 0x20, 0x80][index % 3];
        let mut flipped = bytes.clone();
        flipped[index] ^= mask;
        let error = read_bundle(&flipped).expect_err("a changed byte is found");
        assert_eq!(error.kind, Kind::Tampered, "byte {index}: {error}");
        assert_eq!(error.details["line"], line, "byte {index} of line {line}: {error}");
        let mut shorter = bytes.clone();
        shorter.remove(index);
        assert!(read_bundle(&shorter).is_err(), "byte {index} can be taken out");
        line += usize::from(*byte == b'\n');
    }
}

#[test]
fn lines_that_are_taken_out_put_in_or_moved_are_found() {
    let (rig, bytes) = bundled();
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let refused = |lines: &[&str]| {
        let text = lines.join("\n") + "\n";
        std::fs::write(rig.path("changed"), text).unwrap();
        rig.run(&["verify", "changed"]).expect(7).says("the bundle does not verify: line ");
    };
    for index in 1..lines.len() {
        refused(&[&lines[..index], &lines[index + 1..]].concat());
        refused(&[&lines[..index], &[lines[index]], &lines[index..]].concat());
    }
    let mut moved = lines.clone();
    moved.swap(4, 5);
    refused(&moved);
}

#[test]
fn who_makes_all_line_hashes_anew_is_met_by_the_chain_of_the_journal() {
    let (_, bytes) = bundled();
    let text = String::from_utf8(bytes).unwrap();
    let mut last = "0".repeat(64);
    let mut forged = String::new();
    for (index, line) in text.lines().enumerate() {
        if index == 0 {
            forged += &format!("{line}\n");
            continue;
        }
        let content = line.split_once(' ').unwrap().1.replace("\\\"passed\\\":true", "\\\"passed\\\":false");
        last = sha256(&format!("{last}\n{content}"));
        forged += &format!("{last} {content}\n");
    }
    assert_ne!(forged, text, "something was forged");
    let fault = read_bundle(forged.as_bytes()).unwrap().verdict.fault.unwrap();
    assert!(fault.to_string().contains("was changed"), "{fault}");
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
