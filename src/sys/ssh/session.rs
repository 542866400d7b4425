//! One session with one machine: connected, proved on both sides, and waited for without blocking.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use ssh2::{BlockDirections, ErrorCode};

use super::shell::Shell;
use super::socket::{Socket, dial, timespec};
use super::{Broken, Jump, Patience, Target, known, login};
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::sys::clock;

/// How often a sign of life is asked for, in seconds.
const SIGN_EVERY: u32 = 15;
/// A machine that was silent for so long although it was asked is gone.
const SILENT: Duration = Duration::from_secs(50);

/// A session. It belongs to one thread at a time; dropping it closes the connection.
pub struct Session {
    pub(super) inner: ssh2::Session,
    socket: Socket,
    heard: std::sync::Mutex<Instant>,
    shell: OnceLock<Shell>,
}

impl AsFd for Session {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Session {
    /// Connects, through `jump` where there is one, and logs in. It blocks its thread.
    pub fn connect(target: &Target, jump: Option<&Jump>, patience: &Patience) -> Result<Self> {
        let patience = patience.at_most(target.connect_within);
        let socket = match jump {
            None => Socket::Straight(Arc::new(dial(target, &patience)?)),
            Some(jump) => Socket::Lane(Arc::new(jump.lane(target, &patience)?)),
        };
        let failed = |broken: &Broken| unreachable(target, broken);
        let known = known::Known::read(target)?;
        let mut session = Self::over(socket).map_err(|why| failed(&why))?;
        known.prefer(&session.inner).map_err(|why| failed(&why.into()))?;
        let mut inner = session.inner.clone();
        session.patiently(&patience, || inner.handshake()).map_err(|why| failed(&why))?;
        known.judge(&session.inner)?;
        login::log_in(&mut session, target, &patience)?;
        session.inner.set_keepalive(true, SIGN_EVERY);
        Ok(session)
    }

    fn over(socket: Socket) -> Result<Self, Broken> {
        let mut inner = ssh2::Session::new()?;
        inner.set_blocking(false);
        inner.set_tcp_stream(socket.clone());
        let heard = std::sync::Mutex::new(clock::instant());
        Ok(Self { inner, socket, heard, shell: OnceLock::new() })
    }

    /// What is known of the machine's shell.
    pub(super) fn shell(&self) -> Shell {
        self.shell.get().copied().unwrap_or_default()
    }

    /// Notes what a command has told of the machine's shell.
    pub(super) fn note_shell(&self, shell: Shell) {
        let _ = self.shell.set(shell);
    }

    /// Does `work` again and again until it would not block any longer.
    pub(super) fn patiently<T>(
        &self,
        patience: &Patience,
        mut work: impl FnMut() -> Result<T, ssh2::Error>,
    ) -> Result<T, Broken> {
        loop {
            match work() {
                Err(why) if is_again(&why) => self.wait(patience)?,
                done => return done.map_err(Broken::from),
            }
        }
    }

    /// Waits until the connection is ready for what it was last asked for.
    pub(super) fn wait(&self, patience: &Patience) -> Result<(), Broken> {
        let wanted = match self.inner.block_directions() {
            BlockDirections::Outbound => PollFlags::OUT,
            BlockDirections::Both => PollFlags::IN | PollFlags::OUT,
            _ => PollFlags::IN,
        };
        let left = patience.left();
        if left.is_zero() {
            return Err(Broken::Late);
        }
        let mut fds = vec![PollFd::new(&self.socket, wanted)];
        fds.extend(patience.leash.as_ref().map(|leash| PollFd::new(leash, PollFlags::IN)));
        match poll(&mut fds, Some(&timespec(left.min(Duration::from_secs(u64::from(SIGN_EVERY)))))) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(why) => return Err(Broken::Failed(why.to_string())),
            Ok(_) => {}
        }
        if fds.get(1).is_some_and(|leash| !leash.revents().is_empty()) {
            return Err(Broken::CalledOff);
        }
        if fds[0].revents().is_empty() { self.ask_for_a_sign() } else { self.note_a_sign() }
    }

    fn note_a_sign(&self) -> Result<(), Broken> {
        if let Ok(mut heard) = self.heard.lock() {
            *heard = clock::instant();
        }
        Ok(())
    }

    fn ask_for_a_sign(&self) -> Result<(), Broken> {
        let heard = self.heard.lock().map_or_else(|_| clock::instant(), |heard| *heard);
        if self.inner.authenticated() && heard.elapsed() > SILENT {
            return Err(Broken::Failed(format!(
                "it gave no sign of life for {}",
                text::show_duration(SILENT)
            )));
        }
        self.sign()
    }

    /// Sends a sign of life when it is time for one; for a session that nobody uses just now.
    pub fn sign(&self) -> Result<(), Broken> {
        match self.inner.keepalive_send() {
            Err(why) if !is_again(&why) => Err(why.into()),
            _ => Ok(()),
        }
    }

    /// Whether the other side has not closed the connection.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.socket.is_open()
    }

    /// What the other side calls itself: `SSH-2.0-OpenSSH_9.2p1`.
    #[must_use]
    pub fn banner(&self) -> String {
        self.inner.banner().unwrap_or_default().to_owned()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.inner.disconnect(None, "done", None);
    }
}

/// Whether an error only says that the connection is not ready yet.
pub(super) fn is_again(why: &ssh2::Error) -> bool {
    why.code() == ErrorCode::Session(libssh2_sys::LIBSSH2_ERROR_EAGAIN)
}

/// The error for a machine that could not be talked to.
pub(super) fn unreachable(target: &Target, broken: &Broken) -> Error {
    let what = format!("{} cannot be reached", target.shown());
    match broken {
        Broken::CalledOff => Error::cancelled(what).why(broken.words()),
        Broken::Late => {
            let within = text::show_duration(target.connect_within);
            Error::timeout(what).why(format!("it did not answer within {within}")).fix(
                "look whether the machine is up and its firewall lets you in, or raise `connect_timeout`",
            )
        }
        Broken::Failed(why) | Broken::NoShell(why) => {
            Error::remote(what).why(why.clone()).fix("start its sshd, or correct its address in `hosts`")
        }
    }
}
