//! A child from its start to its end: fed, listened to, stopped politely, and in no case left behind.

use std::future::Future;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process as pipes;

use super::group::Group;
use super::leader::Leader;
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
    leader: Leader,
    stdin: Stdin,
    to: Option<ChildStdin>,
    from: (Option<ChildStdout>, Option<ChildStderr>),
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
    let mut child = prepared.spawn().map_err(|why| command.not_started(&why).unchanged())?;
    let (to, from) = (child.stdin.take(), (child.stdout.take(), child.stderr.take()));
    Ok(Running { group: Group::of(child.id()), leader: Leader::of(child), stdin, to, from, began })
}

impl Running {
    /// The standard output as a stream, once. Whoever takes it reads it while [`Running::finish`] runs beside, and
    /// trusts what was read only when that says that the child ended well.
    pub fn take_stdout(&mut self) -> Result<pipes::ChildStdout> {
        let stdout = self.from.0.take().ok_or_else(|| Error::bug("a child has no output"))?;
        pipes::ChildStdout::from_std(stdout).map_err(no_pipe)
    }

    /// Waits for the end. On a stop the group is asked to end, and killed after [`GRACE`]; in any case nothing of the
    /// group is left when this returns or is dropped.
    pub async fn finish(self, stop: &Stop, listen: Listen<'_>) -> Result<Ended> {
        let Self { group, mut leader, stdin, to, from: (mut stdout, mut stderr), began } = self;
        let mut out = Output::new(false, listen, WHOLE, KEPT);
        let mut err = Output::new(true, listen, WHOLE, KEPT);
        let over = to.is_none() && leader.ended_at_once()?.is_some();
        if over && out.read_ready(&mut stdout) & err.read_ready(&mut stderr) {
            (stdout, stderr) = (None, None);
        }
        let from_out = stdout.map(pipes::ChildStdout::from_std).transpose().map_err(no_pipe)?;
        let from_err = stderr.map(pipes::ChildStderr::from_std).transpose().map_err(no_pipe)?;
        let mut to = to.map(pipes::ChildStdin::from_std).transpose().map_err(no_pipe)?;
        let talk = async {
            let listening = async { Ok(tokio::join!(out.read(from_out), err.read(from_err))) };
            tokio::try_join!(listening, feed(stdin, &mut to)).map(drop)
        };
        // Declared last, so that it is dropped first: the group is killed before its input is closed, because an end of
        // input that is none could be taken for the whole.
        let mut group = group;
        let status = conduct(&mut leader, &mut group, talk, stop).await?;
        Ok(Ended { status, stdout: out.finish(), stderr: err.finish(), took: began.elapsed() })
    }
}

fn no_pipe(why: std::io::Error) -> Error {
    Error::io("cannot listen to a child process", &why)
}

/// Lets the child run and talk until both are over, or until a stop has ended it.
async fn conduct(
    leader: &mut Leader,
    group: &mut Group,
    talk: impl Future<Output = Result<()>>,
    stop: &Stop,
) -> Result<Status> {
    let mut talk = std::pin::pin!(talk);
    let mut talking = true;
    let status = loop {
        tokio::select! {
            biased;
            status = leader.wait() => break status,
            said = &mut talk, if talking => {
                talking = false;
                said.inspect_err(|_| group.end())?;
            }
            () = stop.given() => return Err(end_politely(leader, group, talk.as_mut(), talking, stop).await),
        }
    };
    if talking {
        let _ = tokio::time::timeout(LINGER, &mut talk).await;
    }
    group.end();
    status.map(Status::of)
}

/// Asks the group to end, waits, kills what is left; returns the reason of the stop.
async fn end_politely(
    leader: &mut Leader,
    group: &mut Group,
    talk: std::pin::Pin<&mut impl Future<Output = Result<()>>>,
    talking: bool,
    stop: &Stop,
) -> Error {
    group.signal(Signal::TERM);
    // The outputs close when all of the group have ended, not only its leader.
    let all_ended = async { if talking { tokio::join!(leader.wait(), talk).0 } else { leader.wait().await } };
    let in_time = tokio::time::timeout(GRACE, all_ended).await.is_ok();
    group.end();
    if !in_time {
        let _ = tokio::time::timeout(LINGER, leader.wait()).await;
    }
    stop.reason().unwrap_or_else(|| Error::cancelled("stopped"))
}

/// Writes the child's input. A child that stops reading is no error: its exit code tells. The pipe is closed only when
/// all was written.
async fn feed(stdin: Stdin, to: &mut Option<pipes::ChildStdin>) -> Result<()> {
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
