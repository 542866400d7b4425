//! Through one machine to others (ProxyJump): a thread carries every lane of one session, and ends with the last of them.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use ssh2::{BlockDirections, Channel};

use super::session::{is_again, unreachable};
use super::socket::timespec;
use super::{Broken, Patience, Session, Target};
use crate::base::error::{Error, Result};

/// How much of one direction of a lane waits here; in bytes.
const MOST: usize = 256 * 1024;
/// How long the thread sleeps at most; then it asks the machine for a sign of life.
const NAP: Duration = Duration::from_secs(10);

/// A machine that leads to others.
#[derive(Debug)]
pub struct Jump {
    name: String,
    wishes: Sender<Wish>,
    wake: UnixStream,
}

/// Somebody wants a lane.
struct Wish {
    host: String,
    port: u16,
    answer: Sender<std::result::Result<UnixStream, String>>,
}

impl Jump {
    /// Connects to the machine that leads to others. It blocks its thread.
    pub fn begin(target: &Target, patience: &Patience) -> Result<Self> {
        let session = Session::connect(target, None, patience)?;
        let io =
            |why: std::io::Error| Error::io(format!("nothing can be led through {}", target.shown()), &why);
        let (wake, woken) = UnixStream::pair().map_err(io)?;
        wake.set_nonblocking(true).and_then(|()| woken.set_nonblocking(true)).map_err(io)?;
        let (wishes, heard) = channel();
        let carrier =
            Carrier { session, heard, woken, open: true, waiting: VecDeque::new(), lanes: Vec::new() };
        let thread = std::thread::Builder::new().name("ssh jump".to_owned());
        thread.spawn(move || carrier.carry()).map_err(io)?;
        Ok(Self { name: target.shown(), wishes, wake })
    }

    /// A lane to another machine, as a socket.
    pub(super) fn lane(&self, target: &Target, patience: &Patience) -> Result<UnixStream> {
        let (answer, answered) = channel();
        let failed = |why: String| {
            let broken = Broken::Failed(format!("through {}: {why}", self.name));
            unreachable(target, &broken).fix("see that the machine named by `jump` is up and can reach it")
        };
        let gone = || failed("its connection was lost".to_owned());
        let wish = Wish { host: target.address.host.clone(), port: target.address.port, answer };
        self.wishes.send(wish).map_err(|_| gone())?;
        let _ = (&self.wake).write(&[1]);
        match answered.recv_timeout(patience.left()) {
            Ok(Ok(lane)) => Ok(lane),
            Ok(Err(why)) => Err(failed(why)),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err(unreachable(target, &Broken::Late)),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => Err(gone()),
        }
    }

    /// Whether the machine is still there.
    #[must_use]
    pub fn is_open(&self) -> bool {
        (&self.wake).write(&[0]).is_ok_and(|count| count == 1)
    }
}

/// The thread's own things.
struct Carrier {
    session: Session,
    heard: Receiver<Wish>,
    woken: UnixStream,
    open: bool,
    waiting: VecDeque<Wish>,
    lanes: Vec<Lane>,
}

/// One lane: the channel on the one side, the socket on the other.
struct Lane {
    channel: Channel,
    local: UnixStream,
    out: Vec<u8>,
    back: Vec<u8>,
    /// The socket says nothing more.
    is_local_done: bool,
    /// The channel was told so.
    is_told: bool,
}

impl Carrier {
    fn carry(mut self) {
        while self.open || !self.lanes.is_empty() {
            let Ok(mut busy) = self.hear() else { return };
            for lane in &mut self.lanes {
                match lane.carry() {
                    Ok(moved) => busy |= moved,
                    Err(()) => lane.is_told = true,
                }
            }
            self.lanes.retain(|lane| !lane.is_over());
            if !busy && self.sleep().is_err() {
                return;
            }
        }
    }

