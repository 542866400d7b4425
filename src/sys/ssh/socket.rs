//! What a session talks through: a connection, or a lane through another machine.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::session::unreachable;
use super::{Broken, Patience, Target};
use crate::base::error::Result;

/// What a session talks through: a connection, or a lane through another machine.
#[derive(Clone, Debug)]
pub(super) enum Socket {
    Straight(Arc<TcpStream>),
    Lane(Arc<UnixStream>),
}

impl Socket {
    /// Whether the other side has not closed it.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Socket::Straight(stream) => match stream.peek(&mut [0]) {
                Ok(count) => count > 0,
                Err(why) => why.kind() == std::io::ErrorKind::WouldBlock,
            },
            Socket::Lane(lane) => {
                let mut fds = [PollFd::new(lane, PollFlags::IN)];
                let _ = poll(&mut fds, Some(&timespec(Duration::ZERO)));
                !fds[0].revents().contains(PollFlags::HUP)
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Straight(stream) => stream.as_fd(),
            Self::Lane(stream) => stream.as_fd(),
        }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

/// A span as `poll` takes it.
pub(super) fn timespec(duration: Duration) -> Timespec {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    Timespec { tv_sec: seconds, tv_nsec: duration.subsec_nanos().into() }
}

/// Connects to a machine.
pub(super) fn dial(target: &Target, patience: &Patience) -> Result<TcpStream> {
    let failed = |why: String| unreachable(target, &Broken::Failed(why));
    let address = &target.address;
    let found = (address.host.as_str(), address.port)
        .to_socket_addrs()
        .map_err(|why| failed(format!("its name cannot be resolved: {why}")))?;
    let mut last = "its name stands for no address".to_owned();
    for address in found {
        match TcpStream::connect_timeout(&address, patience.left().max(Duration::from_millis(1))) {
            Ok(stream) => {
                let ready = stream.set_nodelay(true).and_then(|()| stream.set_nonblocking(true));
                return ready.map(|()| stream).map_err(|why| failed(why.to_string()));
            }
            Err(why) if why.kind() == std::io::ErrorKind::TimedOut => {
                return Err(unreachable(target, &Broken::Late));
            }
            Err(why) => last = why.to_string(),
        }
    }
    Err(failed(last))
}
