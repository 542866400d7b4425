//! A proxy before a real server that injects faults: it answers in the server's place, breaks off, holds, or goes silent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use crate::rig::wait_until;

/// What happens to a request that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The server never sees it; this status is the answer.
    Answer(u16),
    /// The server never sees it; this status and this body are the answer.
    Say(u16, &'static str),
    /// The connection is reset after so many bytes of the body have reached the server.
    Reset(usize),
    /// The connection is reset after so many bytes of the answer.
    Half(usize),
    /// The server sees it only after [`Proxy::release`], and not at all when the client is gone by then.
    Hold,
    /// The server sees it, and its answer comes only after [`Proxy::release`].
    HoldAnswer,
}

struct Rule {
    method: &'static str,
    part: String,
    fault: Fault,
    left: usize,
    inside: bool,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    open: Vec<TcpStream>,
    holding: usize,
    releases: usize,
    cut: bool,
    silent: bool,
    over: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// The proxy; it ends when dropped.
pub struct Proxy {
    /// Its port on 127.0.0.1.
    pub port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Before an HTTP server on a port of 127.0.0.1: it knows one request from the next.
    pub fn http(server: u16) -> Self {
        Self::start(server, true)
    }

    /// Before any other server.
    pub fn tcp(server: u16) -> Self {
        Self::start(server, false)
    }

    fn start(server: u16, http: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = serving.lock();
                if state.over {
                    return;
                }
                if state.cut {
                    continue;
                }
                drop(state);
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || drop(connect(client, server, http, &shared)));
            }
        });
        Self { port, shared }
    }

    /// The next `times` requests of this method (empty for any) whose path and query contain `part` meet a fault.
    pub fn when(&self, method: &'static str, part: &str, fault: Fault, times: usize) {
        self.shared.lock().rules.push(Rule {
            method,
            part: part.to_owned(),
            fault,
            left: times,
            inside: false,
        });
    }

    /// The next `times` requests in whose headers or body `part` stands meet a fault: where the path says nothing.
    pub fn when_said(&self, part: &str, fault: Fault, times: usize) {
        self.shared.lock().rules.push(Rule {
            method: "",
            part: part.to_owned(),
            fault,
            left: times,
            inside: true,
        });
    }

    /// From now on no request meets a fault.
    pub fn heal(&self) {
        self.shared.lock().rules.clear();
    }

    /// Waits until a request, or an answer, is held.
    pub fn wait_held(&self) {
        wait_until("a request is held", 60, || self.shared.lock().holding > 0);
    }

    /// Lets go of what is held.
    pub fn release(&self) {
        self.shared.lock().releases += 1;
        self.shared.changed.notify_all();
    }

    /// Breaks every connection, and refuses new ones until [`Proxy::mend`].
    pub fn cut(&self) {
        let mut state = self.shared.lock();
        state.cut = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets nothing through any more in either direction, without a word, until [`Proxy::mend`].
    pub fn go_silent(&self) {
        self.shared.lock().silent = true;
    }

    /// Undoes [`Proxy::cut`] and [`Proxy::go_silent`].
    pub fn mend(&self) {
        let mut state = self.shared.lock();
        (state.cut, state.silent) = (false, false);
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.mend();
        self.shared.lock().over = true;
        self.release();
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits as long as nothing goes through.
    fn pass(&self) {
        drop(self.changed.wait_while(self.lock(), |state| state.silent && !state.over).unwrap());
    }

    /// Whether a rule is about what stands in a body.
    fn looks_inside(&self) -> bool {
        self.lock().rules.iter().any(|rule| rule.inside && rule.left > 0)
    }

    /// Waits for the next release.
    fn hold(&self) {
        let mut state = self.lock();
        state.holding += 1;
        let releases = state.releases;
        let mut state =
            self.changed.wait_while(state, |state| state.releases == releases && !state.over).unwrap();
        state.holding -= 1;
    }

    /// Notes a request, and tells its fault.
    fn judge(&self, method: &str, target: &str, whole: &str) -> Option<Fault> {
        let mut state = self.lock();
        let matches = |rule: &&mut Rule| {
            let place = if rule.inside { whole } else { target };
            rule.left > 0 && (rule.method.is_empty() || rule.method == method) && place.contains(&rule.part)
        };
        let rule = state.rules.iter_mut().find(matches)?;
        rule.left -= 1;
        Some(rule.fault)
    }
}

/// What the answer to the request under way meets.
#[derive(Default)]
struct Coming {
    hold: bool,
    bytes: Option<usize>,
}

fn connect(client: TcpStream, server: u16, http: bool, shared: &Arc<Shared>) -> std::io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", server))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    shared.lock().open.extend([client.try_clone()?, server.try_clone()?]);
    let coming = Arc::new(Mutex::new(Coming::default()));
    let (from, mut to) = (server.try_clone()?, client.try_clone()?);
    let (answers, answering) = (Arc::clone(shared), Arc::clone(&coming));
    std::thread::spawn(move || {
        let _ = answer(from, &mut to, &answers, &answering);
        let _ = to.shutdown(Shutdown::Both);
    });
    let done =
        if http { requests(&client, &server, shared, &coming) } else { pour(&client, &server, shared) };
    let _ = server.shutdown(Shutdown::Both);
    done
}

