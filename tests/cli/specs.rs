//! Cases that are only files: each folder of `tests/specs` holds a playbook and what must come out of it.
//!
//! `test.rhai` is run in a project with `playbook.toml` (the folder's own, or that of all), by the command line in
//! `command` (default: `exec test.rhai`). Exit code and both outputs must be as in `expected`; `UPDATE_SPECS=1` writes it.

use std::path::{Path, PathBuf};

use crate::rig::Rig;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specs")
}

/// What came out, without what differs from run to run: durations, their alignment, and which step was the slowest.
fn stable(shown: &str) -> String {
    let spaces = regex_lite::Regex::new(r" +\[took\]").unwrap();
    let lines = shown.lines().filter(|line| !line.starts_with("slowest:"));
    lines.map(|line| spaces.replace_all(line, " [took]").into_owned() + "\n").collect()
}

fn run(case: &Path) -> String {
    let read = |path: PathBuf| std::fs::read_to_string(path).ok();
    let settings = read(case.join("playbook.toml")).or_else(|| read(folder().join("playbook.toml")));
    let mut rig = Rig::new(&settings.unwrap());
    for entry in std::fs::read_dir(case).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name != "playbook.toml" && name != "expected" && name != "command" {
            rig = rig.file(&name, &read(entry.path()).unwrap());
        }
    }
    let command = read(case.join("command")).unwrap_or_else(|| "exec test.rhai".to_owned());
    stable(&rig.run(&command.split_whitespace().collect::<Vec<_>>()).to_string())
}

#[test]
fn every_case_comes_out_as_expected() {
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().flatten().map(|entry| entry.path()).collect();
    cases.retain(|path| path.is_dir());
    cases.sort();
    assert!(!cases.is_empty());
    let mut wrong = Vec::new();
    for case in cases {
        let (shown, path) = (run(&case), case.join("expected"));
        if std::env::var_os("UPDATE_SPECS").is_some() {
            std::fs::write(path, shown).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(path).unwrap_or_default();
        if shown != expected {
            wrong.push(format!("{}\n--- expected\n{expected}\n--- shown\n{shown}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}\nUPDATE_SPECS=1 writes what is shown", wrong.join("\n"));
}
