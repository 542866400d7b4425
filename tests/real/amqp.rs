//! `amqp` against RabbitMQ.

use std::net::TcpListener;

use crate::rig::seen::Seen;
use crate::rig::servers::front::Tls;
use crate::rig::servers::{rabbit, tls};
use crate::rig::{Rig, free_port};

fn rig(port: u16, more: &str) -> Rig {
    Rig::new(&format!(
        "[env.local.amqp.jobs]\naddress = \"127.0.0.1:{port}\"\nanswer_within = \"2s\"\n{more}\n"
    ))
    .variable("AMQP_PASSWORD", "wr0ng-Pa55word")
}

const HEAD: &str = "//! Test.\n//! uses = [\"amqp.jobs:read\"]\nlet jobs = amqp(\"jobs\");\n";

fn exec(rig: Rig, lines: &str) -> Seen {
    rig.exec(&format!("{HEAD}{lines}\n")).1
}

#[test]
fn the_server_tells_its_version_and_a_queue_its_depth_and_consumers() {
    let Some(server) = rabbit::shared() else { return };
    let mut client = server.client();
    client.fill("mails", 7);
    let lines = r#"
        let server = jobs.server();
        check `server ${server}`, server.product == "RabbitMQ" && server.version.starts_with("3.");
        let queue = jobs.queue("mails");
        check `queue ${queue}`, queue.messages == 7 && queue.consumers == 0;
    "#;
    exec(rig(server.port, ""), lines).expect(0);
    exec(rig(server.port, ""), "jobs.drained(\"mails\", #{ within: \"200ms\", every: \"50ms\" });")
        .says("7 messages still wait in the queue mails of `amqp.jobs` after 200ms")
        .says("0 consumers take from it");
    let script = format!(
        "{HEAD}let queue = jobs.drained(\"mails\", #{{ within: \"30s\", every: \"20ms\" }}); check \"consumer\", queue.consumers == 1;\n"
    );
    let rig = rig(server.port, "").file("test.rhai", &script);
    rig.run(&["plan", "test.rhai"]).expect(0).says("wait until at most 0 messages wait in the queue mails");
    let mut child = rig.command(&["exec", "test.rhai"]).spawn().unwrap();
    client.consume("mails");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_wrong_password_a_wrong_host_and_a_missing_queue_are_told_in_the_servers_words() {
    let Some(server) = rabbit::shared() else { return };
    exec(rig(server.port, "password = \"env:AMQP_PASSWORD\""), "jobs.server();")
        .expect(1)
        .says("`amqp.jobs` does not let `guest` into `/`")
        .says("ACCESS_REFUSED")
        .hides("wr0ng-Pa55word");
    exec(rig(server.port, "vhost = \"elsewhere\""), "jobs.server();")
        .expect(1)
        .says("does not let `guest` into `elsewhere`");
    exec(rig(server.port, ""), "jobs.queue(\"nothing\");")
        .expect(1)
        .says("`amqp.jobs` has no queue nothing")
        .says("NOT_FOUND - no queue 'nothing'");
}

#[test]
fn what_is_no_broker_and_what_says_nothing_says_so() {
    exec(rig(free_port(), ""), "jobs.server();").expect(1).says("nothing listens at");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let short = rig(port, "").file(
        "playbook.toml",
        &format!("[env.local.amqp.jobs]\naddress = \"127.0.0.1:{port}\"\nanswer_within = \"200ms\"\n"),
    );
    exec(short, "jobs.server();").expect(1).says("`amqp.jobs` does not answer").says("within 200ms");
    let greets = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = greets.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::Write as _;
        greets.incoming().flatten().for_each(|mut stream| drop(stream.write_all(b"220 mail.test ESMTP\r\n")));
    });
    exec(rig(port, ""), "jobs.server();").expect(1).says("check that this port speaks AMQP 0-9-1");
    rig(1, "").exec("//! T.\namqp(\"jobs\").server();\n").1.expect(3).says("amqp.jobs:read");
}

#[test]
fn an_encrypted_server_is_asked_when_its_authority_is_known() {
    let Some(server) = rabbit::shared() else { return };
    let certificates = tls::certificates();
    let lines = "check \"version\", jobs.server().product == \"RabbitMQ\";";
    let ask = |name: &str, more: &str| {
        let front = Tls::before(server.port, &certificates.certificate(name));
        exec(rig(front.port, more), lines)
    };
    let more = format!("tls = true\nca = \"{}\"", certificates.authority().display());
    ask("good", &more).expect(0);
    ask("expired", &more).expect(1).says("does not shake hands").says("expired");
    ask("other", &more).expect(1).says("does not shake hands");
    ask("good", "tls = true").expect(1).says("`ca` names who signed");
    ask("good", "").expect(1).says("whether it wants `tls`");
    exec(rig(server.port, &more), lines).expect(1).says("does not shake hands");
}
