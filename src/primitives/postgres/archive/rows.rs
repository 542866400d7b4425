//! The rows of each table in an archive of `pg_dump`, counted as its bytes pass: uncompressed, they are lines.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, BufRead, ErrorKind, Read as _};

/// The rows of each table, by schema and name.
pub(in super::super) type Rows = BTreeMap<(String, String), u64>;

/// What an archive begins with.
const MAGIC: &[u8] = b"PGDMP";
/// The number of the custom format, which is the one that can be streamed.
const CUSTOM: u8 = 1;
/// The formats whose table of contents is understood: PostgreSQL 9.4 to 18.
const KNOWN: std::ops::RangeInclusive<u8> = 12..=16;
/// What `COPY` ends the rows of a table with.
const END: &[u8] = b"\\.\n\n\n";
/// A block of rows.
const DATA: u8 = 1;
/// A block of large objects.
const OBJECTS: u8 = 3;

/// Reads an archive to its end. `None` for one that does not show its rows: of a format that is not known, or
/// compressed by `pg_dump` itself. An error for one that lacks what its own table of contents promises.
pub(in super::super) fn count(from: impl BufRead) -> io::Result<Option<Rows>> {
    let mut archive = Archive { from, integer: 4, offset: 8, version: 0 };
    let contents = match archive.head() {
        Ok(Some(contents)) => contents,
        // It is for `pg_restore` to judge of a head that is not understood.
        Ok(None) => return Ok(None),
        Err(why) if matches!(why.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) => {
            return Ok(None);
        }
        Err(why) => return Err(why),
    };
    archive.blocks(contents)
}

/// What the table of contents promises.
#[derive(Default)]
struct Promised {
    /// The tables by the number of their block.
    tables: HashMap<i64, (String, String)>,
    /// The numbers of all blocks that have to come.
    blocks: BTreeSet<i64>,
}

struct Archive<R> {
    from: R,
    /// How many bytes an integer has, besides its sign.
    integer: usize,
    /// How many bytes a place in the file has.
    offset: usize,
    /// The minor version of the format.
    version: u8,
}

impl<R: BufRead> Archive<R> {
    fn head(&mut self) -> io::Result<Option<Promised>> {
        let mut magic = [0; 5];
        self.from.read_exact(&mut magic)?;
        let [major, version, _revision] = [self.byte()?, self.byte()?, self.byte()?];
        if magic != MAGIC || major != 1 || !KNOWN.contains(&version) {
            return Ok(None);
        }
        (self.version, self.integer, self.offset) = (version, self.byte()?.into(), self.byte()?.into());
        let format = self.byte()?;
        let compressed = if version >= 15 { i64::from(self.byte()?) } else { self.integer()? };
        if format != CUSTOM || compressed != 0 || self.integer > 8 || self.offset > 16 {
            return Ok(None);
        }
        // When it was made.
        for _ in 0..7 {
            self.integer()?;
        }
        // The database, and the versions of the server and of `pg_dump`.
        self.skip_texts(3)?;
        let mut promised = Promised::default();
        for _ in 0..self.integer()? {
            self.entry(&mut promised)?;
        }
        Ok(Some(promised))
    }

    /// One entry of the table of contents.
    fn entry(&mut self, promised: &mut Promised) -> io::Result<()> {
        let number = self.integer()?;
        let has_block = self.integer()? != 0;
        // Where it stands in the catalogue.
        self.skip_texts(2)?;
        let (name, kind) = (self.text()?, self.text()?);
        let _section = self.integer()?;
        // What makes it, drops it, copies it.
        self.skip_texts(3)?;
        let schema = self.text()?;
        // Its tablespace, and how it is stored.
        self.skip_texts(if self.version >= 14 { 2 } else { 1 })?;
        if self.version >= 16 {
            self.integer()?;
        }
        // Its owner, and a word on identifiers of rows that is always no.
        self.skip_texts(2)?;
        // What it depends on; an absent text is the end.
        while self.text()?.is_some() {}
        self.skip(1 + self.offset as u64)?;
        if has_block {
            promised.blocks.insert(number);
        }
        if let (true, Some("TABLE DATA"), Some(schema), Some(name)) =
            (has_block, kind.as_deref(), schema, name)
        {
            promised.tables.insert(number, (schema, name));
        }
        Ok(())
    }

