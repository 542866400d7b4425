//! One connection with one channel: the handshake, and a question about a queue.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::coding::{Method, Reader, introduction};
use crate::base::error::{Error, Result};
use crate::base::text::show_duration;
use crate::sys::net::{Address, Stream};
use crate::sys::tls::{self, Trust};

const HEADER: &[u8; 8] = b"AMQP\0\0\x09\x01";
const END: u8 = 0xCE;
/// A longer frame is none that was asked for, in bytes.
const LONGEST: u32 = 1024 * 1024;
const CHANNEL: u16 = 1;

/// Who wants to be let in, and where.
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
    pub(super) vhost: String,
    /// Whom an encrypted connection trusts; `None` for one that is not.
    pub(super) trust: Option<Trust>,
}

/// What a queue holds.
pub(super) struct Depth {
    pub(super) messages: u32,
    pub(super) consumers: u32,
}

/// A connection that was let in.
pub(super) struct Session {
    name: String,
    address: Address,
    stream: Stream,
    within: Duration,
    has_channel: bool,
    /// What the server says of itself.
    pub(super) server: BTreeMap<String, String>,
}

impl Session {
    /// Connects and logs in.
    pub(super) async fn open(name: &str, address: &Address, login: &Login, within: Duration) -> Result<Self> {
        let stream = tls::connect(name, address, login.trust.as_ref(), within).await?;
        let (name, address) = (name.to_owned(), address.clone());
        let mut session = Self { name, address, stream, within, has_channel: false, server: BTreeMap::new() };
        session.write(HEADER).await?;
        let start = session.expect((10, 10), &|_, text| text.to_owned()).await?;
        let mut reader = Reader(&start);
        let (_, _) = (reader.byte(), reader.byte());
        session.server = reader.table().ok_or_else(|| session.unreadable())?;
        let response = format!("\0{}\0{}", login.user, login.password);
        let method = Method::new(10, 11).long_bytes(&introduction()).short_text("PLAIN");
        session.send(0, method.long_bytes(response.as_bytes()).short_text("en_US")).await?;
        let tune = session.expect((10, 30), &|_, text| format!("it refused the login: {text}")).await;
        let tune = tune.map_err(|error| session.not_let_in(error, login))?;
        let mut reader = Reader(&tune);
        let (channels, frame) = (reader.short().unwrap_or(0), reader.long().unwrap_or(0));
        session.send(0, Method::new(10, 31).short(channels).long(frame).short(0)).await?;
        session.send(0, Method::new(10, 40).short_text(&login.vhost).short_text("").byte(0)).await?;
        let opened =
            session.expect((10, 41), &|_, text| format!("it refused the virtual host: {text}")).await;
        opened.map_err(|error| session.not_let_in(error, login))?;
        Ok(session)
    }

