//! A real RabbitMQ: one server for all tests, and just enough of its protocol to fill a queue and take from it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use super::super::{free_port, wait_until};
use super::warden;

/// Starts both programs in a group of their own, and ends the whole group when its input is closed.
const RUN: &str = r#"folder=$1; port=$2; epmd=$3; dist=$4
export HOME=$folder ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$epmd RABBITMQ_NODENAME=rig$port@localhost
export RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$port RABBITMQ_DIST_PORT=$dist RABBITMQ_CONF_ENV_FILE=/dev/null
export RABBITMQ_MNESIA_BASE=$folder/data RABBITMQ_LOG_BASE=$folder/logs RABBITMQ_CONFIG_FILE=$folder/rabbitmq.conf
export RABBITMQ_ENABLED_PLUGINS_FILE=$folder/plugins RABBITMQ_PID_FILE=$folder/pid
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 1:1"
echo "[]." >$folder/plugins; echo "log.console = true" >$folder/rabbitmq.conf
epmd -address 127.0.0.1 -port $epmd >/dev/null 2>&1 &
/usr/lib/rabbitmq/bin/rabbitmq-server >$folder/log 2>&1 </dev/null &
echo begun; cat >/dev/null; rm -rf "$folder"; kill -KILL 0"#;

/// A running server, which ends with the test process.
pub struct Server {
    _child: Child,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

/// A connection of a client that is let in as `guest`.
pub struct Client(TcpStream);

/// The server that all tests share; `None`, said loudly, where there is none.
pub fn shared() -> Option<&'static Server> {
    static SHARED: OnceLock<Option<Server>> = OnceLock::new();
    SHARED.get_or_init(Server::start).as_ref()
}

impl Server {
    fn start() -> Option<Self> {
        let have = || Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server").exists();
        let is_here = have() || (warden::apt("RabbitMQ", &["rabbitmq-server"]) && have());
        if !is_here {
            return warden::skip("RabbitMQ", "apt-get install rabbitmq-server");
        }
        let folder = TempDir::with_prefix("rig-rabbit-").unwrap().keep();
        let (port, epmd, dist) = (free_port(), free_port(), free_port());
        let mut command = Command::new("setsid");
        command.args(["sh", "-c", RUN, "rabbit"]).arg(&folder);
        command.args([port, epmd, dist].map(|port| port.to_string()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        let server = Self { _child: child, port };
        wait_until("RabbitMQ", 120, || server.try_client().is_some());
        Some(server)
    }

    fn try_client(&self) -> Option<Client> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).ok()?;
        let mut client = Client(stream);
        client.0.write_all(b"AMQP\0\0\x09\x01").ok()?;
        client.until(10, 10)?;
        let start =
            [&0_u32.to_be_bytes()[..], b"\x05PLAIN", &12_u32.to_be_bytes(), b"\0guest\0guest", b"\x05en_US"];
        client.send(10, 11, &start.concat());
        client.until(10, 30)?;
        // It takes no offer above its own of 2047 channels.
        client.send(10, 31, &[7, 255, 0, 2, 0, 0, 0, 0]);
        client.send(10, 40, b"\x01/\0\0");
        client.until(10, 41)?;
        client.send_on(1, 20, 10, b"\0");
        client.until(20, 11)?;
        Some(client)
    }

    /// A client that was let in.
    pub fn client(&self) -> Client {
        self.try_client().unwrap()
    }
}

impl Client {
    /// Declares a queue, and puts so many messages into it.
    pub fn fill(&mut self, queue: &str, messages: u32) {
        let named = [&[u8::try_from(queue.len()).unwrap()], queue.as_bytes()].concat();
        self.send_on(1, 50, 10, &[&[0, 0], &named[..], &[0], &[0; 4]].concat());
        self.until(50, 11).unwrap();
        for _ in 0..messages {
            self.send_on(1, 60, 40, &[&[0, 0, 0], &named[..], &[0]].concat());
            // The header of a message of one byte, and the byte.
            self.frame(2, 1, &[&60_u16.to_be_bytes()[..], &[0, 0], &1_u64.to_be_bytes(), &[0, 0]].concat());
            self.frame(3, 1, b"x");
        }
        // Answered behind the messages, on the same channel.
        self.send_on(1, 50, 10, &[&[0, 0], &named[..], &[1], &[0; 4]].concat());
        self.until(50, 11).unwrap();
    }

    /// Takes from a queue as long as this client lives, acknowledging nothing and wanting all.
    pub fn consume(&mut self, queue: &str) {
        let named = [&[u8::try_from(queue.len()).unwrap()], queue.as_bytes()].concat();
        self.send_on(1, 60, 20, &[&[0, 0], &named[..], &[0, 2], &[0; 4]].concat());
        self.until(60, 21).unwrap();
    }

    fn send(&mut self, class: u16, method: u16, arguments: &[u8]) {
        self.send_on(0, class, method, arguments);
    }

    fn send_on(&mut self, channel: u16, class: u16, method: u16, arguments: &[u8]) {
        self.frame(1, channel, &[&class.to_be_bytes()[..], &method.to_be_bytes(), arguments].concat());
    }

    fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        let size = u32::try_from(payload.len()).unwrap();
        let frame = [&[kind][..], &channel.to_be_bytes(), &size.to_be_bytes(), payload, &[0xCE]].concat();
        self.0.write_all(&frame).unwrap();
    }

    /// Reads on until that method comes.
    fn until(&mut self, class: u16, method: u16) -> Option<()> {
        loop {
            let mut head = [0; 7];
            self.0.read_exact(&mut head).ok()?;
            let size = u32::from_be_bytes(head[3..7].try_into().unwrap());
            let mut payload = vec![0; size as usize + 1];
            self.0.read_exact(&mut payload).ok()?;
            let got = [&class.to_be_bytes()[..], &method.to_be_bytes()].concat();
            if head[0] == 1 && payload.starts_with(&got) {
                return Some(());
            }
            assert!(!payload.starts_with(&[0, 10, 0, 50]), "{}", String::from_utf8_lossy(&payload));
        }
    }
}
