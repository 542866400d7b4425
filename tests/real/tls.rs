//! `tls` against OpenSSL's server with certificates of every sort.

use std::net::TcpListener;

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::tls::certificates;

fn rig(port: u16, more: &str) -> Rig {
    let ca = certificates().authority();
    Rig::new(&format!(
        "[env.local.tls.api]\naddress = \"127.0.0.1:{port}\"\nca = \"{}\"\nconnect_timeout = \"2s\"\n{more}\n",
        ca.display()
    ))
}

fn exec(rig: Rig, lines: &str) -> Seen {
    rig.exec(&format!("//! Test.\n//! uses = [\"tls.api:read\"]\nlet tls = tls(\"api\");\n{lines}\n")).1
}

#[test]
fn a_good_certificate_is_read_and_verified() {
    let server = certificates().serve("good");
    let lines = r#"
        let seen = tls.verify(#{ days: 14 });
        check `seen ${seen}`, seen.days_left in 18..=20;
        check "subject", seen.subject == "CN=good" && seen.issuer == "CN=rig-authority";
        check "names", seen.names == ["localhost", "*.rig.test", "127.0.0.1"];
        check "trusted", seen.verified && seen.name_matches && !seen.expired && seen.why == ();
        check "protocol", seen.protocol == "TLS 1.3" && seen.cipher.contains("AES");
        check "key", seen.key == "EC 256";
        check "digest", seen.sha256.len() == 64;
        check "chain", seen.chain[0] == "CN=good";
        check "times", seen.not_after > seen.not_before;
    "#;
    exec(rig(server.port, ""), lines).expect(0);
    exec(rig(server.port, "server_name = \"api.rig.test\""), "tls.verify();").expect(0);
    exec(rig(server.port, ""), "tls.verify(#{ days: 60 });")
        .expect(1)
        .says("more days, wanted 60")
        .says("fix: renew it");
}

#[test]
fn a_certificate_that_cannot_be_trusted_is_read_all_the_same_and_says_why() {
    let cases = [
        ("expired", "", "it has expired", "renew it, and make the server read the new one"),
        ("alone", "", "it is signed by itself", "name the authority's file as `ca`"),
        ("other", "", "", "have it issued for `127.0.0.1`"),
        ("good", "server_name = \"api.example.com\"", "", "have it issued for `api.example.com`"),
    ];
    for (name, more, why, fix) in cases {
        let server = certificates().serve(name);
        let lines = format!(
            "let seen = tls.certificate(); check \"read\", !seen.verified && seen.subject == \"CN={name}\"; \
             check \"expired\", seen.expired == {}; check \"why\", seen.why.contains(\"{why}\");",
            name == "expired"
        );
        exec(rig(server.port, more), &lines).expect(0);
        exec(rig(server.port, more), "tls.verify();")
            .expect(1)
            .says("the certificate of `tls.api` cannot be trusted")
            .says(fix);
    }
}

#[test]
fn days_are_counted_for_one_that_is_about_to_expire() {
    let server = certificates().serve("short");
    exec(
        rig(server.port, ""),
        "metric \"days\", tls.certificate().days_left <= 3; tls.verify(#{ days: 14 });",
    )
    .expect(1)
    .says("more days, wanted 14");
}

#[test]
fn what_is_no_tls_server_says_so() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    exec(rig(port, ""), "tls.certificate();")
        .expect(1)
        .says("did not shake hands")
        .says("nothing came within 2.0s");
    let greets = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = greets.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::Write as _;
        greets.incoming().flatten().for_each(|mut stream| drop(stream.write_all(b"220 mail.test ESMTP\r\n")));
    });
    exec(rig(port, ""), "tls.certificate();").expect(1).says("does not shake hands");
    exec(rig(crate::rig::free_port(), ""), "tls.certificate();").expect(1).says("nothing listens at");
    let wrong = Rig::new("[env.local.tls.api]\naddress = \"127.0.0.1:1\"\nca = \"playbook.toml\"\n");
    exec(wrong, "tls.certificate();").expect(1).says("holds no certificate");
    rig(1, "").exec("//! T.\ntls(\"api\").certificate();\n").1.expect(3).says("tls.api:read");
}
