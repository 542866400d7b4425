//! Kafka brokers as librdkafka's own mock of them: real sockets, real protocol, no disk.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::super::wait_until;
use super::warden::{self, Warden};

/// Three brokers with the topic `orders` of four partitions. At the signal HUP its first partition loses its leader.
const MOCK: &str = r#"
import ctypes as C, signal, sys
L = C.CDLL('librdkafka.so.1')
for name, result, arguments in [
    ('rd_kafka_conf_new', C.c_void_p, []),
    ('rd_kafka_new', C.c_void_p, [C.c_int, C.c_void_p, C.c_char_p, C.c_size_t]),
    ('rd_kafka_mock_cluster_new', C.c_void_p, [C.c_void_p, C.c_int]),
    ('rd_kafka_mock_cluster_bootstraps', C.c_char_p, [C.c_void_p]),
    ('rd_kafka_mock_topic_create', C.c_int, [C.c_void_p, C.c_char_p, C.c_int, C.c_int]),
    ('rd_kafka_mock_partition_set_leader', C.c_int, [C.c_void_p, C.c_char_p, C.c_int32, C.c_int32]),
]:
    function = getattr(L, name); function.restype = result; function.argtypes = arguments
error = C.create_string_buffer(512)
kafka = L.rd_kafka_new(0, L.rd_kafka_conf_new(), error, 512)
mock = L.rd_kafka_mock_cluster_new(kafka, 3)
L.rd_kafka_mock_topic_create(mock, b'orders', 4, 3)
signal.signal(signal.SIGHUP, lambda *_: L.rd_kafka_mock_partition_set_leader(mock, b'orders', 0, -1))
open(sys.argv[1], 'w').write(L.rd_kafka_mock_cluster_bootstraps(mock).decode() + '\n')
while True: signal.pause()
"#;

/// A running cluster; it ends when dropped.
pub struct Cluster {
    warden: Warden,
    /// `127.0.0.1:PORT,127.0.0.1:PORT,127.0.0.1:PORT`.
    pub brokers: String,
}

/// Whether there is a librdkafka here; installed when there is none and that is possible. `false` is said loudly.
pub fn is_here() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    *HERE.get_or_init(|| {
        let have = || warden::on_path("kcat").is_some() && warden::on_path("python3").is_some();
        let here = have() || (warden::apt("kcat", &["kcat", "python3"]) && have());
        here || warden::skip::<()>("kcat with librdkafka", "apt-get install kcat python3").is_some()
    })
}

impl Cluster {
    /// Starts one.
    pub fn start() -> Self {
        let mut told = PathBuf::new();
        let warden = Warden::start("kafka", |folder: &Path| {
            told = folder.join("brokers");
            std::fs::write(folder.join("mock.py"), MOCK).unwrap();
            let mut command = Command::new("python3");
            command.arg(folder.join("mock.py")).arg(&told);
            command
        });
        let read = || std::fs::read_to_string(&told).unwrap_or_default();
        wait_until("the Kafka brokers", 30, || read().ends_with('\n'));
        Self { warden, brokers: read().trim().to_owned() }
    }

    /// Takes the first partition's leader away.
    pub fn lose_leader(&self) {
        self.warden.renew();
    }

    /// Makes all brokers hang.
    pub fn hang(&self) {
        self.warden.hang();
    }

    /// Puts so many messages into the first partition of `orders`.
    pub fn produce(&self, messages: usize) {
        let lines: String = (0..messages).map(|number| format!("{number}\n")).collect();
        let file = self.warden.folder().join("messages");
        std::fs::write(&file, lines).unwrap();
        self.kcat(&["-P", "-t", "orders", "-p", "0", "-l", file.to_str().unwrap()]);
    }

    /// Lets a group take all that is there.
    pub fn consume(&self, group: &str) {
        self.kcat(&["-G", group, "-X", "auto.offset.reset=earliest", "-e", "-q", "orders"]);
    }

    fn kcat(&self, arguments: &[&str]) {
        let output = Command::new("kcat").args(["-b", &self.brokers]).args(arguments).output().unwrap();
        assert!(output.status.success(), "kcat {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