    /// How much waits in a queue.
    pub(super) async fn depth(&mut self, queue: &str) -> Result<Depth> {
        if !self.has_channel {
            self.send(CHANNEL, Method::new(20, 10).short_text("")).await?;
            self.expect((20, 11), &|_, text| text.to_owned()).await?;
            self.has_channel = true;
        }
        // Passive: it is only looked at.
        let method = Method::new(50, 10).short(0).short_text(queue).byte(1).long_bytes(&[]);
        self.send(CHANNEL, method).await?;
        let declared = self.expect((50, 11), &|code, text| format!("{code} {text}")).await;
        let declared = declared.map_err(|error| {
            match error.details.get("code").and_then(serde_json::Value::as_u64) {
                Some(404) => Error::missing(format!("`{}` has no queue {queue}", self.name))
                    .why(error.why.clone().unwrap_or_default())
                    .fix("start what declares it, or correct the name or `vhost`"),
                Some(403) => {
                    Error::remote(format!("`{}` does not let that user see the queue {queue}", self.name))
                        .why(error.why.clone().unwrap_or_default())
                        .fix("give the user the permission to read it")
                }
                _ => error,
            }
        })?;
        let mut reader = Reader(&declared);
        let read = |reader: &mut Reader<'_>| {
            reader.short_text()?;
            Some(Depth { messages: reader.long()?, consumers: reader.long()? })
        };
        read(&mut reader).ok_or_else(|| self.unreadable())
    }

    /// Says goodbye; nobody minds if that fails.
    pub(super) async fn close(mut self) {
        let bye = Method::new(10, 50).short(200).short_text("bye").short(0).short(0);
        if self.send(0, bye).await.is_ok() {
            let _ = self.expect((10, 51), &|_, text| text.to_owned()).await;
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).await.map_err(|why| self.broken(&why))
    }

    async fn send(&mut self, channel: u16, method: Method) -> Result<()> {
        let Method(payload) = method;
        let mut frame = vec![1];
        frame.extend(channel.to_be_bytes());
        frame.extend(u32::try_from(payload.len()).unwrap_or(0).to_be_bytes());
        frame.extend(payload);
        frame.push(END);
        self.write(&frame).await
    }

    /// The arguments of the next method, which must be `wanted`. Where the server closes the channel or the connection
    /// instead, `told` makes the reason of its code and text.
    async fn expect(
        &mut self,
        wanted: (u16, u16),
        told: &(dyn Fn(u16, &str) -> String + Sync),
    ) -> Result<Vec<u8>> {
        loop {
            let read = tokio::time::timeout(self.within, self.frame()).await;
            let (kind, payload) = read.map_err(|_| {
                Error::remote(format!("`{}` does not answer", self.name))
                    .why(format!("nothing came from {} within {}", self.address, show_duration(self.within)))
                    .fix("see whether the server hangs; `answer_within` sets how long to wait")
            })??;
            // Heartbeats may come between.
            if kind != 1 {
                continue;
            }
            let mut reader = Reader(&payload);
            let method = reader.short().zip(reader.short()).ok_or_else(|| self.unreadable())?;
            if method == wanted {
                return Ok(reader.0.to_vec());
            }
            if matches!(method, (10, 50) | (20, 40)) {
                let (code, text) =
                    reader.short().zip(reader.short_text()).ok_or_else(|| self.unreadable())?;
                if method == (20, 40) {
                    self.has_channel = false;
                    self.send(CHANNEL, Method::new(20, 41)).await?;
                }
                return Err(Error::remote(format!("`{}` refused", self.name))
                    .why(told(code, &text))
                    .detail("code", code));
            }
        }
    }

    async fn frame(&mut self) -> Result<(u8, Vec<u8>)> {
        let read = async {
            let kind = self.stream.read_u8().await?;
            // A server that speaks another version answers with its own header.
            if kind == b'A' {
                return Err(std::io::Error::other("it speaks another version of the protocol"));
            }
            let _channel = self.stream.read_u16().await?;
            let size = self.stream.read_u32().await?;
            if kind > 8 || size > LONGEST {
                return Err(std::io::Error::other("that is no AMQP"));
            }
            let mut payload = vec![0; usize::try_from(size).unwrap_or(0)];
            self.stream.read_exact(&mut payload).await?;
            match self.stream.read_u8().await? {
                END => Ok((kind, payload)),
                _ => Err(std::io::Error::other("that is no AMQP")),
            }
        };
        read.await.map_err(|why| self.broken(&why))
    }

    fn broken(&self, why: &std::io::Error) -> Error {
        Error::remote(format!("`{}` at {} broke the connection off", self.name, self.address))
            .why(why.to_string())
            .fix("check that this port speaks AMQP 0-9-1, and whether it wants `tls`")
    }

    fn unreadable(&self) -> Error {
        Error::remote(format!("what `{}` at {} says cannot be read", self.name, self.address))
            .fix("check that this port speaks AMQP 0-9-1")
    }

    fn not_let_in(&self, error: Error, login: &Login) -> Error {
        if !error.details.contains_key("code") {
            return error;
        }
        let Login { user, vhost, .. } = login;
        Error::remote(format!("`{}` does not let `{user}` into `{vhost}`", self.name))
            .why(error.why.clone().unwrap_or_default())
            .fix("check `user`, `password` and `vhost` of that resource, and the permissions of the user")
    }
}
