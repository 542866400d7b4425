//! As much of HTTP/1.1 as the demo needs: a thread per connection, several requests on each.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crate::answer::Answer;

/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(10);

/// More than this is no request of ours, in bytes.
const LARGEST: u64 = 64 * 1024;

/// A request, as far as anybody here looks at it.
#[derive(Debug)]
pub(crate) struct Request {
    /// The method.
    pub(crate) method: String,
    /// The path, without what stands behind `?`.
    pub(crate) path: String,
    /// The value of `Authorization`.
    pub(crate) authorization: String,
    /// The body.
    pub(crate) body: String,
    /// Whether it is the last one of its connection.
    pub(crate) is_last: bool,
}

/// Serves until the process is ended; `None` for an answer closes the connection without a word.
pub(crate) fn serve(
    port: u16,
    answer: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
) -> Result<(), String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map_err(|why| format!("cannot listen on 127.0.0.1:{port}: {why}"))?;
    let answer = Arc::new(answer);
    for connection in listener.incoming().flatten() {
        let answer = Arc::clone(&answer);
        std::thread::spawn(move || {
            // A client that goes away in the middle is its own affair.
            let _ = converse(&*answer, connection);
        });
    }
    Ok(())
}

fn converse(answer: &dyn Fn(&Request) -> Option<Answer>, mut connection: TcpStream) -> std::io::Result<()> {
    connection.set_read_timeout(Some(IDLE))?;
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection.try_clone()?);
    while let Some(request) = request(&mut reader)? {
        let Some(Answer { status, kind, body }) = answer(&request) else { return Ok(()) };
        let head = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            if status < 400 { "OK" } else { "Error" },
            body.len()
        );
        connection.write_all(&[head.as_bytes(), &body].concat())?;
        if request.is_last {
            return Ok(());
        }
    }
    Ok(())
}

/// The next request; `None` when there is none, or none that can be read.
fn request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut limited = reader.take(LARGEST);
    let mut line = String::new();
    limited.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
    let path = path.split('?').next().unwrap_or_default().to_owned();
    let (mut length, mut authorization, mut is_last) = (0, String::new(), false);
    loop {
        line.clear();
        if limited.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end().split_once(": ") {
            None => break,
            Some((name, value)) => match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap_or(LARGEST),
                "connection" => is_last = value.eq_ignore_ascii_case("close"),
                "authorization" => value.clone_into(&mut authorization),
                _ => {}
            },
        }
    }
    let mut body = Vec::new();
    limited.take(length).read_to_end(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(Request { method, path, authorization, body, is_last }))
}
