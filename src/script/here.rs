//! Where this thread stands in the tree of a run. Each branch of `parallel` has a thread, and so a place, of its own.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::error::Error;
use crate::base::event::Position;
use crate::sys::stop::Stop;

/// Whether any thread met its end: a hint that spares all others the look at their own.
static SOME_ENDED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static HERE: RefCell<Here> = RefCell::default();
    /// Whether this thread met its end.
    static ENDED: Cell<bool> = const { Cell::new(false) };
}

/// A thread's place: the steps it is in, what stops it, and whether it takes things back.
#[derive(Clone, Debug, Default)]
pub struct Here {
    frames: Vec<Frame>,
    stop: Stop,
    unwinding: bool,
    /// It is a branch of `parallel`, beside which others are at work.
    branch: bool,
}

#[derive(Clone, Debug, Default)]
struct Frame {
    path: Position,
    next: usize,
}

impl Here {
    /// A place at the root of the tree, below `path` (empty for the run itself).
    #[must_use]
    pub fn new(path: &str, stop: Stop, unwinding: bool) -> Self {
        Self { frames: vec![Frame { path: path.to_owned(), next: 0 }], stop, unwinding, branch: false }
    }
}

/// Puts this thread at `here` until the guard is dropped.
#[must_use]
pub fn enter(here: Here) -> Guard {
    Guard(Some((HERE.with(|cell| cell.replace(here)), ENDED.replace(false))))
}

/// Puts the thread back where it was.
#[derive(Debug)]
pub struct Guard(Option<(Here, bool)>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some((before, ended)) = self.0.take() {
            HERE.with(|cell| cell.replace(before));
            ENDED.set(ended);
        }
    }
}

/// The position of the next thing that happens here.
#[must_use]
pub fn next() -> Position {
    HERE.with(|cell| {
        let mut here = cell.borrow_mut();
        let Some(frame) = here.frames.last_mut() else { return "0".to_owned() };
        let ordinal = frame.next;
        frame.next += 1;
        if frame.path.is_empty() { ordinal.to_string() } else { format!("{}/{ordinal}", frame.path) }
    })
}

/// Goes into the step at `position`; what happens next happens inside it.
pub fn push(position: &str) {
    HERE.with(|cell| cell.borrow_mut().frames.push(Frame { path: position.to_owned(), next: 0 }));
}

/// Leaves the innermost step.
pub fn pop() {
    HERE.with(|cell| cell.borrow_mut().frames.pop());
}

/// What stops this thread.
#[must_use]
pub fn stop() -> Stop {
    HERE.with(|cell| cell.borrow().stop.clone())
}

/// Why this thread has to stop, if it has to. From then on it [`has_ended`].
#[must_use]
pub fn stopped() -> Option<Error> {
    let reason = HERE.with(|cell| {
        let here = cell.borrow();
        here.stop.is_given().then(|| here.stop.reason()).flatten()
    });
    if reason.is_some() {
        meet_end();
    }
    reason
}

/// Ends this thread's script for `reason`, which it cannot hold: a termination that passes through a native function
/// can be caught, so every further operation and effect has to meet it again.
pub fn end(reason: Error) {
    stop().give(reason);
    meet_end();
}

fn meet_end() {
    ENDED.set(true);
    SOME_ENDED.store(true, Ordering::Relaxed);
}

/// Whether this thread's script has met its end.
#[must_use]
pub fn has_ended() -> bool {
    ENDED.get()
}

/// Whether any script of this process has met its end, so that [`has_ended`] has to be asked. This is read at every
/// operation of a script, where a word of the thread's own would cost several times as much.
#[must_use]
#[inline]
pub fn may_have_ended() -> bool {
    SOME_ENDED.load(Ordering::Relaxed)
}

/// Whether this thread takes things back.
#[must_use]
pub fn is_unwinding() -> bool {
    HERE.with(|cell| cell.borrow().unwinding)
}

/// Whether the process may end while this thread waits.
#[must_use]
pub fn may_leave() -> bool {
    HERE.with(|cell| {
        let here = cell.borrow();
        !here.branch && !here.unwinding
    })
}

/// The place of a branch of `parallel` at `position`, stopped by `stop`.
#[must_use]
pub fn branch(position: &str, stop: Stop) -> Here {
    Here { branch: true, ..Here::new(position, stop, is_unwinding()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_within_their_step() {
        let _guard = enter(Here::new("", Stop::default(), false));
        assert_eq!(next(), "0");
        push("0");
        assert_eq!((next(), next()), ("0/0".to_owned(), "0/1".to_owned()));
        pop();
        assert_eq!(next(), "1");
    }
}
