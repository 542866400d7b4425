//! What a child says: line by line as it comes, and the end of it kept; both bounded.

use std::io::{BufRead as _, Read};
use std::os::fd::AsFd;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// A line longer than this is cut and the rest of it left out; in bytes.
pub const LONGEST_LINE: usize = 64 * 1024;

/// How much is read at once; in bytes. It may be thousands of lines, and nothing else is heard until all are told.
const CHUNK: usize = 16 * 1024;

/// One line as it came; what is no UTF-8 is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// `true` for standard error.
    pub error: bool,
    /// The line without its end.
    pub text: &'a str,
    /// The line was longer than [`LONGEST_LINE`]: this is its beginning.
    pub cut: bool,
}

/// Who is told of each line.
pub type Listen<'a> = &'a (dyn Fn(Line<'_>) + Send + Sync);

/// What was kept of an output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The text; what is no UTF-8 is replaced. It begins at the beginning of a line unless it is `torn`.
    pub text: String,
    /// How many bytes before it were left out.
    pub left_out: u64,
    /// It begins within a line.
    pub torn: bool,
}

/// Keeps an output whole up to a size, and beyond that only its end.
#[derive(Debug)]
struct Keep {
    bytes: Vec<u8>,
    whole: usize,
    last: usize,
    left_out: u64,
}

impl Keep {
    fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
        if self.bytes.len() > self.whole {
            self.forget(self.bytes.len() - self.last);
        }
    }

    fn forget(&mut self, bytes: usize) {
        self.bytes.drain(..bytes);
        self.left_out += bytes as u64;
    }

    fn finish(mut self) -> Captured {
        let mut torn = false;
        if self.left_out > 0 {
            self.forget(self.bytes.len().saturating_sub(self.last));
            match self.bytes.iter().position(|byte| *byte == b'\n') {
                Some(end) => self.forget(end + 1),
                None => torn = true,
            }
        }
        Captured { text: String::from_utf8_lossy(&self.bytes).into_owned(), left_out: self.left_out, torn }
    }
}

/// Cuts a stream into lines, none longer than [`LONGEST_LINE`].
#[derive(Debug, Default)]
struct Splitter {
    line: Vec<u8>,
    skipping: bool,
}

impl Splitter {
    fn feed(&mut self, mut chunk: &[u8], tell: &mut dyn FnMut(&str, bool)) {
        while !chunk.is_empty() {
            let all = chunk;
            // Finds the line's end with the C library's search, which is fast in debug builds too.
            let taken = chunk.skip_until(b'\n').unwrap_or(all.len());
            let ended = all[taken - 1] == b'\n';
            self.take(&all[..taken - usize::from(ended)], tell);
            if ended {
                self.end_line(tell);
            }
        }
    }

    fn take(&mut self, piece: &[u8], tell: &mut dyn FnMut(&str, bool)) {
        if self.skipping {
            return;
        }
        let room = LONGEST_LINE - self.line.len();
        self.line.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            tell(&String::from_utf8_lossy(&self.line), true);
            self.line.clear();
            self.skipping = true;
        }
    }

    fn end_line(&mut self, tell: &mut dyn FnMut(&str, bool)) {
        if !std::mem::take(&mut self.skipping) {
            let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
            tell(&String::from_utf8_lossy(line), false);
            self.line.clear();
        }
    }

    /// What stands after the last line end is a line too.
    fn finish(&mut self, tell: &mut dyn FnMut(&str, bool)) {
        if !self.line.is_empty() {
            self.end_line(tell);
        }
    }
}

/// One of the two outputs of a child.
pub(in crate::sys) struct Output<'a> {
    error: bool,
    listen: Listen<'a>,
    keep: Keep,
    splitter: Splitter,
}

