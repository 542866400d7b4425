//! A real HTTP server on a free port that answers each path as it is told: slowly, wrongly, half, endlessly or never.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How a path is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    after: Duration,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Whole,
    Half,
    Endless,
    Never,
    Slam,
}

impl Answer {
    /// This status and body.
    pub fn new(status: u16, body: &str) -> Self {
        Self::bytes(status, body.as_bytes())
    }

    /// This status and a body of any bytes.
    pub fn bytes(status: u16, body: &[u8]) -> Self {
        Self { status, headers: Vec::new(), body: body.to_vec(), after: Duration::ZERO, how: How::Whole }
    }

    /// One more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, but only after a while.
    pub fn after(mut self, millis: u64) -> Self {
        self.after = Duration::from_millis(millis);
        self
    }

    /// The headers promise twice the body that comes.
    pub fn half(mut self) -> Self {
        self.how = How::Half;
        self
    }

    /// A body without end.
    pub fn endless() -> Self {
        Self { how: How::Endless, ..Self::new(200, "0123456789abcdef") }
    }

    /// Nothing ever comes; the connection stays open.
    pub fn never() -> Self {
        Self { how: How::Never, ..Self::new(200, "") }
    }

    /// The connection is closed without a word.
    pub fn slam() -> Self {
        Self { how: How::Slam, ..Self::new(200, "") }
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Got {
    /// The method.
    pub method: String,
    /// The path and what is behind it.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: String,
}

#[derive(Default)]
struct State {
    answers: HashMap<String, Vec<Answer>>,
    asked: HashMap<String, usize>,
    got: Vec<Got>,
    open: Vec<TcpStream>,
    at_once: usize,
    most_at_once: usize,
    over: bool,
}

/// The server; it ends when dropped.
pub struct Http {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

impl Http {
    /// Starts it; every path is 404 until it is told otherwise.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                let mut state = shared.lock().unwrap();
                if state.over {
                    return;
                }
                state.open.push(stream.try_clone().unwrap());
                drop(state);
                std::thread::spawn(move || {
                    let _ = serve(stream, &shared);
                });
            }
        });
        Self { address, state, thread: Some(thread) }
    }

    /// The address, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on `path`, or "POST /path" for one method alone, is answered so; several answers come in turn, and the last
    /// one stays.
    pub fn tell(&self, path: &str, answers: &[Answer]) {
        let mut state = self.state.lock().unwrap();
        state.answers.insert(path.to_owned(), answers.to_vec());
        state.asked.remove(path);
    }

    /// What arrived so far.
    pub fn got(&self) -> Vec<Got> {
        self.state.lock().unwrap().got.clone()
    }

    /// How many requests were being answered at the same time, at most.
    pub fn most_at_once(&self) -> usize {
        self.state.lock().unwrap().most_at_once
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap();
        state.over = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    while let Some(got) = read(&mut reader)? {
        let path = got.path.split('?').next().unwrap_or_default().to_owned();
        let (one, is_head) = (format!("{} {path}", got.method), got.method == "HEAD");
        let answer = {
            let mut state = state.lock().unwrap();
            state.got.push(got);
            state.at_once += 1;
            state.most_at_once = state.most_at_once.max(state.at_once);
            let key = if state.answers.contains_key(&one) { one } else { path };
            let turn = state.asked.entry(key.clone()).or_default();
            let now = *turn;
            *turn += 1;
            let answers = state.answers.get(&key);
            answers
                .and_then(|all| all.get(now).or(all.last()))
                .cloned()
                .unwrap_or_else(|| Answer::new(404, "nothing here"))
        };
        std::thread::sleep(answer.after);
        let result = write(&mut stream, &answer, is_head);
        state.lock().unwrap().at_once -= 1;
        if result? {
            break;
        }
    }
    stream.shutdown(Shutdown::Both)
}

/// Writes the answer; `true` when the connection is to be closed behind it.
fn write(stream: &mut TcpStream, answer: &Answer, is_head: bool) -> std::io::Result<bool> {
    match answer.how {
        How::Slam => return Ok(true),
        How::Never => {
            // Until the other side has had enough of it.
            std::io::copy(stream, &mut std::io::sink())?;
            return Ok(true);
        }
        _ => {}
    }
    let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, reason(answer.status));
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &match answer.how {
        How::Endless => "transfer-encoding: chunked\r\n\r\n".to_owned(),
        How::Half => format!("content-length: {}\r\n\r\n", answer.body.len() * 2),
        _ => format!("content-length: {}\r\n\r\n", answer.body.len()),
    };
    stream.write_all(head.as_bytes())?;
    if answer.how == How::Endless {
        let chunk = answer.body.repeat(4096);
        loop {
            stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
            stream.write_all(&chunk)?;
            stream.write_all(b"\r\n")?;
        }
    }
    if !is_head {
        stream.write_all(&answer.body)?;
    }
    Ok(answer.how == How::Half)
}

fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Got>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Got { method, path, headers, body: String::from_utf8_lossy(&body).into_owned() }))
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        302 => "Found",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Whatever",
    }
}
