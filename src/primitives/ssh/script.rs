//! The scripts of the family's own verbs: POSIX shell, given their arguments one by one.

/// What several scripts share: the checksum of a file, a complaint, and a path whose `~/` is the home folder.
const COMMON: &str = include_str!("scripts/common.sh");

/// Tells what lies at a path: its checksum and mode, or `absent`. Argument: the path.
const LOOK: &str = include_str!("scripts/look.sh");

/// Puts its input in place of a file, whole or not at all. Arguments: path, checksum, mode or nothing, `keep` or nothing.
const PUT: &str = include_str!("scripts/put.sh");

/// Puts back what was there before. Arguments: path, what was put there, what was there before (checksum or `absent`),
/// its mode.
const BACK: &str = include_str!("scripts/back.sh");

/// Gives the content of a file. Argument: the path.
const GET: &str = include_str!("scripts/get.sh");

/// Tells what the machine is, a line for each fact.
pub(super) const FACTS: &str = include_str!("scripts/facts.sh");

/// Ends the group that a command made which has this mark, and nothing else. Arguments: the mark, and the mark as a word
/// of a shell.
const END: &str = include_str!("scripts/end.sh");

/// The argument list that runs one of the scripts about a file.
fn on_file(script: &str, arguments: &[&str]) -> Vec<String> {
    let mut list =
        vec!["/bin/sh".to_owned(), "-c".to_owned(), format!("{COMMON}{script}"), "playbook".to_owned()];
    list.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    list
}

pub(super) fn look(path: &str) -> Vec<String> {
    on_file(LOOK, &[path])
}

pub(super) fn put(path: &str, sha256: &str, mode: Option<&str>, keep: bool) -> Vec<String> {
    on_file(PUT, &[path, sha256, mode.unwrap_or(""), if keep { "keep" } else { "" }])
}

pub(super) fn back(path: &str, sent: &str, before: &str, mode: &str) -> Vec<String> {
    on_file(BACK, &[path, sent, before, mode])
}

pub(super) fn get(path: &str) -> Vec<String> {
    on_file(GET, &[path])
}

pub(super) fn end(mark: &str) -> Vec<String> {
    let mut list = vec!["/bin/sh".to_owned(), "-c".to_owned(), END.to_owned(), "playbook".to_owned()];
    list.extend([mark.to_owned(), crate::sys::ssh::quote(mark)]);
    list
}

pub(super) fn facts() -> Vec<String> {
    vec!["/bin/sh".to_owned(), "-c".to_owned(), FACTS.to_owned()]
}
