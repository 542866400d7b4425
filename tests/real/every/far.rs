//! The other side of a resource: one that never answers, one that nobody is, one that writes down what it is asked, one that
//! refuses everybody, one that gives back whatever it is told.

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
    let asked = asked(&stream);
    let told = match &asked {
        None => "? nothing".to_owned(),
        Some(asked) if !asked.is_http() => format!("? {}", asked.first),
        Some(asked) => {
            let target = asked.header("x-amz-target");
            format!("{} {target} {}", asked.first.trim_end_matches(" HTTP/1.1"), asked.body)
        }
    };
    seen.lock().unwrap().push(told);
    if asked.is_some_and(|asked| asked.is_http()) {
        let _ = (&stream).write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{}");
    }
}

/// What one connection asks first.
struct Asked {
    first: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Asked {
    fn is_http(&self) -> bool {
        self.first.ends_with("HTTP/1.1")
    }

    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(have, _)| have == name).map_or("", |(_, value)| value)
    }
}

/// Reads one request; `None` when nothing comes. Of what is no HTTP, the first line.
fn asked(stream: &TcpStream) -> Option<Asked> {
    let _ = stream.set_read_timeout(Some(std::time::Duration::from_secs(5)));
    let mut read = BufReader::new(stream);
    let mut line = Vec::new();
    if read.read_until(b'\n', &mut line).is_err() || line.is_empty() {
        return None;
    }
    let first = String::from_utf8_lossy(&line).trim_end().to_owned();
    let mut asked = Asked { first, headers: Vec::new(), body: String::new() };
    if !asked.is_http() {
        return Some(asked);
    }
    let mut header = String::new();
    while read.read_line(&mut header).is_ok() && !header.trim().is_empty() {
        let (name, value) = header.split_once(':').unwrap_or((&header, ""));
        asked.headers.push((name.to_lowercase(), value.trim().to_lowercase()));
        header.clear();
    }
    let mut body = vec![0; asked.header("content-length").parse().unwrap_or(0)];
    let _ = read.read_exact(&mut body);
    asked.body = String::from_utf8_lossy(&body).into_owned();
    Some(asked)
}

/// What a [`Gate`] says to everybody.
pub const FORBIDDEN: &str = "nobody of that name may do this here";

/// A server that refuses whoever asks, each in the words of its own protocol: HTTP with the bodies of AWS and of others,
/// Redis, PostgreSQL.
pub struct Gate {
    /// Where it is.
    pub far: Far,
}

impl Gate {
    /// Starts it; it ends with the test process.
    pub fn start() -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                std::thread::spawn(move || refuse(stream));
            }
        });
        Self { far: Far { tcp: port, udp: nobody().udp, program: None } }
    }
}

fn refuse(mut stream: TcpStream) {
    let _ = stream.set_read_timeout(Some(std::time::Duration::from_secs(5)));
    let mut first = [0; 1];
    match stream.peek(&mut first) {
        // The length of a greeting of PostgreSQL, which has no line.
        Ok(1) if first == [0] => {
            let mut told = [0; 4];
            let _ = stream.read_exact(&mut told);
            let mut rest = vec![0; (u32::from_be_bytes(told) as usize).saturating_sub(4)];
            let _ = stream.read_exact(&mut rest);
            let fields = format!("SFATAL\0VFATAL\0C28000\0M{FORBIDDEN}\0\0");
            let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
            let _ = stream.write_all(&[&b"E"[..], &length, fields.as_bytes()].concat());
        }
        Ok(1) if first == *b"*" => {
            let mut bytes = [0; 4096];
            // Several commands may come at once; each has its answer.
            while let Ok(count @ 1..) = stream.read(&mut bytes) {
                let commands = bytes[..count].iter().filter(|byte| **byte == b'*').count().max(1);
                if stream.write_all(format!("-NOPERM {FORBIDDEN}\r\n").repeat(commands).as_bytes()).is_err() {
                    return;
                }
            }
        }
        Ok(1) => {
            if let Some(asked) = asked(&stream).filter(Asked::is_http) {
                let (kind, mut body) = forbidden(&asked);
                if asked.first.starts_with("HEAD ") {
                    body.clear();
                }
                let head = format!("HTTP/1.1 403 Forbidden\r\nContent-Type: {kind}\r\nConnection: close\r\n");
                let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
            }
        }
        _ => {}
    }
}

fn forbidden(asked: &Asked) -> (&'static str, String) {
    let error = format!("<Error><Code>AccessDenied</Code><Message>{FORBIDDEN}</Message></Error>");
    let is_of_aws = asked.header("authorization").starts_with("aws4");
    let path = asked.first.split(' ').nth(1).unwrap_or_default();
    if is_of_aws && !asked.header("x-amz-target").is_empty() {
        let body = format!("{{\"__type\":\"AccessDeniedException\",\"message\":\"{FORBIDDEN}\"}}");
        return ("application/x-amz-json-1.1", body);
    }
    if is_of_aws && asked.body.contains("Version=2016-11-15") {
        return ("text/xml", format!("<Response><Errors>{error}</Errors></Response>"));
    }
    if is_of_aws && (path == "/" || path.starts_with("/20")) {
        return ("text/xml", format!("<ErrorResponse>{error}</ErrorResponse>"));
    }
    if is_of_aws {
        return ("application/xml", error);
    }
    let text = format!(
        "{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"Forbidden\",\"code\":403,\"ok\":false,\
         \"message\":\"{FORBIDDEN}\",\"error\":\"{FORBIDDEN}\",\"errors\":[{{\"code\":\"DENIED\",\"message\":\"{FORBIDDEN}\"}}]}}"
    );
    ("application/json", text)
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
    // However long a busy machine takes to begin: only then silence is its end.
    let _ = stream.set_read_timeout(Some(std::time::Duration::from_secs(10)));
    let _ = stream.peek(&mut [0]);
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