    fn blocks(&mut self, mut promised: Promised) -> io::Result<Option<Rows>> {
        let mut rows = Rows::new();
        while !self.from.fill_buf()?.is_empty() {
            let (kind, number) = (self.byte()?, self.integer()?);
            if !promised.blocks.remove(&number) {
                return Err(damaged("it holds a block that its table of contents does not name"));
            }
            match kind {
                DATA => match (self.lines()?, promised.tables.remove(&number)) {
                    (Some(lines), Some(table)) => *rows.entry(table).or_default() += lines,
                    (None, Some(_)) => return Ok(None),
                    (_, None) => {}
                },
                OBJECTS => {
                    while self.integer()? != 0 {
                        self.lines()?;
                    }
                }
                _ => return Err(damaged("it holds a block of an unknown kind")),
            }
        }
        if promised.blocks.is_empty() {
            return Ok(Some(rows));
        }
        Err(damaged("it ends before all that its table of contents names"))
    }

    /// The lines of one block, without those that end it; `None` when it does not end as `COPY` does.
    fn lines(&mut self) -> io::Result<Option<u64>> {
        let (mut lines, mut last) = (0, Vec::new());
        loop {
            // Each row is a piece of its own, and nearly all of them lie whole in the buffer.
            let filled = self.from.fill_buf()?;
            let taken = whole_pieces(filled, self.integer, &mut lines, &mut last);
            self.from.consume(taken);
            let mut left = usize::try_from(self.integer()?).map_err(|_| damaged("a length is negative"))?;
            if left == 0 {
                break;
            }
            while left > 0 {
                let filled = self.from.fill_buf()?;
                let piece = &filled[..filled.len().min(left)];
                if piece.is_empty() {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
                count_lines(piece, &mut lines, &mut last);
                let taken = piece.len();
                self.from.consume(taken);
                left -= taken;
            }
        }
        Ok((last == END).then(|| lines - 3))
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.from.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// A sign, then the bytes of the number, the lowest first.
    fn integer(&mut self) -> io::Result<i64> {
        let negative = self.byte()? != 0;
        let mut bytes = [0; 8];
        self.from.read_exact(&mut bytes[..self.integer])?;
        let number = i64::from_le_bytes(bytes);
        Ok(if negative { number.wrapping_neg() } else { number })
    }

    /// A text, or none.
    fn text(&mut self) -> io::Result<Option<String>> {
        let Ok(length) = u64::try_from(self.integer()?) else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = (&mut self.from).take(length).read_to_end(&mut bytes)?;
        if (read as u64) < length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn skip_texts(&mut self, count: usize) -> io::Result<()> {
        for _ in 0..count {
            let length = self.integer()?;
            self.skip(u64::try_from(length).unwrap_or(0))?;
        }
        Ok(())
    }

    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut self.from).take(bytes), &mut io::sink())?;
        if skipped < bytes { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// Counts the pieces that lie whole in `bytes`, up to the one that does not or that ends the block; gives their length.
fn whole_pieces(bytes: &[u8], integer: usize, lines: &mut u64, last: &mut Vec<u8>) -> usize {
    let mut taken = 0;
    while let Some((head, rest)) = bytes[taken..].split_at_checked(1 + integer) {
        let mut number = [0; 8];
        number[..integer].copy_from_slice(&head[1..]);
        let length = usize::try_from(u64::from_le_bytes(number)).unwrap_or(usize::MAX);
        match rest.get(..length) {
            Some(piece) if head[0] == 0 && length > 0 => count_lines(piece, lines, last),
            _ => break,
        }
        taken += head.len() + length;
    }
    taken
}

/// Counts the lines of a piece, and keeps the last bytes of the block so far.
fn count_lines(piece: &[u8], lines: &mut u64, last: &mut Vec<u8>) {
    *lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
    if let Some(end) = piece.last_chunk::<{ END.len() }>() {
        last.clear();
        last.extend_from_slice(end);
        return;
    }
    last.extend_from_slice(piece);
    last.drain(..last.len().saturating_sub(END.len()));
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("the archive is damaged: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(number: i32) -> Vec<u8> {
        [&[u8::from(number < 0)][..], &number.unsigned_abs().to_le_bytes()].concat()
    }

    fn text(text: &str) -> Vec<u8> {
        [integer(i32::try_from(text.len()).unwrap()), text.as_bytes().to_vec()].concat()
    }

    fn entry(version: u8, number: i32, kind: &str, name: &str) -> Vec<u8> {
        let mut entry = [integer(number), integer(1), text("0"), text("1"), text(name), text(kind)].concat();
        entry.extend([integer(3), integer(-1), text(""), text("COPY"), text("public"), text("")].concat());
        if version >= 14 {
            entry.extend(text("heap"));
        }
        if version >= 16 {
            entry.extend(integer(114));
        }
        [entry, text("app"), text("false"), text("12"), integer(-1), vec![0; 9]].concat()
    }

    /// An archive of two tables and a block of large objects, as each version writes it.
    fn archive(version: u8, blocks: &[Vec<u8>]) -> Vec<u8> {
        let mut all = [MAGIC, &[1, version, 0, 4, 8, CUSTOM]].concat();
        all.extend(if version >= 15 { vec![0] } else { integer(0) });
        all.extend((0..7).flat_map(|_| integer(1)).collect::<Vec<_>>());
        all.extend([text("shop"), text("15.1"), text("15.2"), integer(3)].concat());
        for (number, kind, name) in
            [(7, "TABLE DATA", "one"), (8, "TABLE DATA", "none"), (9, "BLOBS", "BLOBS")]
        {
            all.extend(entry(version, number, kind, name));
        }
        all.extend(blocks.concat());
        all
    }

    fn rows(number: i32, chunks: &[&str]) -> Vec<u8> {
        let chunks = chunks.iter().flat_map(|chunk| text(chunk));
        [vec![DATA], integer(number), chunks.collect(), integer(0)].concat()
    }

    fn objects() -> Vec<u8> {
        [vec![OBJECTS], integer(9), integer(4711), text("a\nb\n"), text("c"), integer(0), integer(0)].concat()
    }

    #[test]
    fn lines_are_counted_whatever_the_version_and_however_they_are_cut() {
        for version in KNOWN {
            let blocks = [
                rows(7, &["1\ta\n2\t", "\\\\.\n", "\n\\.", "\n", "\n\n"]),
                rows(8, &["\\.\n\n\n"]),
                objects(),
            ];
            let archive = archive(version, &blocks);
            for buffer in 1..archive.len() + 1 {
                let counted = count(io::BufReader::with_capacity(buffer, &archive[..])).unwrap().unwrap();
                let counted: Vec<(&str, u64)> =
                    counted.iter().map(|((_, name), rows)| (&name[..], *rows)).collect();
                assert_eq!(counted, [("none", 0), ("one", 3)], "{version} {buffer}");
            }
        }
    }

    #[test]
    fn an_archive_that_lacks_something_is_damaged() {
        let blocks = [rows(7, &["1\n\\.\n\n\n"]), rows(8, &["\\.\n\n\n"]), objects()];
        assert!(count(&archive(14, &blocks[..2])[..]).unwrap_err().to_string().contains("ends before all"));
        let whole = archive(14, &blocks);
        for cut in [1, 5, 20, 40] {
            assert!(count(&whole[..whole.len() - cut]).is_err(), "{cut}");
        }
        let strange = [blocks[0].clone(), rows(5, &["\\.\n\n\n"])];
        assert!(count(&archive(14, &strange)[..]).unwrap_err().to_string().contains("does not name"));
    }

    #[test]
    fn what_is_not_understood_is_not_counted() {
        for other in [&b""[..], b"PGDMP", b"this is no archive", &archive(17, &[]), &archive(11, &[])] {
            assert_eq!(count(other).unwrap(), None);
        }
        let no_copy = [rows(7, &["INSERT INTO one VALUES (1);\n"]), rows(8, &["\\.\n\n\n"]), objects()];
        assert_eq!(count(&archive(14, &no_copy)[..]).unwrap(), None);
    }
}
