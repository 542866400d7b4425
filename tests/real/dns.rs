//! `dns` against dnsmasq, alone and as several servers that do not agree.

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::dns::{self, Server};

fn rig(servers: &[&Server], more: &str) -> Rig {
    let list: Vec<String> = servers.iter().map(|server| format!("\"127.0.0.1:{}\"", server.port)).collect();
    Rig::new(&format!(
        "[env.local.dns.public]\nresolvers = [{}]\nanswer_within = \"1s\"\n{more}\n",
        list.join(", ")
    ))
}

const HEAD: &str = "//! Test.\n//! uses = [\"dns.public:read\"]\nlet dns = dns(\"public\");\n";

fn exec(rig: Rig, lines: &str) -> Seen {
    rig.exec(&format!("{HEAD}{lines}\n")).1
}

const RECORDS: [&str; 5] = [
    "--address=/api.test/192.0.2.10",
    "--address=/api.test/2001:db8::10",
    "--mx-host=shop.test,mail.test,10",
    "--txt-record=shop.test,v=spf1 -all",
    "--cname=www.shop.test,api.test",
];

#[test]
fn records_of_every_kind_are_read() {
    if !dns::is_here() {
        return;
    }
    let server = Server::start(&RECORDS);
    server.tell("192.0.2.1 one.test\n192.0.2.2 one.test\n");
    let lines = r#"
        let one = dns.records("one.test");
        check `two ${one}`, one.map(|r| r.value) == ["192.0.2.1", "192.0.2.2"] && one[0].ttl == 7 && one[0].kind == "A";
        check "AAAA", dns.records("api.test", "AAAA")[0].value == "2001:db8::10";
        check "MX", dns.records("shop.test", "mx")[0].value == "10 mail.test";
        check "TXT", dns.records("shop.test", "TXT")[0].value == "v=spf1 -all";
        check "none", dns.records("one.test", "MX").len() == 0;
        check "resolves", dns.resolves("one.test", ["192.0.2.2", "192.0.2.1"]).ttl == 7;
        dns.resolves("one.test", ["192.0.2.1"]);
    "#;
    exec(rig(&[&server], ""), lines)
        .expect(1)
        .says("one.test has other A records than it should")
        .says("it has 192.0.2.1, 192.0.2.2, wanted 192.0.2.1");
}

#[test]
fn what_is_not_there_not_answered_and_not_allowed_differ() {
    if !dns::is_here() {
        return;
    }
    let server = Server::start(&RECORDS);
    exec(rig(&[&server], ""), "dns.records(\"nobody.test\");")
        .expect(1)
        .says("knows no name nobody.test")
        .says("NXDOMAIN");
    exec(rig(&[&server], ""), "dns.records(\"elsewhere.example\");").expect(1).says("answered: ");
    exec(rig(&[&server], "zones = [\"shop.test\"]"), "dns.records(\"api.test\");")
        .expect(3)
        .says("may not be asked for api.test");
    exec(rig(&[&server], ""), "dns.records(\"api.test\", \"AB\");")
        .expect(1)
        .says("`AB` is no kind of records");
    rig(&[&server], "")
        .exec("//! T.\ndns(\"public\").records(\"api.test\");\n")
        .1
        .expect(3)
        .says("dns.public:read");
    server.hang();
    exec(rig(&[&server], ""), "dns.records(\"api.test\");").expect(1).says("does not answer");
    // The next one of the list is asked then.
    let second = Server::start(&RECORDS);
    exec(rig(&[&server, &second], ""), "check \"second\", dns.records(\"api.test\").len() == 1;").expect(0);
}

#[test]
fn a_change_has_propagated_when_every_server_gives_it() {
    if !dns::is_here() {
        return;
    }
    let (one, two) = (Server::start(&[]), Server::start(&[]));
    one.tell("192.0.2.2 api.test\n");
    two.tell("192.0.2.1 api.test\n");
    let wait = "dns.propagated(\"api.test\", [\"192.0.2.2\"], #{ within: \"WITHIN\", every: \"30ms\" })";
    exec(rig(&[&one, &two], ""), &format!("{};", wait.replace("WITHIN", "3s")))
        .says("1 of 2 servers of `dns.public` did not give 192.0.2.2 for api.test within 3s")
        .says(&format!("127.0.0.1:{} still gives 192.0.2.1, for up to 7 s more", two.port));
    let rig = rig(&[&one, &two], "").file(
        "test.rhai",
        &format!(
            "{HEAD}let seen = {}; check \"servers\", seen.servers.len() == 2;\n",
            wait.replace("WITHIN", "30s")
        ),
    );
    rig.run(&["plan", "test.rhai"])
        .expect(0)
        .says("wait until every server of dns.public gives 192.0.2.2 for A of api.test");
    let mut child = rig.command(&["exec", "test.rhai"]).spawn().unwrap();
    two.tell("192.0.2.2 api.test\n");
    assert!(child.wait().unwrap().success());
}