/// Hands the server's answers on.
fn answer(
    mut from: TcpStream,
    to: &mut TcpStream,
    shared: &Shared,
    coming: &Mutex<Coming>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        shared.pass();
        let (hold, most) = {
            let mut coming = coming.lock().unwrap();
            (std::mem::take(&mut coming.hold), coming.bytes.map(|left| left.min(count)))
        };
        if hold {
            shared.hold();
        }
        to.write_all(&buffer[..most.unwrap_or(count)])?;
        if let Some(left) = &mut coming.lock().unwrap().bytes {
            if *left <= count {
                return Ok(());
            }
            *left -= count;
        }
    }
}

fn pour(mut from: &TcpStream, mut to: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        shared.pass();
        to.write_all(&buffer[..count])?;
    }
}

/// Hands the client's requests on, one by one.
fn requests(
    client: &TcpStream,
    mut server: &TcpStream,
    shared: &Shared,
    coming: &Mutex<Coming>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    while let Some(head) = head(&mut reader)? {
        shared.pass();
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let lower = head.to_ascii_lowercase();
        let header = |name: &str| lower.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        assert_eq!(header("transfer-encoding"), None, "the proxy wants to know lengths");
        let length: usize = header("content-length").map_or(0, |length| length.trim().parse().unwrap());
        let expects = header("expect").is_some();
        let mut body = Vec::new();
        if shared.looks_inside() {
            (&mut reader).take(length as u64).read_to_end(&mut body)?;
        }
        let fault = shared.judge(method, target, &format!("{head}{}", String::from_utf8_lossy(&body)));
        // What was looked at comes first again.
        let mut reader = std::io::Cursor::new(body).chain(&mut reader);
        *coming.lock().unwrap() = Coming {
            hold: fault == Some(Fault::HoldAnswer),
            bytes: if let Some(Fault::Half(bytes)) = fault { Some(bytes) } else { None },
        };
        let send = match fault {
            Some(Fault::Answer(status)) => {
                return say(client, &mut reader, if expects { 0 } else { length }, (status, ""));
            }
            Some(Fault::Say(status, body)) => {
                return say(client, &mut reader, if expects { 0 } else { length }, (status, body));
            }
            Some(Fault::Reset(bytes)) => bytes.min(length),
            Some(Fault::Hold) => {
                shared.hold();
                // A client that was killed meanwhile does not ask any more.
                client.set_nonblocking(true)?;
                let gone = matches!(client.peek(&mut [0]), Ok(0));
                client.set_nonblocking(false)?;
                if gone {
                    return Ok(());
                }
                length
            }
            _ => length,
        };
        server.write_all(head.as_bytes())?;
        let mut left = send;
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 {
            let most = buffer.len().min(left);
            let count = reader.read(&mut buffer[..most])?;
            if count == 0 {
                return Ok(());
            }
            shared.pass();
            server.write_all(&buffer[..count])?;
            left -= count;
        }
        if send < length || fault == Some(Fault::Reset(length)) {
            // What was not read makes the end of this connection a reset.
            return Ok(());
        }
    }
    Ok(())
}

/// Answers in the server's place.
fn say(
    mut client: &TcpStream,
    request: &mut impl std::io::Read,
    length: usize,
    (status, body): (u16, &str),
) -> std::io::Result<()> {
    std::io::copy(&mut request.take(length as u64), &mut std::io::sink())?;
    let size = body.len();
    let answer =
        format!("HTTP/1.1 {status} Fault\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n{body}");
    client.write_all(answer.as_bytes())
}

/// A request's first lines; `None` when the client has no more.
fn head(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(head))
}
