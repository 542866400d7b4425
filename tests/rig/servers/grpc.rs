//! A real gRPC server with the standard health service, of gRPC's own Python library.

use std::process::Command;
use std::sync::OnceLock;

use super::super::{free_port, wait_until};
use super::warden::{self, Warden};

/// `shop.v1.Orders` serves and `shop.v1.Bills` does not; at the signal HUP that changes.
const SERVER: &str = r#"
import signal, sys
from concurrent import futures
import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
server = grpc.server(futures.ThreadPoolExecutor(4))
state = health.HealthServicer()
SERVING, NOT = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
state.set('', SERVING); state.set('shop.v1.Orders', SERVING); state.set('shop.v1.Bills', NOT)
if sys.argv[2] == 'healthy':
    health_pb2_grpc.add_HealthServicer_to_server(state, server)
signal.signal(signal.SIGHUP, lambda *_: state.set('shop.v1.Bills', SERVING))
server.add_insecure_port('127.0.0.1:' + sys.argv[1])
server.start()
while True: signal.pause()
"#;

/// A running server; it ends when dropped.
pub struct Server {
    warden: Warden,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

/// Whether the library is here; installed when it is not and that is possible. `false` is said loudly.
pub fn is_here() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    *HERE.get_or_init(|| {
        let home = warden::tools().join("grpc");
        let have = || {
            Command::new(home.join("bin/python"))
                .args(["-c", "import grpc_health"])
                .output()
                .is_ok_and(|it| it.status.success())
        };
        let install = || {
            eprintln!("installing gRPC's Python library for the tests …");
            warden::install(Command::new("python3").args(["-m", "venv"]).arg(&home))
                && warden::install(Command::new(home.join("bin/pip")).args([
                    "install",
                    "-q",
                    "grpcio==1.71.0",
                    "grpcio-health-checking==1.71.0",
                ]))
        };
        let here = have() || (install() && have());
        here || warden::skip::<()>("gRPC for Python", "pip install grpcio grpcio-health-checking").is_some()
    })
}

impl Server {
    /// Starts one; `kind` is `healthy`, or `plain` for one without the health service.
    pub fn start(kind: &str) -> Self {
        let port = free_port();
        let warden = Warden::start("grpc", |folder| {
            std::fs::write(folder.join("server.py"), SERVER).unwrap();
            let mut command = Command::new(warden::tools().join("grpc/bin/python"));
            command.arg(folder.join("server.py")).arg(port.to_string()).arg(kind);
            command
        });
        wait_until("the gRPC server", 60, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { warden, port }
    }

    /// Lets every service serve from now on.
    pub fn recover(&self) {
        self.warden.renew();
    }

    /// Makes it hang.
    pub fn hang(&self) {
        self.warden.hang();
    }
}
