//! The other side of a resource: one that never answers, one that nobody is, one that writes down what it is asked, one that
//! gives back whatever it is told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Where resources are pointed at.
#[derive(Clone, Debug)]
pub struct Far {
    /// A port of 127.0.0.1 for whatever speaks TCP.
    pub tcp: u16,
    /// A port of 127.0.0.1 for name servers.
    pub udp: u16,
    /// What stands for each program, as a shell's script; `None` where there is none.
    pub program: Option<&'static str>,
}

/// A server that accepts and never says a word, and how often it was called.
pub struct Silence {
    /// Where it is.
    pub far: Far,
    calls: Arc<AtomicUsize>,
    _udp: UdpSocket,
}

impl Silence {
    /// Starts it; it ends with the test process.
    pub fn start() -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let far = Far {
            tcp: tcp.local_addr().unwrap().port(),
            udp: udp.local_addr().unwrap().port(),
            program: Some("echo \"$@\" >>called; exec sleep 20"),
        };
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        std::thread::spawn(move || {
            let mut open: Vec<TcpStream> = Vec::new();
            for stream in tcp.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
                open.push(stream);
            }
        });
        Self { far, calls, _udp: udp }
    }

    /// How many connections it has accepted.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// Ports at which nobody listens, and no program.
pub fn nobody() -> Far {
    let tcp = crate::rig::free_port();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    Far { tcp, udp, program: None }
}

/// A server that writes down the first line of each request of HTTP, with its body, and finds nothing.
pub struct Recorder {
    /// Where it is.
    pub far: Far,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    /// Starts it; it ends with the test process.
    pub fn start() -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = Far {
            tcp: tcp.local_addr().unwrap().port(),
            udp: nobody().udp,
            program: Some("echo \"$@\" >>called; exit 1"),
        };
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || record(stream, &shared));
            }
        });
        Self { far, seen }
    }

    /// What came: "GET /path body", or "?" and the bytes of what is no HTTP; all of it since the last time.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn record(stream: TcpStream, seen: &Mutex<Vec<String>>) {
    let _ = stream.set_read_timeout(Some(std::time::Duration::from_secs(5)));
    let mut write = stream.try_clone().unwrap();
    let mut read = BufReader::new(stream);
    let mut line = Vec::new();
    if read.read_until(b'\n', &mut line).is_err() || line.is_empty() {
        return seen.lock().unwrap().push("? nothing".to_owned());
    }
    let first = String::from_utf8_lossy(&line).trim_end().to_owned();
    if !first.ends_with("HTTP/1.1") {
        return seen.lock().unwrap().push(format!("? {first}"));
    }
    let (mut length, mut target_of) = (0, String::new());
    loop {
        let mut header = String::new();
        if read.read_line(&mut header).is_err() || header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if let Some(target) = header.to_lowercase().strip_prefix("x-amz-target:") {
            target_of = target.trim().to_owned();
        }
    }
    let mut body = vec![0; length];
    let _ = read.read_exact(&mut body);
    let body = String::from_utf8_lossy(&body).into_owned();
    seen.lock().unwrap().push(format!("{} {target_of} {body}", first.trim_end_matches(" HTTP/1.1")));
    let _ = write.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{}");
}

/// A server that refuses everything with all that it was told, whatever was meant for it alone; so does each program.
pub struct Echo {
    /// Where it is.
    pub far: Far,
}

impl Echo {
    /// Starts it; it ends with the test process.
    pub fn start() -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = Far {
            tcp: tcp.local_addr().unwrap().port(),
            udp: nobody().udp,
            program: Some(
                "if [ -n \"$TOKEN\" ]; then case \"$*\" in *\"$TOKEN\"*) : >in-arguments;; esac; fi\n\
                 env; env >&2; echo \"$@\"; printf %s \"$TOKEN\" | base64; exit 1",
            ),
        };
        std::thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                std::thread::spawn(move || give_back(stream));
            }
        });
        Self { far }
    }
}

fn give_back(mut stream: TcpStream) {
    let _ = stream.set_read_timeout(Some(std::time::Duration::from_millis(300)));
    let (mut told, mut bytes) = (Vec::new(), [0; 16 * 1024]);
    // Until nothing more comes: a request whose end is known from its length is answered by then too.
    while told.len() < 1024 * 1024
        && let Ok(count @ 1..) = stream.read(&mut bytes)
    {
        told.extend_from_slice(&bytes[..count]);
    }
    let is_http = told.windows(8).any(|window| window == b"HTTP/1.1");
    let text = String::from_utf8_lossy(&told).into_owned();
    if is_http {
        let body = format!(
            "{{\"message\":{0},\"error\":{0},\"errors\":[{0}],\"ok\":false}}",
            serde_json::json!(text)
        );
        let head = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nConnection: close\r\n";
        let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
    } else {
        let _ = stream.write_all(&told);
    }
}
