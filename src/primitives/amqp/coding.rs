//! The values of AMQP 0-9-1 as bytes: short and long texts, numbers, tables.

use std::collections::BTreeMap;

use bytes::{Buf as _, BufMut as _};

/// Bytes that are read from their front; whatever is missing is `None`.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        self.0.try_get_u8().ok()
    }

    pub(super) fn short(&mut self) -> Option<u16> {
        self.0.try_get_u16().ok()
    }

    pub(super) fn long(&mut self) -> Option<u32> {
        self.0.try_get_u32().ok()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    /// A text of at most 255 bytes.
    pub(super) fn short_text(&mut self) -> Option<String> {
        let count = usize::from(self.byte()?);
        self.take(count).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    fn long_bytes(&mut self) -> Option<&'a [u8]> {
        let count = usize::try_from(self.long()?).ok()?;
        self.take(count)
    }

    /// The texts of a table; whatever is no text is left out.
    pub(super) fn table(&mut self) -> Option<BTreeMap<String, String>> {
        let mut inner = Reader(self.long_bytes()?);
        let mut texts = BTreeMap::new();
        while !inner.0.is_empty() {
            let name = inner.short_text()?;
            match inner.byte()? {
                b'S' => {
                    let text = String::from_utf8_lossy(inner.long_bytes()?).into_owned();
                    texts.insert(name, text);
                }
                kind => inner.skip(kind)?,
            }
        }
        Some(texts)
    }

    fn skip(&mut self, kind: u8) -> Option<()> {
        let count = match kind {
            b't' | b'b' | b'B' => 1,
            b'U' | b'u' | b's' => 2,
            b'I' | b'i' | b'f' => 4,
            b'L' | b'l' | b'd' | b'T' => 8,
            b'D' => 5,
            b'V' => 0,
            b'F' | b'A' | b'x' => return self.long_bytes().map(drop),
            _ => return None,
        };
        self.take(count).map(drop)
    }
}

/// A method with its arguments.
pub(super) struct Method(pub(super) Vec<u8>);

impl Method {
    pub(super) fn new(class: u16, method: u16) -> Self {
        let mut bytes = Vec::with_capacity(64);
        bytes.put_u16(class);
        bytes.put_u16(method);
        Self(bytes)
    }

    pub(super) fn byte(mut self, value: u8) -> Self {
        self.0.put_u8(value);
        self
    }

    pub(super) fn short(mut self, value: u16) -> Self {
        self.0.put_u16(value);
        self
    }

    pub(super) fn long(mut self, value: u32) -> Self {
        self.0.put_u32(value);
        self
    }

    /// A text; what is longer than 255 bytes is cut.
    pub(super) fn short_text(mut self, text: &str) -> Self {
        let bytes = &text.as_bytes()[..text.len().min(255)];
        self.0.put_u8(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
        self.0.put_slice(bytes);
        self
    }

    pub(super) fn long_bytes(mut self, bytes: &[u8]) -> Self {
        self.0.put_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.0.put_slice(bytes);
        self
    }
}

/// What a client says of itself: its name, and that it understands why it was not let in.
pub(super) fn introduction() -> Vec<u8> {
    let mut capabilities = Vec::new();
    entry(&mut capabilities, "authentication_failure_close", b't', &[1]);
    let mut table = Vec::new();
    let long = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes()[..], bytes].concat();
    entry(&mut table, "product", b'S', &long(b"playbook"));
    entry(&mut table, "capabilities", b'F', &long(&capabilities));
    table
}

fn entry(table: &mut Vec<u8>, name: &str, kind: u8, value: &[u8]) {
    table.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
    table.put_slice(name.as_bytes());
    table.put_u8(kind);
    table.put_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_written_and_read_and_what_is_cut_off_is_no_table() {
        let bytes = Method::new(10, 11).long_bytes(&introduction()).0;
        let table = Reader(&bytes[4..]).table().unwrap();
        assert_eq!(table.get("product").map(String::as_str), Some("playbook"));
        assert_eq!(table.len(), 1);
        for cut in 4..bytes.len() - 1 {
            assert!(Reader(&bytes[4..cut]).table().is_none(), "{cut}");
        }
    }
}
