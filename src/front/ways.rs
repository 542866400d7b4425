//! What can be done with a run of the past: the commands that go on with it or take it back.

use super::style::{Line, Paint};
use crate::base::outcome::Outcome;
use crate::effect::journal::{RunRecord, State};
use crate::run::past;

/// What can be done with the run.
pub(super) fn ways(record: &RunRecord) -> Vec<Line> {
    let mut commands = Vec::new();
    if past::may_resume(record).is_ok() {
        commands.push(("go on with it", "resume"));
    }
    if past::may_roll_back(record).is_ok() && record.outcome != Some(Outcome::Done) {
        commands.push(("take it back", "rollback"));
    }
    let line = |(what, command): (&str, &str)| {
        let text = format!("{what}: `playbook {command} {}`", record.id);
        Line::indented(1).with(Paint::Dim, text)
    };
    let mut lines: Vec<Line> = commands.into_iter().map(line).collect();
    if !lines.is_empty() && record.state != State::Interrupted {
        lines.insert(0, Line::default());
    }
    lines
}
