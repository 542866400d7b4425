//! HTTPS against OpenSSL's own server with a certificate that only its maker knows.

use std::process::{Child, Command, Stdio};

use super::{exec, project};
use crate::rig::{free_port, wait_until};

struct Tls {
    folder: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl Tls {
    fn start() -> Self {
        let folder = tempfile::TempDir::with_prefix("rig-tls-").unwrap();
        openssl(&folder, "-keyout ca.key -out ca.pem -subj /CN=rig-authority");
        let names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
        let leaf = "-keyout key.pem -out cert.pem -subj /CN=rig-server -CA ca.pem -CAkey ca.key";
        openssl(&folder, &format!("{leaf} -addext {names} -addext basicConstraints=critical,CA:FALSE"));
        let port = free_port();
        let child = Command::new("openssl")
            .args([
                "s_server",
                "-accept",
                &format!("127.0.0.1:{port}"),
                "-cert",
                "cert.pem",
                "-key",
                "key.pem",
                "-www",
                "-quiet",
            ])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("the TLS server", 20, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { folder, port, child }
    }

    fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }
}

/// Makes a key and its certificate.
fn openssl(folder: &tempfile::TempDir, arguments: &str) {
    let made = Command::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3".split(' '))
        .args(arguments.split(' '))
        .current_dir(folder.path())
        .stderr(Stdio::null())
        .status();
    assert!(made.expect("this test needs the program `openssl`").success(), "{arguments}");
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_unknown_authority_is_refused_and_a_named_one_is_trusted() {
    let server = Tls::start();
    let seen = exec(project(&server.url(), ""), r#"api.get("/");"#).expect(1);
    seen.says("is signed by nobody known here").says("as `ca` of that resource");

    let certificate = std::fs::read_to_string(server.folder.path().join("ca.pem")).unwrap();
    let rig = project(&server.url(), "ca = \"ca.pem\"").file("ca.pem", &certificate);
    exec(rig, r#"check "trusted", api.get("/").status == 200;"#).expect(0);

    let rig = project(&server.url(), "ca = \"ca.pem\"").file("ca.pem", "no certificate");
    exec(rig, r#"api.get("/");"#).expect(1).says("`ca` of `http.api` holds no certificate");
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let server = Tls::start();
    let certificate = std::fs::read_to_string(server.folder.path().join("ca.pem")).unwrap();
    let rig = project(&format!("https://127.0.0.2:{}", server.port), "ca = \"ca.pem\"")
        .file("ca.pem", &certificate);
    // Nothing listens there, or somebody without that name: never is it an answer.
    exec(rig, r#"api.get("/");"#).expect(1).says("GET / of `http.api` failed");
}
