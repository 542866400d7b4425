//! Lines out of a pipe: no prompt, results on standard output, and the first line that fails ends it with its exit code.

use std::io::BufRead as _;

use super::talk::{Next, Talk};
use super::writing::is_whole;
use crate::base::error::{Error, Result};
use crate::base::exit::Exit;

/// Carries out what the pipe says until its end.
pub(super) fn talk(mut talk: Talk) -> Result<Exit> {
    let mut whole = String::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|why| Error::io("standard input cannot be read", &why))?;
        if !whole.is_empty() {
            whole.push('\n');
        }
        whole.push_str(&line);
        if !is_whole(&whole) {
            continue;
        }
        let next = talk.take(&std::mem::take(&mut whole));
        if talk.failed.is_some() || matches!(next, Next::Leave) {
            break;
        }
    }
    if !whole.is_empty() && talk.failed.is_none() {
        talk.take(&whole);
    }
    talk.tell_what_stands();
    talk.end()
}
