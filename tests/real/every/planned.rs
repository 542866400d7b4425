//! A plan of a change asks at most what is there, and changes nothing.

use super::example::Example;
use super::far::Recorder;
use super::{One, each, world};
use crate::rig::Rig;

/// The names of AWS's questions, which come by POST.
const QUESTIONS: &[&str] = &["describe", "get", "list"];

/// The beginnings of what else only reads: handshakes, questions to HAProxy.
const READS: &[&str] = &["GET ", "HEAD ", "? nothing", "? SSH-2.0-", "? *3", "? show "];

/// What programs may be asked: their lists, their versions, what a repository holds.
const ASKED: &[&str] = &[
    "jlist",
    "ping",
    "--version",
    "rev-parse",
    "ls-remote",
    "cat-file",
    "check-ref-format",
    "for-each-ref",
    "show-ref",
    "-T",
    "-v",
];

fn plan(one: One) -> Result<(), String> {
    let recorder = Recorder::start();
    let example = Example::of(one)?;
    let rig = world::project(&example, &recorder.far, "destroy").file("t.rhai", &example.script("destroy"));
    let before = tree(&rig);
    let seen = rig.run(&["plan", "t.rhai"]);
    if seen.code != 0 {
        return Err(format!("cannot be planned:\n{seen}"));
    }
    let made: Vec<String> = tree(&rig).into_iter().filter(|name| !before.contains(name)).collect();
    if !made.is_empty() {
        return Err(format!("a plan made {made:?}"));
    }
    let called = std::fs::read_to_string(rig.path("called")).unwrap_or_default();
    for line in called.lines() {
        if !line.split(' ').any(|word| ASKED.contains(&word)) {
            return Err(format!("a plan ran the program with `{line}`"));
        }
    }
    for request in recorder.take() {
        if !is_question(&request) {
            return Err(format!("a plan sent {request:?}"));
        }
    }
    Ok(())
}

fn is_question(request: &str) -> bool {
    let text = request.to_lowercase();
    let action = text.split_once("action=").map(|(_, rest)| rest);
    let target = text.split_once('.').map(|(_, rest)| rest).filter(|_| text.starts_with("post / "));
    let named = |name: &str| QUESTIONS.iter().any(|word| name.starts_with(word));
    READS.iter().any(|begin| request.starts_with(begin))
        || action.is_some_and(named)
        || target.is_some_and(named)
}

/// Everything in the project but the mark of the programs.
fn tree(rig: &Rig) -> Vec<String> {
    let (mut names, mut open) = (Vec::new(), vec![rig.folder().to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path.clone());
            }
            if !path.ends_with("called") {
                names.push(path.display().to_string());
            }
        }
    }
    names
}

#[test]
fn a_plan_of_a_change_changes_nothing() {
    each(|one| !one.entry.effect.is_read(), plan);
}
