//! The tables of `playbooks/README.md` do not rot: what they name stands in the playbook that their heading names.

use std::path::Path;

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

/// The scripts of a playbook's folder, one after the other.
fn scripts(folder: &Path) -> String {
    let Ok(files) = std::fs::read_dir(folder) else { return String::new() };
    let paths = files.flatten().map(|file| file.path());
    let scripts = paths.filter(|path| path.extension().is_some_and(|extension| extension == "rhai"));
    scripts.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn what_a_table_names_stands_in_its_playbook() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let mut count = 0;
    for section in readme.split("\n## ").skip(1) {
        let Some(title) = section.lines().next().unwrap().strip_suffix(", line by line") else { continue };
        let script = scripts(&root.join(title.to_lowercase().replace(' ', "-")));
        assert!(!script.is_empty(), "“{title}” is no playbook's folder");
        let steps = literals(&script, &["step ", "deadline::task("]);
        let lines = literals(&script, &["check ", "metric ", "name: ", "gate("]);
        for row in rows(section) {
            let [line, step, report] = row.as_slice() else { panic!("{title}: not three cells: {row:?}") };
            // What begins with neither a capital nor a number tells something else than the name of a step.
            let is_prose = !step.starts_with(|letter: char| letter.is_uppercase() || letter.is_numeric());
            let is_step = steps.iter().chain(&lines).any(|name| is_made_by(step, name, true));
            assert!(is_prose || is_step, "{title}: no step “{step}” for: {line}");
            for words in report.split('`').skip(1).step_by(2) {
                let Some((kind, name)) = words.split_once(": ") else { continue };
                if !["check", "metric", "gate"].contains(&kind) {
                    continue;
                }
                // Names that come from a list of the header stand there themselves.
                let is_listed = |name: &str| script.contains(&format!("\"{name}\""));
                let there = lines.iter().any(|parts| is_made_by(name, parts, false));
                assert!(there || is_listed(name), "{title}: nothing makes `{words}` for: {line}");
                count += 1;
            }
        }
    }
    assert!(count > 100, "{count}");
}
