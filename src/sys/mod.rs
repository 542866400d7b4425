//! The only code that touches the outside. It decides nothing: what may be done was decided before it is called.
#![expect(clippy::disallowed_methods, reason = "this floor is the wall that the other floors may not pass")]

pub mod again;
pub mod blocking;
pub mod clock;
pub mod copying;
pub mod environment;
pub mod exchange;
pub mod files;
pub mod folder;
pub mod http;
#[cfg(feature = "serve")]
pub mod listen;
pub mod lock;
pub mod mortal;
pub mod net;
pub mod pipe;
pub mod process;
pub mod runtime;
pub mod scratch;
pub mod search;
pub mod signals;
#[cfg(feature = "ssh")]
pub mod ssh;
pub mod stop;
pub mod tail;
pub mod terminal;
#[cfg(any(feature = "postgres", feature = "probes"))]
pub mod tls;
pub mod trust;
#[cfg(feature = "watch")]
pub mod watching;