    /// Takes wishes, and goes on opening the first of them: one at a time, as the session wants it.
    fn hear(&mut self) -> std::result::Result<bool, ()> {
        while self.woken.read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
        loop {
            match self.heard.try_recv() {
                Ok(wish) => self.waiting.push_back(wish),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.open = false;
                    break;
                }
            }
        }
        let Some(wish) = self.waiting.front() else { return Ok(false) };
        let opened = match self.session.inner.channel_direct_tcpip(&wish.host, wish.port, None) {
            Err(why) if is_again(&why) => return Ok(false),
            Err(why) => Err(why.message().to_owned()),
            Ok(channel) => Lane::pair(channel).map_err(|why| why.to_string()),
        };
        let Some(wish) = self.waiting.pop_front() else { return Ok(false) };
        let answer = opened.map(|(lane, theirs)| {
            self.lanes.push(lane);
            theirs
        });
        let _ = wish.answer.send(answer);
        Ok(true)
    }

    /// Waits until any side is ready. Only a channel takes what the machine says, so without one nobody listens.
    fn sleep(&self) -> std::result::Result<(), ()> {
        let mut fds = Vec::new();
        if self.open {
            fds.push(PollFd::new(&self.woken, PollFlags::IN));
        }
        if !self.lanes.is_empty() || !self.waiting.is_empty() {
            let wanted = match self.session.inner.block_directions() {
                BlockDirections::Outbound | BlockDirections::Both => PollFlags::IN | PollFlags::OUT,
                _ => PollFlags::IN,
            };
            fds.push(PollFd::new(&self.session, wanted));
        }
        for lane in &self.lanes {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, lane.out.len() < MOST && !lane.is_local_done);
            flags.set(PollFlags::OUT, !lane.back.is_empty());
            if !flags.is_empty() {
                fds.push(PollFd::new(&lane.local, flags));
            }
        }
        let woken = poll(&mut fds, Some(&timespec(NAP)));
        if woken.is_ok_and(|count| count > 0) {
            return Ok(());
        }
        if self.session.is_open() { self.session.sign().map_err(drop) } else { Err(()) }
    }
}

impl Lane {
    fn pair(channel: Channel) -> std::io::Result<(Self, UnixStream)> {
        let (local, theirs) = UnixStream::pair()?;
        local.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        let (out, back) = (Vec::new(), Vec::new());
        Ok((Self { channel, local, out, back, is_local_done: false, is_told: false }, theirs))
    }

    /// Moves what can be moved; whether anything was. An error ends the lane.
    fn carry(&mut self) -> std::result::Result<bool, ()> {
        let mut buffer = [0; 32 * 1024];
        let mut busy = false;
        if self.out.len() < MOST && !self.is_local_done {
            match ready(self.local.read(&mut buffer))? {
                Some(0) => self.is_local_done = true,
                Some(count) => self.out.extend_from_slice(&buffer[..count]),
                None => {}
            }
        }
        if !self.out.is_empty()
            && let Some(count) = ready(self.channel.write(&self.out))?
        {
            self.out.drain(..count);
            busy |= count > 0;
        }
        if self.back.len() < MOST
            && let Some(count @ 1..) = ready(self.channel.read(&mut buffer))?
        {
            self.back.extend_from_slice(&buffer[..count]);
            busy = true;
        }
        if !self.back.is_empty()
            && let Some(count) = ready(self.local.write(&self.back))?
        {
            self.back.drain(..count);
            busy |= count > 0;
        }
        if self.is_local_done && self.out.is_empty() && !self.is_told {
            self.is_told = self.channel.close().is_ok_and(|()| true);
        }
        Ok(busy)
    }

    fn is_over(&self) -> bool {
        self.is_told || (self.channel.eof() && self.back.is_empty())
    }
}

/// What was moved; `None` when it would block, an error when the side is gone.
fn ready(moved: std::io::Result<usize>) -> std::result::Result<Option<usize>, ()> {
    match moved {
        Ok(count) => Ok(Some(count)),
        Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(_) => Err(()),
    }
}
