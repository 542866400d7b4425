//! One question and its whole answer over a socket of this machine or of another: a connection for each.

use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use crate::base::error::{Error, Result};
use crate::base::text::show_size;

/// Where somebody listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A socket in the file system.
    Unix(PathBuf),
    /// A host and its port: `127.0.0.1:9999`.
    Tcp(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp(address) => f.write_str(address),
        }
    }
}

/// Sends a question and reads the answer until the other side closes, at most `most` bytes of it. `whom` is what errors
/// call the other side. One that got no connection is an error of a call that changed nothing.
pub async fn ask(address: &Address, question: &[u8], most: usize, whom: &str) -> Result<Vec<u8>> {
    match address {
        Address::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(|why| unconnected(address, whom, &why))?;
            talk(stream, question, most, whom).await
        }
        Address::Tcp(host) => {
            let stream = TcpStream::connect(host.as_str()).await;
            talk(stream.map_err(|why| unconnected(address, whom, &why))?, question, most, whom).await
        }
    }
}

fn unconnected(address: &Address, whom: &str, why: &std::io::Error) -> Error {
    let told = |text: String| Error::remote(format!("{whom} cannot be asked: {text}")).unchanged();
    let error = match why.kind() {
        ErrorKind::NotFound => told(format!("there is no socket {address}")),
        ErrorKind::ConnectionRefused => told(format!("nothing listens at {address}")),
        ErrorKind::PermissionDenied => {
            return told(format!("the socket {address} is closed to this user"))
                .why(why.to_string())
                .fix("run as a user of the socket's group, or give its `mode` and `group` in the server's settings");
        }
        _ => told(format!("no connection to {address}")),
    };
    error.why(why.to_string()).fix("start the server, or correct its address in playbook.toml")
}

async fn talk(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    question: &[u8],
    most: usize,
    whom: &str,
) -> Result<Vec<u8>> {
    let broke = |why: std::io::Error| {
        Error::remote(format!("{whom} broke off the connection")).why(why.to_string()).detail("sent", true)
    };
    stream.write_all(question).await.map_err(broke)?;
    let mut answer = Vec::new();
    let read = stream.take(most as u64 + 1).read_to_end(&mut answer).await.map_err(broke)?;
    if read > most {
        return Err(Error::remote(format!("{whom} answers more than {}", show_size(most as u64))));
    }
    Ok(answer)
}
