//! The table of processes, as the system tells it under `/proc`.

/// What the table says of one process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entry {
    state: char,
    threads: u32,
    /// The number of its parent.
    pub parent: i32,
    /// The number of its group.
    pub group: i32,
    /// When it was born, in clock ticks since the machine's start.
    pub born: u64,
}

impl Entry {
    /// Of the process of that number; `None` when there is none, or the system has no such table.
    pub(super) fn of(pid: i32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(line: &str) -> Option<Self> {
        // The name before stands in parentheses and may itself hold any character.
        let fields: Vec<&str> = line.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<i64>().ok();
        Some(Self {
            state: fields.first()?.chars().next()?,
            parent: i32::try_from(number(1)?).ok()?,
            group: i32::try_from(number(2)?).ok()?,
            threads: u32::try_from(number(17)?).ok()?,
            born: u64::try_from(number(19)?).ok()?,
        })
    }

    /// Whether anything of it still runs and keeps its files and ports open. The first thread of a process that is ended
    /// is often gone before the others are; only with the last of them its sockets are closed.
    pub(super) const fn runs(self) -> bool {
        !matches!(self.state, 'Z' | 'X') || self.threads > 1
    }
}

/// The numbers and entries of all processes.
pub(super) fn all() -> impl Iterator<Item = (i32, Entry)> {
    let numbers = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    numbers.filter_map(|pid| Some((pid, Entry::of(pid)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(state: char, threads: u32) -> String {
        format!("4711 (a) b (c) {state} 1 4711 4700 0 -1 4194304 9 0 0 0 3 4 0 0 20 0 {threads} 0 8815 0 0")
    }

    #[test]
    fn a_name_may_hold_anything_and_each_field_is_found() {
        let entry = Entry::parse(&line('S', 7)).unwrap();
        assert_eq!(entry, Entry { state: 'S', threads: 7, parent: 1, group: 4711, born: 8815 });
        assert_eq!(Entry::parse("4711 (torn) S 1"), None);
        let own = Entry::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own.runs() && own.threads > 1, "{own:?}");
    }

    #[test]
    fn a_process_is_gone_with_its_last_thread() {
        let runs = |state, threads| Entry::parse(&line(state, threads)).unwrap().runs();
        assert!(runs('R', 1) && runs('Z', 3), "its other threads still hold its ports");
        assert!(!runs('Z', 1) && !runs('X', 0));
    }
}
