//! The demo application of `examples/demo`, built once, and its roles as servers.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::warden::{self, Warden};

/// The program; built when it is not, which takes some seconds, once. It needs nothing that these tests do not need
/// themselves, so where it cannot be built they fail.
pub fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROGRAM.get_or_init(build).as_ref().expect("cargo cannot build examples/demo: see above why")
}

fn build() -> Option<PathBuf> {
    let cargo = warden::on_path("cargo")?;
    // Beside the tests' own folder: whoever builds them at the same time holds the lock of that one.
    let target = Path::new(env!("CARGO_BIN_EXE_playbook")).ancestors().nth(2)?.join("demo");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo/Cargo.toml");
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--locked", "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(&target);
    (warden::install(&mut command)).then(|| target.join("debug/demo"))
}

/// One role of the demo that runs until it is dropped; it answers when this returns.
pub fn role(arguments: &str, port: u16) -> Warden {
    let program = program();
    let warden = Warden::start("demo", |_| {
        let mut command = Command::new(program);
        command.args(arguments.split_whitespace()).args(["--port", &port.to_string()]);
        command
    });
    super::super::wait_until("the demo", 30, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    warden
}
