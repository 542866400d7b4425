//! As much of HTTP/1.1 as the shop needs: a thread per connection, several requests on each.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crate::answers::{Answer, Shop};
use crate::arguments::Arguments;

/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(10);

/// More than this is no request of ours, in bytes.
const LARGEST: u64 = 64 * 1024;

/// Serves until the process is ended.
pub(crate) fn serve(arguments: &Arguments) -> Result<(), String> {
    let port = arguments.port;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map_err(|why| format!("cannot listen on 127.0.0.1:{port}: {why}"))?;
    let shop = Arc::new(Shop::new(arguments));
    println!("shop {} listens on 127.0.0.1:{port}", arguments.release);
    for connection in listener.incoming().flatten() {
        let shop = Arc::clone(&shop);
        std::thread::spawn(move || {
            // A client that goes away in the middle is its own affair.
            let _ = converse(&shop, connection);
        });
    }
    Ok(())
}

fn converse(shop: &Shop, mut connection: TcpStream) -> std::io::Result<()> {
    connection.set_read_timeout(Some(IDLE))?;
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection.try_clone()?);
    while let Some((method, path)) = request(&mut reader)? {
        let Answer { status, kind, body } = shop.answer(&method, &path);
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
        connection.write_all((head + &body).as_bytes())?;
    }
    Ok(())
}

/// The method and path of the next request; `None` when there is none, or none that can be read.
fn request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<(String, String)>> {
    let mut limited = reader.take(LARGEST);
    let mut line = String::new();
    limited.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
    let mut body = 0;
    loop {
        line.clear();
        if limited.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end().split_once(':') {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                body = value.trim().parse().unwrap_or(LARGEST);
            }
            Some(_) => {}
        }
    }
    // No request of ours says anything in its body.
    std::io::copy(&mut limited.take(body), &mut std::io::sink())?;
    Ok(Some((method, path)))
}
