//! How a cluster shares out its keys: which slot a key falls into, which node has the slot, and where a node sends one.

use redis::{ServerError, Value};

use super::address::Address;

/// How many slots there are.
const SLOTS: u16 = 16384;

/// Which master has which slots.
#[derive(Debug)]
pub(super) struct Slots {
    ranges: Vec<(u16, u16, Address)>,
}

/// Where a node sends a command that it did not carry out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Redirect {
    /// The slot is there now.
    Moved(Address),
    /// The slot is being moved there, and the key may be there already.
    Ask(Address),
}

impl Slots {
    /// Reads the answer to `CLUSTER SLOTS` of the node at `from`; `None` when it is none.
    pub(super) fn read(answer: &Value, from: &Address) -> Option<Self> {
        let Value::Array(entries) = answer else { return None };
        let read = |entry: &Value| match entry {
            Value::Array(parts) => match parts.as_slice() {
                [Value::Int(first), Value::Int(last), Value::Array(master), ..] => {
                    let [host, Value::Int(port), ..] = master.as_slice() else { return None };
                    let host = match text(host) {
                        // A node that does not know how it is reached is reached as it was.
                        None | Some("" | "?") => from.host.clone(),
                        Some(host) => host.to_owned(),
                    };
                    let address = Address::new(host, u16::try_from(*port).ok()?);
                    Some((u16::try_from(*first).ok()?, u16::try_from(*last).ok()?, address))
                }
                _ => None,
            },
            _ => None,
        };
        let mut ranges = entries.iter().map(read).collect::<Option<Vec<_>>>()?;
        ranges.sort();
        Some(Self { ranges })
    }

    /// The master that has the slot, if any has.
    pub(super) fn owner(&self, slot: u16) -> Option<&Address> {
        self.ranges
            .iter()
            .find(|(first, last, _)| (*first..=*last).contains(&slot))
            .map(|(.., address)| address)
    }

    /// The masters that have slots, each once.
    pub(super) fn masters(&self) -> Vec<Address> {
        let mut masters: Vec<Address> = self.ranges.iter().map(|(.., address)| address.clone()).collect();
        masters.sort();
        masters.dedup();
        masters
    }

    /// How many slots belong to nobody.
    pub(super) fn uncovered(&self) -> u16 {
        let covered: u16 = self.ranges.iter().map(|(first, last, _)| last - first + 1).sum();
        SLOTS.saturating_sub(covered)
    }
}

/// Where a refusal of the node at `from` sends the command, when it does.
pub(super) fn redirect(why: &ServerError, from: &Address) -> Option<Redirect> {
    let place = why.details()?.split_whitespace().nth(1)?;
    // A node that does not know how the other is reached names the port alone.
    let port = place.strip_prefix(':').and_then(|port| port.parse().ok());
    let to = match port {
        Some(port) => Some(Address::new(from.host.clone(), port)),
        None => Address::parse(place, from.port),
    };
    match why.code() {
        "MOVED" => to.map(Redirect::Moved),
        "ASK" => to.map(Redirect::Ask),
        _ => None,
    }
}

/// The slot of a key: of what stands between its first `{` and the next `}`, or of all of it.
pub(super) fn slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = key.get(open + 1..)?;
        let close = rest.iter().position(|byte| *byte == b'}')?;
        rest.get(..close).filter(|tag| !tag.is_empty())
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM, as the cluster specification asks for.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum: u16, byte| {
        (0..8).fold(sum ^ (u16::from(*byte) << 8), |sum, _| match sum & 0x8000 {
            0 => sum << 1,
            _ => (sum << 1) ^ 0x1021,
        })
    })
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use redis::parse_redis_value;

    use super::*;

    #[test]
    fn keys_fall_into_the_slots_that_the_specification_gives() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(slot(b"foo"), 12182);
        assert_eq!(slot(b"user1000"), slot(b"{user1000}.following"));
        assert_eq!(slot(b"foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS);
        assert_eq!(slot(b"foo{{bar}}zap"), crc16(b"{bar") % SLOTS);
        assert_eq!(slot(b"foo{bar}{zap}"), crc16(b"bar") % SLOTS);
    }

    #[test]
    fn a_table_of_slots_is_read_and_tells_who_has_what() {
        let answer = b"*2\r\n*3\r\n:100\r\n:16383\r\n*3\r\n$0\r\n\r\n:7001\r\n$2\r\nid\r\n\
                       *4\r\n:0\r\n:99\r\n*3\r\n$1\r\na\r\n:7000\r\n$2\r\nid\r\n*3\r\n$1\r\nb\r\n:7000\r\n$2\r\nid\r\n";
        let slots = Slots::read(&parse_redis_value(answer).unwrap(), &Address::new("seed", 1)).unwrap();
        assert_eq!(slots.owner(99), Some(&Address::new("a", 7000)));
        assert_eq!(slots.owner(100), Some(&Address::new("seed", 7001)));
        assert_eq!(slots.masters(), [Address::new("a", 7000), Address::new("seed", 7001)]);
        assert_eq!(slots.uncovered(), 0);
        assert!(Slots::read(&Value::Okay, &Address::new("seed", 1)).is_none());
    }

    #[test]
    fn a_redirect_names_the_other_node() {
        let from = Address::new("here", 7000);
        let of = |text: &[u8]| match parse_redis_value(text).unwrap() {
            Value::ServerError(why) => redirect(&why, &from),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            of(b"-MOVED 3999 127.0.0.1:7001\r\n"),
            Some(Redirect::Moved(Address::new("127.0.0.1", 7001)))
        );
        assert_eq!(of(b"-ASK 3999 ::1:7001\r\n"), Some(Redirect::Ask(Address::new("::1", 7001))));
        assert_eq!(of(b"-MOVED 3999 :7001\r\n"), Some(Redirect::Moved(Address::new("here", 7001))));
        assert_eq!(of(b"-ERR MOVED 3999 a:1\r\n"), None);
        assert_eq!(of(b"-MOVED 3999\r\n"), None);
    }
}
