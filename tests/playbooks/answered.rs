//! The report of a run beside the document: no line of the table in `playbooks/README.md` is left without an answer.

use std::path::Path;

/// Fails the test unless the report holds what the third column of the table below that heading says, row by row.
#[track_caller]
pub fn every_line(heading: &str, report: &str) {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/README.md")).unwrap();
    let section = readme.split(heading).nth(1).unwrap_or_else(|| panic!("no `{heading}`"));
    let rows = section.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| ")).skip(2);
    // Markdown's own signs are written with a stroke before them.
    let report = report.replace('\\', "");
    let mut count = 0;
    for row in rows {
        let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let wanted: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        assert!(!wanted.is_empty(), "nothing answers: {row}");
        for words in wanted {
            assert!(report.contains(words), "`{words}` is not in the report, for: {row}\n{report}");
        }
        count += 1;
    }
    assert!(count > 10, "only {count} rows");
}
