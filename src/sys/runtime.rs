//! The runtime that asynchronous work runs on.

use tokio::runtime::{Builder, Runtime};

use crate::base::error::{Error, Result};

/// For much at a time: what waits for the outside leaves the processors to the script.
const WORKERS: usize = 2;

/// A runtime with threads of its own.
pub fn start() -> Result<Runtime> {
    build(Builder::new_multi_thread().worker_threads(WORKERS))
}

/// A runtime on this thread alone, for one thing at a time.
pub fn on_this_thread() -> Result<Runtime> {
    build(&mut Builder::new_current_thread())
}

fn build(builder: &mut Builder) -> Result<Runtime> {
    builder.enable_all().build().map_err(|why| Error::io("the runtime cannot be started", &why))
}
