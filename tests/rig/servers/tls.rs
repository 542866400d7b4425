//! OpenSSL's own server with certificates of every sort: good, about to expire, expired, of nobody known, of another name.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::super::{free_port, wait_until};
use super::warden::Warden;

/// A folder of certificates, all but one signed by the same authority.
pub struct Certificates {
    folder: TempDir,
}

/// A server with one certificate; it ends when dropped.
pub struct Server {
    _warden: Warden,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

const CA: &str = "[ca]\ndefault_ca=d\n[d]\ndatabase=ca/index.txt\nnew_certs_dir=ca\nrand_serial=yes\ndefault_md=sha256\n\
                  policy=p\ncopy_extensions=copy\n[p]\ncommonName=supplied\n";

/// The certificates that all tests share.
pub fn certificates() -> &'static Certificates {
    static SHARED: OnceLock<Certificates> = OnceLock::new();
    SHARED.get_or_init(Certificates::make)
}

impl Certificates {
    fn make() -> Self {
        let folder = TempDir::with_prefix("rig-certificates-").unwrap();
        let place = folder.path();
        std::fs::create_dir(place.join("ca")).unwrap();
        std::fs::write(place.join("ca/index.txt"), "").unwrap();
        std::fs::write(place.join("ca.cnf"), CA).unwrap();
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        openssl(
            place,
            &format!("req -x509 {key} -keyout ca.key -out ca.pem -days 30 -subj /CN=rig-authority"),
        );
        let leaf = "-addext basicConstraints=critical,CA:FALSE";
        let names = "-addext subjectAltName=DNS:localhost,DNS:*.rig.test,IP:127.0.0.1";
        let signed = "-CA ca.pem -CAkey ca.key";
        openssl(
            place,
            &format!(
                "req -x509 {key} {signed} -keyout good.key -out good.pem -days 20 -subj /CN=good {names} {leaf}"
            ),
        );
        openssl(
            place,
            &format!(
                "req -x509 {key} {signed} -keyout short.key -out short.pem -days 3 -subj /CN=short {names} {leaf}"
            ),
        );
        openssl(
            place,
            &format!("req -x509 {key} -keyout alone.key -out alone.pem -days 20 -subj /CN=alone {names}"),
        );
        openssl(
            place,
            &format!(
                "req -x509 {key} {signed} -keyout other.key -out other.pem -days 20 -subj /CN=other -addext subjectAltName=DNS:other.test {leaf}"
            ),
        );
        openssl(
            place,
            &format!("req -new {key} -keyout expired.key -out expired.csr -subj /CN=expired {names} {leaf}"),
        );
        openssl(
            place,
            "ca -batch -notext -config ca.cnf -cert ca.pem -keyfile ca.key -in expired.csr -out expired.pem \
             -startdate 20240101000000Z -enddate 20250101000000Z",
        );
        Self { folder }
    }

    /// The authority's own certificate.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The certificate of that name; its key lies beside it.
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.pem"))
    }

    /// Starts a server that shows the certificate of that name.
    pub fn serve(&self, name: &str) -> Server {
        let port = free_port();
        let path = |end: &str| self.folder.path().join(format!("{name}.{end}"));
        let warden = Warden::start("tls", |_| {
            let mut command = Command::new("openssl");
            command.args(["s_server", "-accept", &format!("127.0.0.1:{port}"), "-www", "-quiet", "-cert"]);
            command.arg(path("pem")).arg("-key").arg(path("key"));
            command
        });
        wait_until("the TLS server", 20, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Server { _warden: warden, port }
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let output =
        Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
