//! A child from its start to its end: fed, listened to, stopped politely, and in no case left behind.

use std::future::Future;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::group::Group;
use super::output::{Captured, Listen, Output};
use super::{Command, Status, Stdin};
use crate::base::error::{Error, Result};
use crate::sys::clock;
use crate::sys::stop::Stop;

/// How long a stopped child has between the polite signal and the one that cannot be refused.
pub const GRACE: Duration = Duration::from_secs(5);

/// How long the pipes of a child that has ended are still read: some of its own children may hold them for ever.
const LINGER: Duration = Duration::from_millis(200);

/// Standard output up to this size is kept whole; of a longer one the last [`KEPT`].
const WHOLE: usize = 1024 * 1024;

/// How much is kept of the end of an output; in bytes.
const KEPT: usize = 64 * 1024;

/// What is known of a child that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How it ended.
    pub status: Status,
    /// Its standard output: whole up to 1 MiB, else the last 64 KiB; empty when it was taken as a stream.
    pub stdout: Captured,
    /// Its standard error, kept in the same way.
    pub stderr: Captured,
    /// From its start to its end.
    pub took: Duration,
}

/// A child that runs. Dropping it kills its whole group.
pub struct Running {
    group: Group,
    child: Child,
    stdin: Stdin,
    began: std::time::Instant,
}

/// Starts a child, lets it run to its end, and tells each line of both outputs as it comes.
pub async fn run(command: &Command, stdin: Stdin, stop: &Stop, listen: Listen<'_>) -> Result<Ended> {
    spawn(command, stdin)?.finish(stop, listen).await
}

/// Starts a child.
pub fn spawn(command: &Command, stdin: Stdin) -> Result<Running> {
    let mut prepared = command.prepare()?;
    if !matches!(stdin, Stdin::Null) {
        prepared.stdin(Stdio::piped());
    }
    let began = clock::instant();
    let child = prepared.spawn().map_err(|why| command.not_started(&why))?;
    Ok(Running { group: Group::of(child.id()), child, stdin, began })
}

impl Running {
    /// The standard output as a stream, once. Whoever takes it reads it while [`Running::finish`] runs beside, and
    /// trusts what was read only when that says that the child ended well.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for the end. On a stop the group is asked to end, and killed after [`GRACE`]; in any case nothing of the
    /// group is left when this returns or is dropped.
    pub async fn finish(self, stop: &Stop, listen: Listen<'_>) -> Result<Ended> {
        let Self { group, mut child, stdin, began } = self;
        let mut out = Output::new(false, listen, WHOLE, KEPT);
        let mut err = Output::new(true, listen, WHOLE, KEPT);
        let (from_out, from_err) = (child.stdout.take(), child.stderr.take());
        let mut to = child.stdin.take();
        let talk = async {
            let listening = async { Ok(tokio::join!(out.read(from_out), err.read(from_err))) };
            tokio::try_join!(listening, feed(stdin, &mut to)).map(drop)
        };
        // Declared last, so that it is dropped first: the group is killed before its input is closed, because an end of
        // input that is none could be taken for the whole.
        let mut group = group;
        let status = conduct(&mut child, &mut group, talk, stop).await?;
        Ok(Ended { status, stdout: out.finish(), stderr: err.finish(), took: began.elapsed() })
    }
}

/// Lets the child run and talk until both are over, or until a stop has ended it.
async fn conduct(
    child: &mut Child,
    group: &mut Group,
    talk: impl Future<Output = Result<()>>,
    stop: &Stop,
) -> Result<Status> {
    let mut talk = std::pin::pin!(talk);
    let mut talking = true;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            said = &mut talk, if talking => {
                talking = false;
                said.inspect_err(|_| group.end())?;
            }
            () = stop.given() => return Err(end_politely(child, group, talk.as_mut(), talking, stop).await),
        }
    };
    if talking {
        let _ = tokio::time::timeout(LINGER, &mut talk).await;
    }
    group.end();
    status.map(Status::of).map_err(|why| Error::io("cannot learn how a child process ended", &why))
}

/// Asks the group to end, waits, kills what is left; returns the reason of the stop.
async fn end_politely(
    child: &mut Child,
    group: &mut Group,
    talk: std::pin::Pin<&mut impl Future<Output = Result<()>>>,
    talking: bool,
    stop: &Stop,
) -> Error {
    group.signal(Signal::TERM);
    // The outputs close when all of the group have ended, not only its leader.
    let all_ended = async { if talking { tokio::join!(child.wait(), talk).0 } else { child.wait().await } };
    let in_time = tokio::time::timeout(GRACE, all_ended).await.is_ok();
    group.end();
    if !in_time {
        let _ = tokio::time::timeout(LINGER, child.wait()).await;
    }
    stop.reason().unwrap_or_else(|| Error::cancelled("stopped"))
}

/// Writes the child's input. A child that stops reading is no error: its exit code tells. The pipe is closed only when
/// all was written.
async fn feed(stdin: Stdin, to: &mut Option<ChildStdin>) -> Result<()> {
    let Some(pipe) = to.as_mut() else { return Ok(()) };
    match stdin {
        Stdin::Null => {}
        Stdin::Bytes(bytes) => {
            let _ = pipe.write_all(&bytes).await;
        }
        Stdin::Stream(mut from) => {
            let mut buffer = vec![0; 64 * 1024];
            loop {
                let count = from
                    .read(&mut buffer)
                    .await
                    .map_err(|why| Error::io("cannot read what a program is fed", &why))?;
                if count == 0 || pipe.write_all(&buffer[..count]).await.is_err() {
                    break;
                }
            }
        }
    }
    *to = None;
    Ok(())
}
