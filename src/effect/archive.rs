//! An archive: what a program, a service, a folder or a run has written, stored as dumps are.

use std::io::{self, BufRead as _};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncRead;

use super::cx::Cx;
use super::dump::{Counted, Dump, Source, Target, next, until_stopped};
use crate::base::error::{Error, Result};
use crate::sys::blocking;
use crate::sys::pipe::{self, Writer};

/// How long archiving may take unless the call says otherwise.
pub const LONG: Duration = Duration::from_secs(1800);

/// What will be done, in words for a plan.
#[must_use]
pub fn plan(target: &Target, what: &str) -> String {
    format!("archive {what} as `{}` in `{}`, read back before it is published", target.key, target.store)
}

/// What is in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A text, whose lines are counted as it is read back.
    Text,
    /// So many files, packed together.
    Files(u64),
}

/// Archives what `make` writes on a thread that may block. `expected` is its size in bytes as far as it is known; for
/// the progress line only. Nothing is stored when `make` fails.
pub async fn write<F>(cx: &Cx, target: Target, expected: Option<u64>, make: F) -> Result<Value>
where
    F: FnOnce(&mut Writer) -> Result<Content> + Send + 'static,
{
    let mut dump = Dump::begin(cx, target, Source { expected, ..Source::default() }).await?;
    let (to, mut from) = pipe::pipe();
    let made = blocking::begin(move || {
        let mut to = to.blocking();
        Ok(match make(&mut to) {
            Ok(content) => to.end().map(|()| content).map_err(|why| (unwritable(&why), None)),
            // Until the reason is heard the stream must not break off: that would be heard first.
            Err(why) => Err((why, Some(to))),
        })
    });
    let mut content = None;
    let ended = async {
        content = Some(made.await?.map_err(|(why, _)| why)?);
        Ok(())
    };
    let copied = until_stopped(cx, copy(&mut dump, &mut from, ended)).await;
    // From here on nobody reads: a thread that still writes ends.
    drop(from);
    let counted = copied.map(|lines| match content {
        Some(Content::Files(files)) => Counted { files: Some(files), ..Counted::default() },
        _ => lines,
    });
    publish(dump, counted).await
}

/// Takes in what an archive is made of, and counts its lines as they are read back.
pub async fn copy<R: AsyncRead + Send + Unpin>(
    dump: &mut Dump,
    from: &mut R,
    ended: impl Future<Output = Result<()>>,
) -> Result<Counted> {
    let lines = dump.copy(from, ended, |stored| Box::pin(lines(stored))).await?;
    Ok(Counted { lines: Some(lines), ..Counted::default() })
}

/// Publishes an archive when all of its content was copied, and gives its receipt; else gives it up.
pub async fn publish(dump: Dump, copied: Result<Counted>) -> Result<Value> {
    match copied {
        Ok(counted) => dump.publish(counted).await.map(|receipt| receipt.into_value()),
        Err(why) => Err(dump.give_up(why).await),
    }
}

/// The error for an archive that could not be passed on.
#[must_use]
pub fn unwritable(why: &io::Error) -> Error {
    Error::io("an archive cannot be written", why)
}

/// How many lines a text has; one without an end counts too.
async fn lines(text: &mut (dyn AsyncRead + Send + Unpin)) -> Result<u64> {
    let (mut lines, mut is_open) = (0, false);
    while let Some(chunk) = next(text, "what was stored cannot be read back").await? {
        let mut rest: &[u8] = &chunk;
        // Finds the line's end with the C library's search, which is fast in debug builds too.
        while rest.skip_until(b'\n').is_ok_and(|taken| taken > 0) {
            lines += u64::from(!std::mem::take(&mut is_open));
        }
        is_open = !chunk.ends_with(b"\n");
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::pipe::CHUNK;

    #[tokio::test]
    async fn lines_are_counted_across_chunks() {
        for (text, count) in [("", 0), ("\n", 1), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)] {
            assert_eq!(lines(&mut text.as_bytes()).await.unwrap(), count, "{text:?}");
        }
        for length in [CHUNK - 1, CHUNK, CHUNK + 1] {
            let text = "x".repeat(length) + "\n" + &"y\n".repeat(CHUNK);
            assert_eq!(lines(&mut text.as_bytes()).await.unwrap(), CHUNK as u64 + 1);
        }
    }
}
