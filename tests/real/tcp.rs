//! `tcp` against real sockets: one that greets, one that is silent, one that is closed.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::rig::seen::Seen;
use crate::rig::{Rig, free_port};

/// A server that greets, and answers a line with another; it ends with the test process.
fn greeter(greeting: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    serve(listener, greeting);
    port
}

fn serve(listener: TcpListener, greeting: &'static str) {
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || talk(&mut stream, greeting));
        }
    });
}

fn talk(stream: &mut TcpStream, greeting: &str) -> std::io::Result<()> {
    stream.write_all(greeting.as_bytes())?;
    let mut buffer = [0; 64];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        if buffer[..count].starts_with(b"PING") {
            stream.write_all(b"PONG\r\n")?;
        }
    }
}

fn rig(address: &str, patience: &str) -> Rig {
    Rig::new(&format!("[env.local.tcp.port]\naddress = \"{address}\"\nconnect_timeout = \"{patience}\"\n"))
}

fn exec(address: &str, lines: &str) -> Seen {
    rig(address, "3s")
        .exec(&format!("//! Test.\n//! uses = [\"tcp.port:read\"]\nlet port = tcp(\"port\");\n{lines}\n"))
        .1
}

#[test]
fn a_port_that_greets_is_connected_to_and_its_words_are_told() {
    let port = greeter("220 mail.test ESMTP\r\n");
    let lines = r#"
        let seen = port.connect(#{ expect: "220", under: "10s" });
        check "banner", seen.banner == "220 mail.test ESMTP";
        metric "connect (ms)", seen.ms < 10000.0;
        check "asked", port.connect(#{ send: "PING\r\n", expect: "PONG" }).banner.contains("PONG");
        check "no greeting is waited for", port.connect().banner == "";
        check "open", port.is_open();
    "#;
    exec(&format!("127.0.0.1:{port}"), lines).expect(0);
}

#[test]
fn a_wrong_greeting_and_a_silent_service_say_what_came() {
    let port = greeter("500 go away\r\n");
    exec(&format!("127.0.0.1:{port}"), r#"port.connect(#{ expect: "220" });"#)
        .expect(1)
        .says("`tcp.port` said `500 go away`, wanted `220`")
        .says("nothing more came within 3.0s");
    let silent = greeter("");
    exec(&format!("127.0.0.1:{silent}"), r#"port.connect(#{ expect: "220" });"#)
        .expect(1)
        .says("`tcp.port` said nothing, wanted `220`");
}

#[test]
fn a_closed_port_is_refused_and_an_unknown_host_is_not_taken_for_a_closed_one() {
    let port = free_port();
    exec(&format!("127.0.0.1:{port}"), "check \"closed\", !port.is_open(); port.connect();")
        .expect(1)
        .says(&format!("nothing listens at 127.0.0.1:{port}"))
        .says("start the server");
    exec("no-such-host.invalid:80", "port.is_open();")
        .expect(1)
        .says("the host `no-such-host.invalid` was not found");
    exec("nonsense", "port.connect();").expect(1).says("`nonsense` is no address");
}

#[test]
fn a_full_queue_times_out_with_the_time_that_was_set() {
    // A listener that accepts nobody: its queue fills, and the next one waits for ever.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        held.push(stream);
        assert!(held.len() < 5000, "the queue does not fill");
    }
    exec(&address.to_string(), "port.connect();").expect(1).says("did not accept a connection within 3.0s");
}

#[test]
fn waiting_ends_when_the_port_opens_or_the_time_is_over() {
    let port = free_port();
    exec(&format!("127.0.0.1:{port}"), r#"port.wait(#{ within: "300ms", every: "50ms" });"#)
        .says("was not open within 300ms")
        .says("nothing listens at");
    let rig = rig(&format!("127.0.0.1:{port}"), "500ms");
    let script = "//! T.\n//! uses = [\"tcp.port:read\"]\nlet seen = tcp(\"port\").wait(#{ within: \"30s\", every: \"20ms\", expect: \"READY\" });\ncheck \"tried\", seen.attempts >= 1;\n";
    let rig = rig.file("test.rhai", script);
    let mut child = rig.command(&["exec", "test.rhai"]).spawn().unwrap();
    serve(TcpListener::bind(("127.0.0.1", port)).unwrap(), "READY\r\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_plan_connects_for_reads_and_waits_for_nothing_and_a_run_without_the_grant_is_denied() {
    let port = free_port();
    let script = "//! T.\n//! uses = [\"tcp.port:read\"]\ntcp(\"port\").wait();\n";
    rig(&format!("127.0.0.1:{port}"), "3s")
        .file("test.rhai", script)
        .run(&["plan", "test.rhai"])
        .expect(0)
        .says("wait until tcp.port is open, at most 30s");
    rig("127.0.0.1:1", "3s").exec("//! T.\ntcp(\"port\").connect();\n").1.expect(3).says("tcp.port:read");
}
