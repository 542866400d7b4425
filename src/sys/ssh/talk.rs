//! A command that runs: fed and listened to, until both sides are done.

use std::io::{ErrorKind, Read, Write as _};
use std::time::Duration;

use ssh2::Channel;

use super::exec::{Cut, Feed, Hear, Order};
use super::{Broken, Patience, Session, group, wire};
use crate::sys::process::Status;

/// How much is read at once; in bytes.
const CHUNK: usize = 32 * 1024;
/// How much may be said before the command begins, by whatever a login runs; in bytes.
const LONGEST_GREETING: usize = 64 * 1024;
/// How long a command that is called off may take to tell its group.
const BEGINNING: Duration = Duration::from_secs(2);

/// A command that runs.
pub(super) struct Talk<'a> {
    session: &'a Session,
    channel: Channel,
    pub(super) group: Option<u32>,
    /// What came before the group was told; `None` once it was, or never will be.
    head: Option<Vec<u8>>,
    input: Input,
}

/// What is still to be fed.
struct Input {
    now: Vec<u8>,
    at: usize,
    more: Option<Box<dyn Read + Send>>,
    is_open: bool,
}

impl<'a> Talk<'a> {
    /// Starts the command.
    pub(super) fn begin(session: &'a Session, order: Order, patience: &Patience) -> Result<Self, Cut> {
        let mut now = Vec::new();
        let has_environment = !order.variables.is_empty();
        if has_environment {
            let variables = order.variables.iter().map(|(name, value)| (name.as_str(), value.expose()));
            let text =
                wire::environment(variables).map_err(|why| Cut::before(Broken::Failed(why.what.clone())))?;
            now.extend_from_slice(text.as_bytes());
        }
        let more = match order.feed {
            Feed::Nothing => None,
            Feed::Text(text) => {
                now.extend_from_slice(text.as_bytes());
                None
            }
            Feed::From(reader) => Some(reader),
        };
        let sent = wire::Sent {
            arguments: &order.arguments,
            folder: order.folder.as_deref(),
            has_environment,
            mark: order.mark.as_deref(),
        };
        let script = wire::script(&sent, session.shell());
        let feeds = !now.is_empty() || more.is_some();
        let (channel, is_open) = session.start(&script, feeds, patience)?;
        let input = Input { now, at: 0, more, is_open };
        Ok(Self { session, channel, group: None, head: Some(Vec::new()), input })
    }

    /// Talks until both sides are done.
    pub(super) fn converse(&mut self, patience: &Patience, hear: Hear<'_>) -> Result<Status, Broken> {
        loop {
            let fed = self.feed()?;
            let heard = self.listen(0, hear)? | self.listen(1, hear)?;
            if self.channel.eof() {
                break;
            }
            if !fed && !heard {
                self.session.wait(patience)?;
            } else if patience.left().is_zero() {
                return Err(Broken::Late);
            }
        }
        self.session.patiently(patience, || self.channel.wait_close())?;
        if let Some(head) = self.head.take() {
            if !self.session.is_open() {
                return Err(Broken::Failed("the connection was lost".to_owned()));
            }
            return Err(Broken::NoShell(String::from_utf8_lossy(&head).trim().to_owned()));
        }
        self.status()
    }

    fn status(&self) -> Result<Status, Broken> {
        let signal = self.channel.exit_signal()?.exit_signal;
        Ok(match signal {
            Some(name) => Status::Signal(number_of(&name)),
            None => Status::Code(self.channel.exit_status()?),
        })
    }

    /// Feeds some of the input; whether anything went. A command that stops reading is no error: its exit code tells.
    fn feed(&mut self) -> Result<bool, Broken> {
        let input = &mut self.input;
        if !input.is_open {
            return Ok(false);
        }
        if input.at == input.now.len() {
            (input.now, input.at) = (refill(&mut input.more)?, 0);
        }
        if input.now.is_empty() {
            let done = self.channel.send_eof();
            input.is_open = done.is_err_and(|why| super::session::is_again(&why));
            return Ok(!input.is_open);
        }
        match self.channel.write(&input.now[input.at..]) {
            Ok(count) => {
                input.at += count;
                Ok(count > 0)
            }
            Err(why) if why.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(_) => {
                input.is_open = false;
                Ok(false)
            }
        }
    }

    /// Takes what was said on one of the outputs; whether there was anything.
    fn listen(&mut self, stream: i32, hear: Hear<'_>) -> Result<bool, Broken> {
        let mut buffer = [0; CHUNK];
        match self.channel.stream(stream).read(&mut buffer) {
            Ok(0) => Ok(false),
            Ok(count) => {
                let gone = |_| Broken::CalledOff;
                match (stream, &mut self.head) {
                    (0, Some(head)) => {
                        head.extend_from_slice(&buffer[..count]);
                        self.look_for_group(hear).map_err(gone)?;
                    }
                    _ => hear(stream == 1, &buffer[..count]).map_err(gone)?,
                }
                Ok(true)
            }
            Err(why) if why.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(_) if !self.session.is_open() => Err(Broken::Failed("the connection was lost".to_owned())),
            Err(why) => Err(Broken::Failed(why.to_string())),
        }
    }

    fn look_for_group(&mut self, hear: Hear<'_>) -> std::io::Result<()> {
        let Some(head) = self.head.take() else { return Ok(()) };
        match wire::find_told(&head) {
            Some(told) => {
                self.group = Some(told.group);
                if let Some(shell) = told.shell {
                    self.session.note_shell(shell);
                }
                if told.rest.is_empty() { Ok(()) } else { hear(false, told.rest) }
            }
            None if head.len() > LONGEST_GREETING => hear(false, &head),
            None => {
                self.head = Some(head);
                Ok(())
            }
        }
    }

    /// Ends the command with all of its group; gives the group when it is not sure that nothing of it is left.
    pub(super) fn end(&mut self) -> Option<u32> {
        let soon = Patience::of(None, BEGINNING);
        let mut ignore = |_: bool, _: &[u8]| Ok(());
        while self.group.is_none() && !self.channel.eof() {
            match self.listen(0, &mut ignore) {
                Ok(true) => {}
                Ok(false) if self.session.wait(&soon).is_ok() => {}
                _ => break,
            }
        }
        let group = self.group?;
        match group::end(self.session, group) {
            Ok(()) => None,
            Err(_) => Some(group),
        }
    }
}

fn refill(more: &mut Option<Box<dyn Read + Send>>) -> Result<Vec<u8>, Broken> {
    let Some(reader) = more else { return Ok(Vec::new()) };
    let mut chunk = vec![0; CHUNK];
    let count = reader
        .read(&mut chunk)
        .map_err(|why| Broken::Failed(format!("what it is fed cannot be read: {why}")))?;
    chunk.truncate(count);
    if count == 0 {
        *more = None;
    }
    Ok(chunk)
}

/// The number of a signal that the protocol tells by name.
fn number_of(name: &str) -> i32 {
    const NAMES: [(&str, i32); 11] = [
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("ILL", 4),
        ("ABRT", 6),
        ("FPE", 8),
        ("KILL", 9),
        ("SEGV", 11),
        ("PIPE", 13),
        ("ALRM", 14),
        ("TERM", 15),
    ];
    NAMES.iter().find(|(known, _)| *known == name).map_or(0, |(_, number)| *number)
}
