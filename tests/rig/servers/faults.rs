//! A proxy before an HTTP server that spoils chosen requests, and remembers all of them.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What happens to a request.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It is answered with this status, and never reaches the server.
    Status(u16),
    /// The connection is cut before the request has reached the server.
    CutBefore,
    /// The server gets it, and the connection is cut before the answer has come back.
    CutAnswer,
    /// The connection is cut in the middle of the answer's body.
    CutBody,
    /// The server gets it, and its answer never comes.
    Silence,
    /// The server gets it, and its answer tells a checksum of something else.
    WrongChecksum,
}

/// A rule: requests whose first line contains these words, so many times.
struct Rule {
    words: Vec<String>,
    left: usize,
    fault: Fault,
}

#[derive(Default)]
struct Shared {
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<String>>,
}

/// A running proxy; it ends with the test process.
pub struct Faults {
    /// Its port on 127.0.0.1.
    pub port: u16,
    shared: Arc<Shared>,
}

impl Faults {
    /// A proxy before the server at `upstream` of 127.0.0.1.
    pub fn before(upstream: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || drop(serve(client, upstream, &shared)));
            }
        });
        Self { port, shared }
    }

    /// Spoils the next `times` requests whose first line contains each of `words`.
    pub fn spoil(&self, words: &[&str], times: usize, fault: Fault) {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        self.shared.rules.lock().unwrap().push(Rule { words, left: times, fault });
    }

    /// The first lines of the requests so far that contain `word`.
    pub fn seen(&self, word: &str) -> Vec<String> {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter().filter(|line| line.contains(word)).cloned().collect()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.shared.seen.lock().unwrap().clear();
    }
}

/// Passes one request on; each connection carries a single one.
fn serve(mut client: TcpStream, upstream: u16, shared: &Shared) -> std::io::Result<()> {
    let (head, mut body) = head(&mut client)?;
    let line = head.lines().next().unwrap_or_default().to_owned();
    shared.seen.lock().unwrap().push(line.clone());
    let fault = {
        let mut rules = shared.rules.lock().unwrap();
        let rule =
            rules.iter_mut().find(|rule| rule.left > 0 && rule.words.iter().all(|word| line.contains(word)));
        rule.map(|rule| {
            rule.left -= 1;
            rule.fault
        })
    };
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0_usize);
    if header(&head, "expect").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    while body.len() < length {
        let mut chunk = vec![0; (length - body.len()).min(64 * 1024)];
        let read = client.read(&mut chunk)?;
        if read == 0 {
            return Ok(());
        }
        body.extend_from_slice(&chunk[..read]);
    }
    match fault {
        Some(Fault::Status(status)) => {
            let text = "<?xml version=\"1.0\"?><Error><Code>InjectedFault</Code><Message>made by the test</Message></Error>";
            let text =
                if status == 503 { text.replace("InjectedFault", "SlowDown") } else { text.to_owned() };
            let length = text.len();
            let head = format!(
                "HTTP/1.1 {status} Fault\r\nx-amz-request-id: RIG-{status}\r\nContent-Type: application/xml\r\n\
                 Content-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let without_body = line.starts_with("HEAD");
            return client.write_all(format!("{head}{}", if without_body { "" } else { &text }).as_bytes());
        }
        Some(Fault::CutBefore) => return client.shutdown(Shutdown::Both),
        _ => {}
    }
    let mut server = TcpStream::connect(("127.0.0.1", upstream))?;
    let first = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let first: Vec<&str> =
        first.split("\r\n").filter(|line| !line.to_lowercase().starts_with("expect:")).collect();
    server.write_all(first.join("\r\n").as_bytes())?;
    server.write_all(&body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    match fault {
        Some(Fault::Silence) => client.read(&mut [0]).map(drop),
        Some(Fault::CutAnswer) => client.shutdown(Shutdown::Both),
        Some(Fault::CutBody) => {
            let start = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0) + 4;
            client.write_all(&answer[..start + (answer.len() - start) / 2])?;
            client.shutdown(Shutdown::Both)
        }
        Some(Fault::WrongChecksum) => client.write_all(&of_something_else(&answer)),
        _ => client.write_all(&answer),
    }
}

/// An answer, with the checksum of something else in it.
fn of_something_else(answer: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(answer);
    let mut lines: Vec<&str> =
        text.split("\r\n").filter(|line| !line.starts_with("x-amz-checksum-crc32")).collect();
    lines.insert(1, "x-amz-checksum-crc32: AAAAAA==");
    lines.join("\r\n").into_bytes()
}

/// The head of a request with its empty line, and what came of its body.
fn head(client: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = bytes.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), body));
        }
        let mut chunk = [0; 16 * 1024];
        let read = client.read(&mut chunk)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&chunk[..read]);
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