impl<'a> Output<'a> {
    /// Keeps the whole output up to `whole` bytes, and beyond that its last `last` bytes.
    pub(in crate::sys) fn new(error: bool, listen: Listen<'a>, whole: usize, last: usize) -> Self {
        let keep = Keep { bytes: Vec::new(), whole, last, left_out: 0 };
        Self { error, listen, keep, splitter: Splitter::default() }
    }

    /// Reads to the end. It may be dropped at any time; what came so far is kept.
    pub(super) async fn read(&mut self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else { return };
        let mut buffer = vec![0; CHUNK];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            self.hear(&buffer[..count]);
            // A child that never pauses must not keep a deadline or a stop from being heard.
            tokio::task::yield_now().await;
        }
    }

    /// Reads what an ended child has left in its pipe; whether that was all, because nobody else holds the other end.
    pub(super) fn read_ready(&mut self, from: &mut Option<impl Read + AsFd>) -> bool {
        let Some(from) = from else { return true };
        if rustix::io::ioctl_fionbio(&*from, true).is_err() {
            return false;
        }
        let mut buffer = [0; CHUNK];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return true,
                Ok(count) => self.hear(&buffer[..count]),
                Err(_) => return false,
            }
        }
    }

    /// Takes what came.
    pub(in crate::sys) fn hear(&mut self, chunk: &[u8]) {
        self.keep.push(chunk);
        let (error, listen) = (self.error, self.listen);
        self.splitter.feed(chunk, &mut |text, cut| listen(Line { error, text, cut }));
    }

    /// Tells what is left of the last line, and gives what was kept.
    pub(in crate::sys) fn finish(mut self) -> Captured {
        let (error, listen) = (self.error, self.listen);
        self.splitter.finish(&mut |text, cut| listen(Line { error, text, cut }));
        self.keep.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<(String, bool)> {
        let mut seen = Vec::new();
        let mut splitter = Splitter::default();
        for chunk in chunks {
            splitter.feed(chunk, &mut |text, cut| seen.push((text.to_owned(), cut)));
        }
        splitter.finish(&mut |text, cut| seen.push((text.to_owned(), cut)));
        seen
    }

    fn kept(whole: usize, last: usize, chunks: &[&[u8]]) -> Captured {
        let mut keep = Keep { bytes: Vec::new(), whole, last, left_out: 0 };
        chunks.iter().for_each(|chunk| keep.push(chunk));
        keep.finish()
    }

    #[test]
    fn lines_come_whole_across_chunks() {
        let seen = lines(&[b"on", b"e\r\n\ntw", b"o\n", b"three"]);
        assert_eq!(
            seen.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(),
            ["one", "", "two", "three"]
        );
    }

    #[test]
    fn an_endless_line_is_cut_and_the_next_one_is_whole() {
        let chunk = vec![b'x'; LONGEST_LINE - 1];
        let seen = lines(&[&chunk, &chunk, &chunk, b"\nnext\n"]);
        assert_eq!((seen.len(), seen[0].0.len(), seen[0].1), (2, LONGEST_LINE, true));
        assert_eq!(seen[1], ("next".to_owned(), false));
        assert_eq!(lines(&[&chunk, b"y\n"]), [(format!("{}y", "x".repeat(LONGEST_LINE - 1)), false)]);
    }

    #[test]
    fn what_is_no_text_is_shown_as_such() {
        assert_eq!(lines(&[b"a\xffb\n"]), [("a\u{fffd}b".to_owned(), false)]);
    }

    #[test]
    fn an_output_is_kept_whole_or_only_its_end_from_a_line_on() {
        assert_eq!(
            kept(10, 4, &[b"12345", b"67890"]),
            Captured { text: "1234567890".into(), ..Captured::default() }
        );
        assert_eq!(
            kept(10, 6, &[b"123456789", b"0\nab\n"]),
            Captured { text: "ab\n".into(), left_out: 11, torn: false }
        );
        assert_eq!(
            kept(10, 4, &[b"123456789", b"0abc", b"d"]),
            Captured { text: "abcd".into(), left_out: 10, torn: true }
        );
    }
}
