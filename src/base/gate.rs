//! A gate as data: who is asked for what until when, what each answered, and the text that an answer signs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What happens when nobody has decided in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTimeout {
    /// The gate fails, and with it its step.
    #[default]
    Fail,
    /// The playbook goes on, and the gate gives `false`.
    Continue,
}

/// What a gate asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The gate's name.
    pub name: String,
    /// The persons and groups that it names.
    pub approvers: Vec<String>,
    /// Everybody who may answer: the named persons and the members of the named groups.
    pub people: Vec<String>,
    /// How many different people have to approve.
    pub quorum: usize,
    /// Until when, RFC 3339; without end when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// What happens then.
    pub on_timeout: OnTimeout,
    /// SHA-256 of what is decided on: scripts, parameters, environment, saved plan, and this gate; hexadecimal.
    pub binding: String,
}

/// A gate at which a run waits, as the person at its terminal is asked.
#[derive(Clone, Copy, Debug)]
pub struct Waits<'a> {
    /// The run.
    pub run: &'a str,
    /// The gate's place in the tree of the run.
    pub gate: &'a str,
    /// What it asks.
    pub asked: &'a Asked,
    /// Who began the run.
    pub requester: &'a str,
}

/// What the person at the terminal said.
#[derive(Clone, Debug)]
pub enum Said {
    /// This.
    Answer(Box<Answer>),
    /// Nothing yet, when something else happened.
    Nothing,
    /// Nothing, nor will they: they may not answer, or leave it to others.
    Never,
}

/// Asks the person at the run's own terminal, until the function says that something else happened.
pub type AtTerminal = Arc<dyn Fn(&Waits<'_>, &dyn Fn() -> bool) -> Said + Send + Sync>;

/// How a gate ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateEnd {
    /// Enough people approved.
    Approved,
    /// Somebody declined.
    Declined,
    /// Nobody had decided in time.
    TimedOut,
    /// The run was stopped while it waited there.
    Stopped,
}

impl GateEnd {
    /// The words people read.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::TimedOut => "not decided in time",
            Self::Stopped => "stopped",
        }
    }
}

/// What one person answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The run.
    pub run: String,
    /// The gate's place in the tree of the run.
    pub gate: String,
    /// The gate's name.
    pub name: String,
    /// What was decided on; see [`Asked::binding`].
    pub binding: String,
    /// The person, as `playbook.toml` names them.
    pub person: String,
    /// Who the machine said that they are: login name and host.
    pub login: String,
    /// Yes or no.
    pub approved: bool,
    /// What they wrote about it.
    pub comment: String,
    /// When, RFC 3339.
    pub at: String,
    /// The public key of the signature, as in `playbook.toml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The signature of [`Answer::statement`], as `ssh-keygen -Y sign` writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl Answer {
    /// The word for the decision.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        if self.approved { "approved" } else { "declined" }
    }

    /// The text that is signed: one line for each fact, so that a person can read what they sign.
    #[must_use]
    pub fn statement(&self) -> String {
        let plain = |text: &str| text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        format!(
            "playbook approval 1\nrun: {}\ngate: {} {}\nbinding: {}\ndecision: {}\nperson: {}\ncomment: {}\nat: {}\n",
            plain(&self.run),
            plain(&self.gate),
            plain(&self.name),
            plain(&self.binding),
            self.word(),
            plain(&self.person),
            plain(&self.comment),
            plain(&self.at)
        )
    }
}
