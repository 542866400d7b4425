//! Sessions with other machines over SSH: each is used by one thread at a time, which may block and can be called off.

mod exec;
mod group;
mod jump;
mod known;
mod known_line;
mod leash;
mod login;
mod session;
mod shell;
mod socket;
mod talk;
mod target;
mod wire;

pub use exec::{Cut, Feed, Order};
pub use jump::Jump;
pub use leash::{Hold, Leash, Patience, leash};
pub use session::Session;
pub use target::{Address, Login, Target, Trust};
pub use wire::{quote, words};

/// Why talking to a machine did not come to its end.
#[derive(Clone, Debug)]
pub enum Broken {
    /// It was called off.
    CalledOff,
    /// It took too long.
    Late,
    /// The connection, or the other side, in its own words.
    Failed(String),
    /// The user's login shell ran nothing of what it was sent; its own words.
    NoShell(String),
}

impl Broken {
    /// The words of it.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::CalledOff => "it was called off".to_owned(),
            Self::Late => "it took too long".to_owned(),
            Self::Failed(why) => why.clone(),
            Self::NoShell(said) => format!("its login shell did not run the command: {said}"),
        }
    }
}

impl From<ssh2::Error> for Broken {
    fn from(why: ssh2::Error) -> Self {
        Self::Failed(why.message().to_owned())
    }
}
