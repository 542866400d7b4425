//! A real SMTP server, `aiosmtpd`: with STARTTLS by a certificate of the rig's own, with passwords, and with addresses that
//! it refuses (`reject@` for good, `later@` for now).

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::warden::{self, Warden};

/// The server: it keeps each mail as a file, and takes the user `deploy` with the password `hunter2-smtp`.
const SERVER: &str = r#"
import asyncio, itertools, os, ssl, sys
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

folder, plain, secure, wrapped = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
box = os.path.join(folder, "box")
os.makedirs(box)
number = itertools.count(1)

class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("reject@"):
            return "550 5.1.1 no such user here"
        if address.startswith("later@"):
            return "451 4.7.1 try again later"
        if address.startswith("slow@"):
            await asyncio.sleep(600)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        path = os.path.join(box, "%04d" % next(number))
        user = session.auth_data.login.decode() if session.authenticated else ""
        with open(path + ".part", "wb") as file:
            file.write(("X-To: %s\r\nX-User: %s\r\nX-Tls: %s\r\n" % (",".join(envelope.rcpt_tos), user, bool(session.ssl))).encode())
            file.write(envelope.original_content)
        os.rename(path + ".part", path + ".eml")
        return "250 2.0.0 Message accepted"

def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"deploy", b"hunter2-smtp")
    return AuthResult(success=good, handled=False, auth_data=data)

context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(os.path.join(folder, "server.pem"), os.path.join(folder, "server.key"))
common = dict(hostname="127.0.0.1")
one = Controller(Handler(), port=plain, **common)
two = Controller(Handler(), port=secure, tls_context=context, require_starttls=True, authenticator=authenticate, auth_required=True, **common)
three = Controller(Handler(), port=wrapped, ssl_context=context, **common)
for controller in (one, two, three):
    controller.start()
print("ready", flush=True)
asyncio.new_event_loop().run_forever()
"#;

/// A running server.
pub struct Smtp {
    warden: Warden,
    /// The port without encryption.
    pub plain: u16,
    /// The port that wants STARTTLS and a password.
    pub secure: u16,
    /// The port that speaks TLS from the first byte.
    pub wrapped: u16,
}

/// The server that all tests share. `None`, said loudly, when there is none to be had.
pub fn shared() -> Option<&'static Smtp> {
    static SHARED: OnceLock<Option<Smtp>> = OnceLock::new();
    SHARED.get_or_init(start).as_ref()
}

fn start() -> Option<Smtp> {
    let Some(python) = python() else {
        return warden::skip("aiosmtpd", "pip install aiosmtpd");
    };
    let [plain, secure, wrapped] = [0; 3].map(|_: u16| super::super::free_port());
    let warden = Warden::start("smtp", |folder| {
        certificates(folder);
        std::fs::write(folder.join("server.py"), SERVER).unwrap();
        let mut command = Command::new(python);
        command
            .arg(folder.join("server.py"))
            .arg(folder)
            .args([plain, secure, wrapped].map(|port| port.to_string()));
        command
    });
    super::super::wait_until("aiosmtpd", 60, || {
        [plain, secure, wrapped].iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
    });
    Some(Smtp { warden, plain, secure, wrapped })
}

impl Smtp {
    /// The file of the authority that signed its certificate.
    pub fn authority(&self) -> PathBuf {
        self.warden.folder().join("ca.pem")
    }

    /// The mails that hold `text`.
    pub fn mails(&self, text: &str) -> Vec<String> {
        let files = std::fs::read_dir(self.warden.folder().join("box")).unwrap();
        let eml = files
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "eml"));
        eml.map(|path| std::fs::read_to_string(path).unwrap()).filter(|mail| mail.contains(text)).collect()
    }
}

/// A Python that has aiosmtpd; installed into the tools' cache where it is missing.
fn python() -> Option<PathBuf> {
    let root = warden::tools().join("smtp");
    let cached = root.join("bin/python");
    let has = |python: &Path| {
        Command::new(python).args(["-c", "import aiosmtpd"]).output().is_ok_and(|done| done.status.success())
    };
    let own = warden::on_path("python3")?;
    if has(&own) {
        return Some(own);
    }
    if !cached.exists() || !has(&cached) {
        let made = warden::install(Command::new(own).args(["-m", "venv"]).arg(&root));
        let pip = ["install", "--quiet", "aiosmtpd>=1.4,<2"];
        let _ = made && warden::install(Command::new(root.join("bin/pip")).args(pip));
    }
    (cached.exists() && has(&cached)).then_some(cached)
}

/// An authority, and a certificate of it for localhost.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3";
        let mut openssl = Command::new("openssl");
        openssl.args(key.split(' ')).args(arguments.split(' ')).current_dir(folder);
        assert!(warden::install(&mut openssl), "this test needs the program `openssl`");
    };
    openssl("-keyout ca.key -out ca.pem -subj /CN=rig");
    openssl(
        "-CA ca.pem -CAkey ca.key -keyout server.key -out server.pem -subj /CN=localhost \
         -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE",
    );
}
