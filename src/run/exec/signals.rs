//! Signals of a run: the first stops the script, the second the taking back too, a third the writing down of what came of it.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot::Receiver;

use super::Ended;
use crate::base::error::{Error, FROM_ELSEWHERE, Result};
use crate::effect::journal::Asked;
use crate::sys::clock;
use crate::sys::process;
use crate::sys::stop::Stop;
use crate::sys::terminal;

/// How long a run may go on after a second signal before the process ends without it: by then nothing is left to do but to
/// write down how far it came, which a disk that is busy takes seconds for. Who cannot wait for that signals once more; a
/// terminal that ends meanwhile hastens nothing, since nobody there waits any longer.
const LAST_MOMENT: Duration = Duration::from_secs(20);

/// What a termination signal is called; somebody who cancels the run from elsewhere sends one too.
const TERMINATION: &str = "a termination signal";

/// The signals that stop a run; from when this exists they no longer end the process.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

/// How waiting for a run ended.
pub(super) enum Attended {
    /// The run ended.
    Ended(Ended),
    /// A second signal came, and the run did not end soon after it, or before a third.
    Abandoned,
    /// The run's thread is gone without a word.
    Lost,
}

impl Signals {
    /// Takes the signals over. To be called within the runtime.
    pub(super) fn listen() -> Result<Self> {
        let take = |kind| signal(kind).map_err(|why| Error::io("signals cannot be taken over", &why));
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
            hang_up: take(SignalKind::hangup())?,
        })
    }

    /// Waits before a run has begun; a signal ends that with an error.
    pub(super) async fn pause(&mut self, pause: Duration) -> Result<()> {
        let name = tokio::select! {
            () = clock::pause(pause) => return Ok(()),
            name = self.next() => name,
        };
        Err(Error::cancelled(format!("stopped by {name}")).why("nothing was run yet"))
    }

    /// The next signal, in words.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.terminate.recv() => TERMINATION,
            _ = self.hang_up.recv() => "the end of the terminal",
        }
    }

    /// The next signal of somebody who waits.
    async fn urged(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits for a signal that ends the process, and not only what is going on.
    pub(super) async fn ended(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }

    /// Waits for the end of the run, passing signals on; `asked` tells who sent one from elsewhere.
    pub(super) async fn attend(
        mut self,
        mut ended: Receiver<Ended>,
        (stop, unwinding): (Stop, Stop),
        asked: &dyn Fn() -> Option<Asked>,
    ) -> Attended {
        let mut is_second = false;
        loop {
            let name = tokio::select! {
                ended = &mut ended => return ended.map_or(Attended::Lost, Attended::Ended),
                name = self.next() => name,
            };
            let asked = if name == TERMINATION { asked() } else { None };
            if asked.is_some() {
                // Before whoever is asked at the terminal is let go, which is no answer then.
                stop.give(reason(name, asked.as_ref()));
            }
            if !is_second {
                // Before the stop, which may be what a question is asked for.
                terminal::interrupt();
            }
            stop.give(reason(name, asked.as_ref()));
            // Who cancels a run that was cancelled already hastens nothing, unless by force.
            if asked.as_ref().map_or(is_second, |asked| asked.force) {
                process::end_all();
                unwinding.give(Error::cancelled(match asked {
                    Some(asked) => format!("stopped by `playbook cancel --force` of {}", asked.by),
                    None => format!("stopped by a second signal ({name})"),
                }));
                terminal::interrupt();
                return tokio::select! {
                    ended = &mut ended => ended.map_or(Attended::Lost, Attended::Ended),
                    () = self.urged() => Attended::Abandoned,
                    () = clock::pause(LAST_MOMENT) => Attended::Abandoned,
                };
            }
            is_second = true;
        }
    }
}

/// Why the run stops.
fn reason(name: &str, asked: Option<&Asked>) -> Error {
    match asked {
        Some(asked) => Error::cancelled(format!("stopped by `playbook cancel` of {}", asked.by))
            .detail(FROM_ELSEWHERE, true),
        None => Error::cancelled(format!("stopped by {name}")),
    }
}
