//! The one table of exit codes.

use serde::Serialize;

/// How the process ends, for the shell and for CI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// Everything asked for was done.
    Done,
    /// A step, check or effect failed, or what is needed here cannot be read or written; what had been done was taken back, or left where that was asked for.
    Failed,
    /// The command, playbook or `playbook.toml` is wrong; nothing was run.
    Usage,
    /// The environment's grants do not cover what the playbook asked for.
    Denied,
    /// A deadline or a limit of the sandbox ended the run.
    Timeout,
    /// An effect began and it is not known how it ended.
    InDoubt,
    /// The run failed and something could not be taken back.
    NotTakenBack,
    /// The journal does not verify: it was changed outside the product.
    Tampered,
    /// What the command builds on was changed since: a playbook's part that has run, or what a rollback would restore.
    Changed,
    /// Another run holds the lock of the environment; nothing was run.
    Held,
    /// The run is not over: it waits for time or for people.
    Waiting,
    /// A fault of the product itself.
    Bug,
    /// Ctrl-C or a termination signal.
    Interrupted,
}

impl Exit {
    /// Of two the one that people have to know of: what is not known or not taken back before what only failed.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        const WORST: [Exit; 5] =
            [Exit::Bug, Exit::Tampered, Exit::NotTakenBack, Exit::InDoubt, Exit::Interrupted];
        let rank = |exit: Self| match exit {
            Self::Done | Self::Waiting => usize::MAX,
            exit => WORST.iter().position(|worst| *worst == exit).unwrap_or(WORST.len()),
        };
        if rank(other) < rank(self) { other } else { self }
    }

    /// Every way to end, in the order of the table in the manual.
    pub const ALL: [Self; 13] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Denied,
        Self::Timeout,
        Self::InDoubt,
        Self::NotTakenBack,
        Self::Tampered,
        Self::Changed,
        Self::Held,
        Self::Waiting,
        Self::Bug,
        Self::Interrupted,
    ];

    /// The number the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Denied => 3,
            Self::Timeout => 4,
            Self::InDoubt => 5,
            Self::NotTakenBack => 6,
            Self::Tampered => 7,
            Self::Changed => 8,
            Self::Held => 9,
            Self::Waiting => 10,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }

    /// What the number means, as the manual prints it.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done: everything asked for was done",
            Self::Failed => {
                "failed: a step, check or effect failed, or what is needed here cannot be read or written; what had been done was taken back, or left where that was asked for"
            }
            Self::Usage => "usage: the command, the playbook or `playbook.toml` is wrong; nothing was run",
            Self::Denied => {
                "denied: the grants of the environment do not cover what the playbook asked for, or its windows are closed"
            }
            Self::Timeout => "timeout: a deadline or a limit of the sandbox ended the run",
            Self::InDoubt => "in doubt: an effect began and it is not known how it ended",
            Self::NotTakenBack => "not taken back: the run failed and something could not be taken back",
            Self::Tampered => "tampered: the journal does not verify",
            Self::Changed => {
                "changed: what the command builds on was changed since (the part of a playbook that has run, what a rollback would restore, what a saved plan read): nothing was done; or a run came to a change that is not in its saved plan, and did not make it"
            }
            Self::Held => "held: another run holds the lock; nothing was run",
            Self::Waiting => {
                "waiting: the run is not over, and its process has ended while it waits for time or for people"
            }
            Self::Bug => "bug: a fault of playbook itself",
            Self::Interrupted => "interrupted: Ctrl-C or a termination signal ended the run",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn what_was_not_taken_back_is_worse_than_what_failed_in_whatever_order() {
        for (one, other, worse) in [
            (Exit::Done, Exit::Failed, Exit::Failed),
            (Exit::Failed, Exit::NotTakenBack, Exit::NotTakenBack),
            (Exit::InDoubt, Exit::NotTakenBack, Exit::NotTakenBack),
            (Exit::Timeout, Exit::InDoubt, Exit::InDoubt),
        ] {
            assert_eq!((one.worse(other), other.worse(one)), (worse, worse));
        }
    }
}
