//! The only code that touches the outside. It decides nothing: what may be done was decided before it is called.
#![expect(clippy::disallowed_methods, reason = "this floor is the wall that the other floors may not pass")]

pub mod blocking;
pub mod clock;
pub mod environment;
pub mod exchange;
pub mod files;
pub mod folder;
pub mod http;
#[cfg(feature = "serve")]
pub mod listen;
pub mod lock;
#[cfg(debug_assertions)]
pub mod mortal;
pub mod net;
pub mod pipe;
pub mod process;
pub mod scratch;
pub mod search;
#[cfg(feature = "ssh")]
pub mod ssh;
pub mod stop;
pub mod tail;
pub mod terminal;
#[cfg(any(feature = "postgres", feature = "probes"))]
pub mod tls;
pub mod trust;
