//! One command on another machine, in a channel of its session, and ended with all its children when it is called off.

use std::io::{Read, Write};

use ssh2::{BlockDirections, Channel};

use super::session::is_again;
use super::talk::Talk;
use super::{Broken, Patience, Session};
use crate::base::secret::Revealed;
use crate::sys::clock;
use crate::sys::process::{Ended, Listen, Output, Status};

/// What a command reads on its standard input.
pub enum Feed {
    /// Nothing.
    Nothing,
    /// This text.
    Text(String),
    /// Whatever this gives, as fast as the command takes it.
    From(Box<dyn Read + Send>),
}

/// What to run: a program and its arguments one by one.
pub struct Order {
    /// The program and what it is given.
    pub arguments: Vec<String>,
    /// The folder that it works in; the home of the user when left out.
    pub folder: Option<String>,
    /// What is added to the environment that the machine gives.
    pub variables: Vec<(String, Revealed)>,
    /// Its standard input.
    pub feed: Feed,
    /// How much of each output is kept; in bytes.
    pub keep: usize,
    /// A name by which it and its children can be found there afterwards.
    pub mark: Option<String>,
}

/// Why a command has no end that is known.
#[derive(Clone, Debug)]
pub struct Cut {
    /// What happened.
    pub why: Broken,
    /// Whether the command may have begun.
    pub began: bool,
    /// Its process group, when that may still run.
    pub left: Option<u32>,
}

impl Cut {
    pub(super) fn before(why: Broken) -> Self {
        Self { why, began: false, left: None }
    }
}

/// Takes what a command says: `true` for standard error. An error ends the command.
pub(super) type Hear<'a> = &'a mut dyn FnMut(bool, &[u8]) -> std::io::Result<()>;

impl Session {
    /// Runs a command to its end, keeps the end of its outputs and tells each line as it comes. It blocks its thread.
    pub fn run(&self, order: Order, patience: &Patience, listen: Listen<'_>) -> Result<Ended, Cut> {
        let last = order.keep.min(64 * 1024);
        let mut out = Output::new(false, listen, order.keep, last);
        let mut err = Output::new(true, listen, order.keep, last);
        let began = clock::instant();
        let status = self.exec(order, patience, &mut |is_error, chunk| {
            if is_error {
                err.hear(chunk)
            } else {
                out.hear(chunk)
            }
            Ok(())
        })?;
        Ok(Ended { status, stdout: out.finish(), stderr: err.finish(), took: began.elapsed() })
    }

    /// Runs a command to its end and writes its standard output to `to`. It blocks its thread.
    pub fn stream(&self, order: Order, patience: &Patience, to: &mut dyn Write) -> Result<Ended, Cut> {
        let quiet = |_: crate::sys::process::Line<'_>| {};
        let mut err = Output::new(true, &quiet, order.keep, order.keep);
        let began = clock::instant();
        let status = self.exec(order, patience, &mut |is_error, chunk| {
            if is_error {
                err.hear(chunk);
                return Ok(());
            }
            to.write_all(chunk)
        })?;
        let stdout = Output::new(false, &quiet, 0, 0).finish();
        Ok(Ended { status, stdout, stderr: err.finish(), took: began.elapsed() })
    }

    fn exec(&self, order: Order, patience: &Patience, hear: Hear<'_>) -> Result<Status, Cut> {
        let mut talk = Talk::begin(self, order, patience)?;
        match talk.converse(patience, hear) {
            Ok(status) => Ok(status),
            Err(why @ Broken::NoShell(_)) => Err(Cut::before(why)),
            Err(why @ Broken::Failed(_)) => Err(Cut { why, began: true, left: talk.group }),
            Err(why) => {
                let left = talk.end();
                Err(Cut { why, began: true, left })
            }
        }
    }

    /// Opens a channel and starts a shell's text in it; without `feeds`, what it reads is at its end. That is said at once
    /// behind the text where the connection takes it, and otherwise still to be said: gives whether.
    pub(super) fn start(
        &self,
        script: &str,
        feeds: bool,
        patience: &Patience,
    ) -> Result<(Channel, bool), Cut> {
        let mut channel = self.patiently(patience, || self.inner.channel_session()).map_err(Cut::before)?;
        let mut is_open = true;
        let begin = || {
            let begun = channel.exec(script);
            let is_sent =
                !matches!(self.inner.block_directions(), BlockDirections::Outbound | BlockDirections::Both);
            if !feeds && is_open && is_sent && begun.as_ref().is_err_and(is_again) {
                is_open = channel.send_eof().is_err();
            }
            begun
        };
        self.patiently(patience, begin).map_err(|why| Cut { why, began: true, left: None })?;
        Ok((channel, is_open))
    }
}
