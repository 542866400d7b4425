//! `playbook repl`: lines out of a pipe, and a prompt on a real terminal.

mod opened;
mod pipe;
mod screen;

use std::io::Write as _;
use std::process::Stdio;

use crate::rig::Rig;
use crate::rig::seen::Seen;

/// A folder, a database with flags, and the same in a guarded environment.
pub fn rig() -> Rig {
    let one = |name: &str| {
        format!(
            "[env.{name}.files.out]\npath = \"out\"\naccess = \"destroy\"\n[env.{name}.sqlite.main]\npath = \"data.db\"\naccess = \"write\"\n\
             [env.{name}.flags.main]\ndatabase = \"sqlite.main\"\naccess = \"write\"\n"
        )
    };
    let text = format!("{}[env.production]\nguarded = true\n{}", one("local"), one("production"));
    let rig = Rig::new(&text).file("out/old.txt", "old");
    rusqlite::Connection::open(rig.path("data.db"))
        .unwrap()
        .execute_batch(
            "CREATE TABLE feature_flags (name TEXT PRIMARY KEY, enabled BOOLEAN NOT NULL);
             INSERT INTO feature_flags VALUES ('auto_sync', 1), ('beta', 0);",
        )
        .unwrap();
    rig
}

/// Gives `lines` to the prompt through a pipe, and waits for its end.
pub fn piped(rig: &Rig, arguments: &[&str], lines: &str) -> Seen {
    let mut all = vec!["repl"];
    all.extend(arguments);
    let mut command = rig.command(&all);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Seen::new(output.status, text(output.stdout), text(output.stderr), rig.folder())
}

/// Whether a flag is on.
pub fn flag(rig: &Rig, name: &str) -> bool {
    let database = rusqlite::Connection::open(rig.path("data.db")).unwrap();
    database.query_row("SELECT enabled FROM feature_flags WHERE name = ?", [name], |row| row.get(0)).unwrap()
}
