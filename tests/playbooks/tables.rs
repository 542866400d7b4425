//! The tables of `playbooks/README.md` do not rot: what they name stands in the playbook that their heading names.

use std::path::Path;

/// What a row says that no step of a script answers, but the run, its report or a person.
const BESIDES: &[&str] = &[
    "gate",
    "the head of the report",
    "message",
    "out of reach",
    "parameter",
    "the same",
    "a run that",
    "a failed run",
    "every step",
    "the tasks",
    "the rollback of",
    "the three watches",
    "step ",
];

/// The literals of a script behind each of these words, as parts between its `${…}`.
fn literals(script: &str, words: &[&str]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for word in words {
        for rest in script.split(word).skip(1) {
            let Some(mark) = rest.chars().next().filter(|mark| "\"`".contains(*mark)) else { continue };
            let text = rest[1..].split(mark).next().unwrap();
            found.push(
                text.split("${")
                    .enumerate()
                    .map(|(number, part)| match number {
                        0 => part.to_owned(),
                        _ => part.split_once('}').map_or("", |(_, rest)| rest).to_owned(),
                    })
                    .collect(),
            );
        }
    }
    found
}

/// Whether a text is what such a literal becomes, or its beginning; with `more`, whether it begins so.
fn is_made_by(text: &str, parts: &[String], more: bool) -> bool {
    if parts[0].starts_with(text) {
        return true;
    }
    let Some(mut rest) = text.strip_prefix(parts[0].as_str()) else { return false };
    for part in &parts[1..] {
        if let Some(at) = rest.find(part.as_str()).filter(|_| !part.is_empty()) {
            rest = &rest[at + part.len()..];
        } else {
            let begun =
                (4..=part.len()).any(|length| part.get(..length).is_some_and(|part| rest.ends_with(part)));
            let is_anything = parts.iter().all(String::is_empty);
            return begun || (part.is_empty() && !is_anything);
        }
    }
    more || rest.is_empty()
}

/// The rows of a section, as their cells.
fn rows(section: &str) -> Vec<Vec<String>> {
    let lines = section.lines().filter(|line| line.starts_with("| ")).skip(2);
    lines.map(|line| line.trim_matches(['|', ' ']).split(" | ").map(str::to_owned).collect()).collect()
}

#[test]
fn what_a_table_names_stands_in_its_playbook() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let mut count = 0;
    for section in readme.split("\n## ").skip(1) {
        let Some(title) = section.lines().next().unwrap().strip_suffix(", line by line") else { continue };
        let folder = title.to_lowercase().replace(' ', "-");
        let script = std::fs::read_to_string(root.join(&folder).join("deploy.rhai"))
            .unwrap_or_else(|why| panic!("“{title}” is of no playbook: {folder}/deploy.rhai: {why}"));
        let steps = literals(&script, &["step ", "deadline::task("]);
        let lines = literals(&script, &["check ", "metric ", "name: ", "gate("]);
        for row in rows(section) {
            let [line, step, report] = row.as_slice() else { panic!("{title}: not three cells: {row:?}") };
            let is_step = steps.iter().any(|name| is_made_by(step, name, true));
            let is_besides = BESIDES.iter().any(|word| step.contains(word));
            let names_gate = lines.iter().any(|name| !name[0].is_empty() && step.contains(name[0].as_str()));
            assert!(is_step || is_besides || names_gate, "{title}: no step `{step}` for: {line}");
            for words in report.split('`').skip(1).step_by(2) {
                let Some((kind, name)) = words.split_once(": ") else { continue };
                if !["check", "metric", "gate"].contains(&kind) {
                    continue;
                }
                let there = lines.iter().any(|parts| is_made_by(name, parts, false));
                let is_data = !there
                    && script.contains(&format!(
                        "\"{}\"",
                        name.trim_end_matches(" dashboard").trim_start_matches("alert ")
                    ));
                assert!(
                    there || is_data || name.starts_with("P1"),
                    "{title}: nothing makes `{words}` for: {line}"
                );
                count += 1;
            }
        }
    }
    assert!(count > 100, "{count}");
}
