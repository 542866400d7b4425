//! `kill -9` around the one change of a playbook, after which the run goes on and is taken back.

use std::fmt::Debug;

use super::Rig;
use super::seen::Seen;

/// Right after the intent of the first change was durable, so that nothing is done yet.
pub const BEFORE: &str = "2:after";
/// Right before the end of the first change is kept, so that it is done and nobody knows.
pub const AFTER: &str = "3:before";
/// The same for a change that keeps something of itself just before it is made: the number of its transaction, what was
/// there before.
pub const AFTER_COMMIT: &str = "4:before";

impl Rig {
    /// Executes `test.rhai` and kills it at that moment.
    #[track_caller]
    pub fn killed(&self, moment: &str) {
        self.killed_in(&["exec", "test.rhai"], moment);
    }

    /// Runs this command and kills it at that moment.
    #[track_caller]
    pub fn killed_in(&self, arguments: &[&str], moment: &str) {
        let mut command = self.command(arguments);
        let output = command.env("PLAYBOOK_TEST_KILL_AT", moment).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Seen::new(output.status, text(&output.stdout), text(&output.stderr), self.folder()).expect(137);
    }
}

/// Makes the change of `line` in a project of `rig` and dies just before or just after it. The run that goes on finds out
/// which of the two it was, so that the change is there once; and taken back, all is as it was. `state` tells how things are.
#[track_caller]
pub fn survives<S: PartialEq + Debug>(rig: impl Fn() -> Rig, uses: &str, line: &str, state: impl Fn() -> S) {
    survives_at(AFTER, rig, uses, line, state);
}

/// The same for a change that is done and that nobody knows of at the moment `after`.
#[track_caller]
pub fn survives_at<S: PartialEq + Debug>(
    after: &str,
    rig: impl Fn() -> Rig,
    uses: &str,
    line: &str,
    state: impl Fn() -> S,
) {
    let before = state();
    // A way back is a run of its own, which says first what it is for.
    let mut end = "4:before";
    for moment in [BEFORE, after] {
        let text = format!("//! T.\n//! uses = [\"{uses}\"]\n{line}\n");
        let rig = rig().file("test.rhai", &text);
        rig.killed(moment);
        assert_eq!(state() == before, moment == BEFORE, "{line} at {moment}: {:?}", state());
        rig.run(&["resume", "last"]).expect(0);
        assert!(state() != before, "{line} at {moment} is not done");
        rig.run(&["verify"]).expect(0);
        let done = state();
        let (at, left, again) = match moment == BEFORE {
            true => ("3:after", &done, "resume"),
            false => (end, &before, "rollback"),
        };
        rig.killed_in(&["rollback", "last"], at);
        assert_eq!(&state(), left, "the way back of {line} at {at}");
        rig.run(&[again, "last"]).expect(0);
        assert_eq!(state(), before, "{line} at {moment} is not taken back");
        rig.run(&["verify"]).expect(0);
        if moment == BEFORE && keeps_something(&rig) {
            end = "5:before";
        }
    }
}

/// Whether what took something back kept something of itself just before.
fn keeps_something(rig: &Rig) -> bool {
    let journal = rusqlite::Connection::open(rig.path(".playbook/journal.db")).unwrap();
    let kept = "SELECT count(*) FROM entries WHERE word = 'witnessed' AND body LIKE '%\"undo/%'";
    journal.query_row(kept, [], |row| row.get::<_, i64>(0)).unwrap() > 0
}
