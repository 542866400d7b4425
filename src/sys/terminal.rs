//! What the terminal at the other end of standard error is like.

use std::io::{IsTerminal as _, Write as _};

/// Whether standard error is a terminal.
#[must_use]
pub fn is_there() -> bool {
    std::io::stderr().is_terminal()
}

/// Its columns and rows right now; a common size when it does not tell.
#[must_use]
pub fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => (80, 24),
    }
}

/// Writes to standard error at once; that nobody reads it any more does not end a run.
pub fn write(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
