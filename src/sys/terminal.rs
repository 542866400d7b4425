//! What the terminal at the other end of standard error is like, and what is typed at it.

use std::io::{IsTerminal as _, Write as _};

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{self, LocalModes, OptionalActions, Termios};

/// Whether standard error is a terminal.
#[must_use]
pub fn is_there() -> bool {
    std::io::stderr().is_terminal()
}

/// Its columns and rows right now; a common size when it does not tell.
#[must_use]
pub fn size() -> (usize, usize) {
    match termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => (80, 24),
    }
}

/// Writes to standard error at once; that nobody reads it any more does not end a run.
pub fn write(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// How many signals have asked this process to stop.
static INTERRUPTS: AtomicU64 = AtomicU64::new(0);

/// Counts a signal that asks this process to stop: whoever waits for a line stops waiting.
pub fn interrupt() {
    INTERRUPTS.fetch_add(1, Ordering::SeqCst);
}

/// Asks a question on standard error, and gives the line that is typed, however long that takes; `None` when nobody types
/// any more, or once a signal asks to stop.
#[must_use]
pub fn said(question: &str) -> Option<String> {
    /// How long a signal may wait for whoever waits for a line.
    const LOOK: Duration = Duration::from_millis(100);
    // From before the question is seen: who sees it may press Ctrl-C at once.
    let before = INTERRUPTS.load(Ordering::SeqCst);
    write(question);
    while INTERRUPTS.load(Ordering::SeqCst) == before {
        match typed(LOOK) {
            Typed::Line(line) => return Some(line),
            Typed::Gone => return None,
            Typed::Nothing => {}
        }
    }
    None
}

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A line.
    Line(String),
    /// Nothing yet.
    Nothing,
    /// Nobody types any more.
    Gone,
}

/// A line that is typed within so long.
#[must_use]
pub fn typed(within: Duration) -> Typed {
    let stdin = std::io::stdin();
    let limit = Timespec { tv_sec: within.as_secs().cast_signed(), tv_nsec: within.subsec_nanos().into() };
    let ready = poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&limit));
    if !ready.is_ok_and(|ready| ready > 0) {
        return Typed::Nothing;
    }
    let mut line = String::new();
    match stdin.read_line(&mut line) {
        Ok(1..) => Typed::Line(line),
        _ => Typed::Gone,
    }
}

/// Keeps the terminal from writing `^C` on Ctrl-C, which would shift what stands on the screen, until it is dropped.
#[derive(Debug)]
pub struct NoEcho {
    before: Termios,
}

/// Begins not to write `^C`; `None` where there is no terminal or this process is not in front of it.
#[must_use]
pub fn no_echo() -> Option<NoEcho> {
    let stderr = std::io::stderr();
    // Whoever changes the terminal from the background is stopped by it.
    let in_front = termios::tcgetpgrp(&stderr).is_ok_and(|group| group == rustix::process::getpgrp());
    let before = termios::tcgetattr(&stderr).ok().filter(|_| in_front)?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHOCTL);
    termios::tcsetattr(&stderr, OptionalActions::Now, &quiet).ok()?;
    Some(NoEcho { before })
}

impl Drop for NoEcho {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(std::io::stderr(), OptionalActions::Now, &self.before);
    }
}

/// Asks a question on standard error, and gives the line that the person types; `None` when the terminal is gone, or when
/// `is_over` says meanwhile that nobody wants to know any more.
pub fn answer(question: &str, is_over: &dyn Fn() -> bool) -> Option<String> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    write(question);
    let stdin = std::io::stdin();
    let tick = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    loop {
        if is_over() {
            write("\n");
            return None;
        }
        let mut wanted = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut wanted, Some(&tick)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => break,
            Err(_) => return None,
        }
    }
    let mut line = String::new();
    stdin.read_line(&mut line).is_ok_and(|read| read > 0).then_some(line)
}
