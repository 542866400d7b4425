//! What every place can do where commands run, this machine or others, so that a supervisor is driven on any of them
//! without knowing which.

use std::time::Duration;

use async_trait::async_trait;

use super::store::Content;
use crate::base::error::Result;
use crate::base::secret::Revealed;
use crate::sys::process::Ended;

/// A command: never a shell's text, always a program and its arguments one by one.
#[derive(Clone, Debug)]
pub struct Task {
    /// The program, and what it is given.
    pub arguments: Vec<String>,
    /// The folder that it works in; that of the login, or the project, when left out.
    pub folder: Option<String>,
    /// What is added to its environment.
    pub variables: Vec<(String, Revealed)>,
    /// How long it may take.
    pub within: Duration,
}

/// A group of machines, or this one.
#[async_trait]
pub trait Hosts: Send + Sync {
    /// Their names, in order.
    fn names(&self) -> Vec<String>;
    /// Runs a command on one of them to its end, with all its children; nothing of it is shown.
    async fn run(&self, host: &str, task: Task) -> Result<Ended>;
    /// The standard output of a command as a stream, which breaks off unless the command ends with exit code 0.
    async fn open(&self, host: &str, task: Task) -> Result<Content>;
}

/// Why a stream broke off: the command's own last words.
#[must_use]
pub fn broken(ended: &Ended) -> std::io::Error {
    std::io::Error::other(format!("the command {}: {}", ended.status, ended.stderr.text.trim_end()))
}
