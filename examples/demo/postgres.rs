//! As much of PostgreSQL's protocol as the demo needs: simple queries over the server's socket, where it trusts whoever comes.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// Where a database is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Address {
    /// The server's socket: a file.
    pub(crate) socket: PathBuf,
    /// The database's name; the role is `app`.
    pub(crate) name: String,
}

/// A row: each value as text, `None` for NULL.
pub(crate) type Row = Vec<Option<String>>;

impl Address {
    /// Runs one SQL text on a connection of its own, and gives the rows of all its statements; an error is the server's own words.
    pub(crate) fn ask(&self, sql: &str) -> Result<Vec<Row>, String> {
        let told = |why: std::io::Error| format!("the database does not answer: {why}");
        let mut stream = UnixStream::connect(&self.socket).map_err(told)?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).map_err(told)?;
        let facts = format!("user\0app\0database\0{}\0application_name\0demo\0\0", self.name);
        let mut start = 196_608_u32.to_be_bytes().to_vec();
        start.extend(facts.as_bytes());
        send(&mut stream, None, &start).map_err(told)?;
        read(&mut stream)?;
        send(&mut stream, Some(b'Q'), format!("{sql}\0").as_bytes()).map_err(told)?;
        let rows = read(&mut stream)?;
        let _ = send(&mut stream, Some(b'X'), &[]);
        Ok(rows)
    }

    /// The first value of the first row as a number.
    pub(crate) fn number(&self, sql: &str) -> Result<f64, String> {
        let rows = self.ask(sql)?;
        let value = rows.first().and_then(|row| row.first()).and_then(|value| value.as_deref());
        Ok(value.and_then(|value| value.parse().ok()).unwrap_or(0.0))
    }
}

fn send(stream: &mut UnixStream, kind: Option<u8>, body: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    let mut message: Vec<u8> = kind.into_iter().collect();
    message.extend(length.to_be_bytes());
    message.extend(body);
    stream.write_all(&message)
}

/// Reads until the server is ready for a query.
fn read(stream: &mut UnixStream) -> Result<Vec<Row>, String> {
    let told = |why: std::io::Error| format!("the database breaks off: {why}");
    let (mut rows, mut wrong) = (Vec::new(), None);
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head).map_err(told)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut body = vec![0; length.saturating_sub(4)];
        stream.read_exact(&mut body).map_err(told)?;
        match head[0] {
            b'D' => rows.push(row(&body)),
            b'E' => {
                wrong = wrong.or_else(|| Some(said(&body)));
                if body.starts_with(b"SFATAL") {
                    return Err(wrong.unwrap_or_default());
                }
            }
            b'Z' => return wrong.map_or(Ok(rows), Err),
            _ => {}
        }
    }
}

/// The message in an error of the server.
fn said(body: &[u8]) -> String {
    let fields = body.split(|byte| *byte == 0);
    let message = fields.filter_map(|field| field.strip_prefix(b"M")).next();
    String::from_utf8_lossy(message.unwrap_or(b"an error")).into_owned()
}

fn row(body: &[u8]) -> Row {
    let mut values = Vec::new();
    let mut rest = body.get(2..).unwrap_or_default();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(i32::from_be_bytes(*length)).ok();
        let (value, after) = after.split_at(length.unwrap_or(0).min(after.len()));
        values.push(length.map(|_| String::from_utf8_lossy(value).into_owned()));
        rest = after;
    }
    values
}
