//! Counts how often somebody wanted this process to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use crate::base::error::{Error, Result};

/// Ctrl-C, a termination signal, the end of the terminal: from when this exists they no longer end the process.
#[derive(Clone, Debug)]
pub struct Pressed {
    count: Arc<AtomicUsize>,
}

impl Pressed {
    /// Takes the signals over.
    pub fn listen() -> Result<Self> {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let failed = |why| Error::io("signals cannot be taken over", &why);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (mut interrupt, mut terminate, mut hang_up) = runtime.block_on(async {
            let take = |kind| signal(kind).map_err(failed);
            Ok::<_, Error>((
                take(SignalKind::interrupt())?,
                take(SignalKind::terminate())?,
                take(SignalKind::hangup())?,
            ))
        })?;
        let listen = move || {
            runtime.block_on(async {
                loop {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                        _ = hang_up.recv() => {}
                    }
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            });
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(listen).map_err(failed)?;
        Ok(Self { count })
    }

    /// How often so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}
