//! A release of a small service: it answers requests well, with errors or slowly, as it is told, and counts them as
//! Prometheus reads it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The bounds of the histogram's buckets, in seconds.
const BOUNDS: [f64; 5] = [0.01, 0.05, 0.1, 0.25, 1.0];

#[derive(Default)]
struct State {
    served: AtomicU64,
    failed: AtomicU64,
    /// Of a hundred requests, how many fail.
    errors: AtomicU64,
    slow_ms: AtomicU64,
    is_down: AtomicBool,
    over: AtomicBool,
    buckets: Mutex<(Vec<u64>, f64)>,
}

/// The release; it ends when dropped.
pub struct Release {
    /// Its port on 127.0.0.1.
    pub port: u16,
    state: Arc<State>,
}

impl Release {
    /// Starts one that is well; every answer begins with its name.
    pub fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State { buckets: Mutex::new((vec![0; BOUNDS.len()], 0.0)), ..State::default() });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.over.load(SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || drop(serve(stream, name, &shared)));
            }
        });
        Self { port, state }
    }

    /// From now on so many of a hundred requests fail.
    pub fn fail(&self, percent: u64) {
        self.state.errors.store(percent, SeqCst);
    }

    /// From now on each request takes so long.
    pub fn slow(&self, millis: u64) {
        self.state.slow_ms.store(millis, SeqCst);
    }

    /// From now on its health check fails, or passes again.
    pub fn down(&self, is_down: bool) {
        self.state.is_down.store(is_down, SeqCst);
    }

    /// How many requests it has answered, health checks and scrapes apart.
    pub fn served(&self) -> u64 {
        self.state.served.load(SeqCst)
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        self.state.over.store(true, SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Answers one request: whoever wants more connects again.
fn serve(stream: TcpStream, name: &str, state: &State) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let (status, body) = match path.as_str() {
        "/metrics" => (200, metrics(state)),
        "/healthz" => (if state.is_down.load(SeqCst) { 503 } else { 200 }, "health\n".to_owned()),
        _ => answer(name, state),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} Whatever\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    stream.shutdown(Shutdown::Both)
}

fn answer(name: &str, state: &State) -> (u16, String) {
    let begin = Instant::now();
    std::thread::sleep(Duration::from_millis(state.slow_ms.load(SeqCst)));
    let number = state.served.fetch_add(1, SeqCst);
    let fails = number % 100 * 37 % 100 < state.errors.load(SeqCst);
    let took = begin.elapsed().as_secs_f64();
    let mut buckets = state.buckets.lock().unwrap();
    buckets.1 += took;
    for (bound, count) in BOUNDS.iter().zip(buckets.0.iter_mut()) {
        *count += u64::from(took <= *bound);
    }
    drop(buckets);
    if fails {
        state.failed.fetch_add(1, SeqCst);
        return (500, format!("{name} failed\n"));
    }
    (200, format!("{name}\n"))
}

fn metrics(state: &State) -> String {
    let (served, failed) = (state.served.load(SeqCst), state.failed.load(SeqCst));
    let mut text = format!(
        "# TYPE requests_total counter\nrequests_total{{code=\"200\"}} {}\nrequests_total{{code=\"500\"}} {failed}\n",
        served.saturating_sub(failed)
    );
    text += "# TYPE request_seconds histogram\n";
    let buckets = state.buckets.lock().unwrap();
    for (bound, count) in BOUNDS.iter().zip(&buckets.0) {
        text += &format!("request_seconds_bucket{{le=\"{bound}\"}} {count}\n");
    }
    text + &format!(
        "request_seconds_bucket{{le=\"+Inf\"}} {served}\nrequest_seconds_sum {}\nrequest_seconds_count {served}\n",
        buckets.1
    )
}

/// A stream of requests to a port of 127.0.0.1; it ends when dropped.
pub struct Stream {
    over: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Stream {
    /// About so many requests a second, each over a connection of its own.
    pub fn to(port: u16, per_second: u64) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let threads = (0..4).map(|_| {
            let over = Arc::clone(&over);
            std::thread::spawn(move || {
                while !over.load(SeqCst) {
                    let begin = Instant::now();
                    let _ = get(port, "/");
                    let pace = Duration::from_millis(4000 / per_second.max(1));
                    std::thread::sleep(pace.saturating_sub(begin.elapsed()));
                }
            })
        });
        Self { threads: threads.collect(), over }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.over.store(true, SeqCst);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The whole answer to one request.
pub fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: rig\r\nconnection: close\r\n\r\n")?;
    std::io::read_to_string(stream)
}

/// Of so many requests to a port, how many each name answered.
pub fn count(port: u16, requests: usize, name: &str) -> usize {
    let answers = (0..requests).map(|_| get(port, "/").unwrap_or_default());
    answers.filter(|answer| answer.ends_with(&format!("{name}\n"))).count()
}

/// The whole answer to a request with a body of JSON.
pub fn post(port: u16, path: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: rig\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    std::io::read_to_string(stream)
}
