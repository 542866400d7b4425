//! One connection to one node: made, let in, asked; closed when dropped.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo as _, Pipeline,
    RedisConnectionInfo, RedisError, RedisResult, TlsCertificates, Value,
};

use super::address::Address;
use super::errors::{self, Scene};
use super::settings::{Login, Target};
use crate::base::error::Result;

/// The name that the server shows for these connections.
const NAME: &str = "playbook";

/// One connection to one node.
#[derive(Debug)]
pub(super) struct Node {
    /// Where it leads.
    pub(super) address: Address,
    connection: MultiplexedConnection,
}

impl Node {
    /// Connects to `address` as `login`, within the time that the settings give. Whatever fails has changed nothing.
    pub(super) async fn connect(
        target: &Target,
        named: &str,
        address: &Address,
        login: &Login,
    ) -> Result<Self> {
        let scene = Scene { named, address };
        let made = async {
            let mut connection = open(address, target.tls.as_ref())
                .await
                .map_err(|why| errors::unreachable(scene, target.tls.is_some(), &why))?;
            let commands = introduction(login);
            let answers = connection
                .send_packed_commands(&commands, 0, commands.len())
                .await
                .map_err(|why| errors::unreachable(scene, target.tls.is_some(), &why))?;
            let user = login.user.as_ref().map(crate::base::secret::Revealed::expose);
            let last = answers.len().saturating_sub(1);
            for (number, answer) in answers.iter().enumerate() {
                match answer {
                    // Not to be known by name is no reason to stay away, unless nobody is let in at all.
                    Value::ServerError(why) if number < last || is_closed_to_all(&errors::words(why)) => {
                        return Err(errors::no_entry(scene, user, why));
                    }
                    _ => {}
                }
            }
            Ok(Self { address: address.clone(), connection })
        };
        let made = tokio::time::timeout(target.connect_timeout, made).await;
        made.unwrap_or_else(|_| Err(errors::silent(scene, target.tls.is_some(), target.connect_timeout)))
    }

    /// Sends one command. A refusal is an answer; an error means that the connection is gone.
    pub(super) async fn ask(&mut self, command: &Cmd) -> RedisResult<Value> {
        self.connection.send_packed_command(command).await
    }

    /// Sends commands in one go; the answers in their order, refusals among them.
    pub(super) async fn ask_all(&mut self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        let answers = self.connection.send_packed_commands(commands, 0, commands.len()).await?;
        match answers.len() == commands.len() {
            true => Ok(answers),
            false => {
                Err(RedisError::from((ErrorKind::Parse, "the number of answers is not that of the commands")))
            }
        }
    }
}

/// The bare connection. Its login is ours to do: the client library keeps the server's words on a refusal to itself.
async fn open(address: &Address, tls: Option<&TlsCertificates>) -> RedisResult<MultiplexedConnection> {
    let (host, port) = (address.host.clone(), address.port);
    let place = match tls {
        Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        None => ConnectionAddr::Tcp(host, port),
    };
    // A server that has gone without a word is noticed within two minutes, not within two hours.
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(15))
        .with_retries(4);
    let info = place
        .into_connection_info()?
        .set_tcp_settings(TcpSettings::default().set_nodelay(true).set_keepalive(keepalive))
        .set_redis_settings(RedisConnectionInfo::default().set_skip_set_lib_name());
    let client = match tls {
        Some(certificates) => Client::build_with_tls(info, certificates.clone())?,
        None => Client::open(info)?,
    };
    // How long an answer may take is for the deadline of the call to say.
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// What is said first: who it is, which database, and by which name the server shows the connection.
fn introduction(login: &Login) -> Pipeline {
    let mut commands = Pipeline::new();
    if let Some(password) = &login.password {
        commands.cmd("AUTH");
        if let Some(user) = &login.user {
            commands.arg(user.expose());
        }
        commands.arg(password.expose());
    }
    if login.database != 0 {
        commands.cmd("SELECT").arg(login.database);
    }
    commands.cmd("CLIENT").arg("SETNAME").arg(NAME);
    commands
}

fn is_closed_to_all(words: &str) -> bool {
    words.starts_with("DENIED") || words.contains("max number of clients")
}
