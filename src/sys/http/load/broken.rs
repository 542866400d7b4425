//! What a request of a load died of, from the errors of the bare HTTP library.

use std::error::Error as _;
use std::io::ErrorKind;

/// An error with what caused it, in one line.
pub(super) fn chain(error: &hyper::Error) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        told = format!("{told}: {cause}");
        next = cause.source();
    }
    told
}

/// Whether the other side closed the connection where an answer should have come.
pub(super) fn is_end(error: &hyper::Error) -> bool {
    let io =
        error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    error.is_incomplete_message()
        || error.is_closed()
        || error.is_canceled()
        || matches!(io, Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof))
}
