//! The format that `tar` reads: each file behind a header of its own, with another header before it for what the old one
//! has no room for.

use std::io::{self, Read, Write};

use crate::sys::files::copy_exactly;

/// The format counts in blocks of so many bytes.
const BLOCK: u64 = 512;
/// The longest name that the old header has room for, in bytes.
const LONGEST_NAME: usize = 100;
/// Numbers from here on do not fit into the eleven octal digits of the old header.
const TOO_LARGE: u64 = 1 << 33;
/// The kinds of what follows a header: a file, and more on the next file.
const FILE: u8 = b'0';
const MORE: u8 = b'x';

/// A file in an archive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    /// Its name, with `/` between its parts.
    pub(super) name: &'a str,
    /// Its size in bytes.
    pub(super) bytes: u64,
    /// When it was last written, in seconds since 1970.
    pub(super) modified: u64,
}

/// Appends a file, of which exactly as many bytes are read as its size was said to be.
pub(super) fn append(to: &mut dyn Write, member: Member<'_>, from: impl Read) -> io::Result<()> {
    let more = more(member);
    if !more.is_empty() {
        let about = Member { name: "more", bytes: more.len() as u64, ..member };
        to.write_all(&header(about, MORE))?;
        to.write_all(more.as_bytes())?;
        pad(to, about.bytes)?;
    }
    to.write_all(&header(member, FILE))?;
    copy_exactly(from, member.bytes, to)?;
    pad(to, member.bytes)
}

/// Says that this was all.
pub(super) fn end(to: &mut dyn Write) -> io::Result<()> {
    to.write_all(&[0; 2 * BLOCK as usize])
}

fn pad(to: &mut dyn Write, bytes: u64) -> io::Result<()> {
    let short = bytes.next_multiple_of(BLOCK) - bytes;
    io::copy(&mut io::repeat(0).take(short), to).map(drop)
}

/// What the old header has no room for: records that begin with their own length.
fn more(member: Member<'_>) -> String {
    let mut more = String::new();
    if member.name.len() > LONGEST_NAME || !member.name.is_ascii() {
        more += &record("path", member.name);
    }
    if member.bytes >= TOO_LARGE {
        more += &record("size", &member.bytes.to_string());
    }
    more
}

fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    // The length counts its own digits too.
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}

/// The old header, as POSIX has it since 1988.
fn header(member: Member<'_>, kind: u8) -> [u8; BLOCK as usize] {
    let mut block = [0; BLOCK as usize];
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    let octal = |number: u64| format!("{number:011o}");
    let short: String = member.name.chars().filter(char::is_ascii).take(LONGEST_NAME).collect();
    put(0, short.as_bytes());
    put(100, b"0000600\x000000000\x000000000");
    put(124, octal(if member.bytes < TOO_LARGE { member.bytes } else { 0 }).as_bytes());
    put(136, octal(member.modified.min(TOO_LARGE - 1)).as_bytes());
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_length() {
        assert_eq!(record("path", "abc"), "12 path=abc\n");
        for record in (0..1200).map(|length| record("path", &"x".repeat(length))) {
            assert_eq!(record.split_once(' ').unwrap().0, record.len().to_string());
        }
    }

    #[test]
    fn a_size_beyond_the_old_header_goes_into_the_new_one() {
        let member = Member { name: "a", bytes: TOO_LARGE, modified: 0 };
        assert_eq!(more(member), "19 size=8589934592\n");
        assert_eq!(&header(member, FILE)[124..135], b"00000000000");
    }

    #[test]
    fn a_file_that_shrinks_breaks_the_archive_off() {
        let mut to = Vec::new();
        let member = Member { name: "a", bytes: 3, modified: 0 };
        append(&mut to, member, &b"abcd"[..]).unwrap();
        assert_eq!((to.len(), &to[512..516]), (1024, &b"abc\0"[..]));
        assert!(append(&mut to, member, &b"ab"[..]).is_err());
    }
}
