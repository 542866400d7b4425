//! Signed events to a receiver of one's own.

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::http::{Answer, Got, Http};

fn receiver(server: &Http) -> Rig {
    let settings = format!(
        "[env.local.webhook.catalog]\nurl = \"{}/in\"\nsecret = \"env:KEY\"\naccess = \"write\"\n",
        server.url()
    );
    Rig::new(&settings).variable("KEY", "hunter2-key")
}

fn exec(rig: Rig, body: &str) -> (Rig, Seen) {
    rig.exec(&format!(
        "//! Test.\n//! uses = [\"webhook.catalog:write\"]\nlet catalog = webhook(\"catalog\");\n{body}\n"
    ))
}

/// What a receiver does: the signature by its own key, over the id, the time and the body as they came.
fn is_signed(got: &Got, key: &[u8]) -> bool {
    let signed = format!("{}.{}.{}", got.headers["webhook-id"], got.headers["webhook-timestamp"], got.body);
    let block = |with: u8| (0..64).map(|n| key.get(n).unwrap_or(&0) ^ with).collect::<Vec<u8>>();
    let inner = Sha256::new().chain_update(block(0x36)).chain_update(signed).finalize();
    let whole = Sha256::new().chain_update(block(0x5c)).chain_update(inner).finalize();
    got.headers["webhook-signature"]
        == format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(whole))
}

#[test]
fn an_event_is_signed_and_known_again() {
    let server = Http::start();
    server.tell("/in", &[Answer::new(200, r#"{"seen":true}"#)]);
    let (_, seen) = exec(
        receiver(&server),
        r#"let one = catalog.send("deploy.finished", #{ data: #{ version: "v2" } }); let same = catalog.send("deploy.finished", #{ data: #{ version: "v2" } });
           check "answer", one.sent && one.answer.seen; check "same id", one.id == same.id;
           check "another id", catalog.send("deploy.finished", #{ data: #{ version: "v3" } }).id != one.id;
           check "own id", catalog.send("x", (), #{ id: "mine" }).id == "mine";"#,
    );
    seen.expect(0).hides("hunter2");
    let got = server.got();
    assert!(got.iter().all(|got| is_signed(got, b"hunter2-key")), "{got:?}");
    assert!(!is_signed(&got[0], b"another key"));
    let body: serde_json::Value = serde_json::from_str(&got[0].body).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]["version"], &body["environment"]),
        (&"deploy.finished".into(), &"v2".into(), &"local".into())
    );
    let age =
        jiff::Timestamp::now().as_second() - got[0].headers["webhook-timestamp"].parse::<i64>().unwrap();
    assert!((0..120).contains(&age), "{age}");
}

#[test]
fn a_run_that_fails_sends_what_takes_it_back() {
    let server = Http::start();
    server.tell("/in", &[Answer::new(204, "")]);
    let body = r#"catalog.send("lock", #{ id: 1 }, #{ undo: #{ event: "unlock", data: #{ id: 1 } } }); catalog.send("told"); check "fails", false;"#;
    exec(receiver(&server), body).1.expect(1);
    let types: Vec<String> = server
        .got()
        .iter()
        .map(|got| serde_json::from_str::<serde_json::Value>(&got.body).unwrap()["type"].to_string())
        .collect();
    assert_eq!(types, ["\"lock\"", "\"told\"", "\"unlock\""]);
}

#[test]
fn what_is_not_taken_fails_nothing_unless_it_must() {
    let server = Http::start();
    server.tell("/in", &[Answer::new(401, "who are you")]);
    exec(receiver(&server), r#"check "not sent", !catalog.send("x").sent;"#).1.expect(0).says("who are you");
    exec(receiver(&server), r#"catalog.send("x", (), #{ must: true });"#).1.expect(1).says("401");
    server.tell("/in", &[Answer::never()]);
    exec(receiver(&server), r#"check "not sent", !catalog.send("x", (), #{ timeout: "300ms" }).sent;"#)
        .1
        .expect(0);
    // A second try is safe, because the receiver knows the id.
    server.tell("/in", &[Answer::slam(), Answer::new(200, "")]);
    exec(receiver(&server), r#"check "sent", catalog.send("x", (), #{ retry: 2 }).sent;"#).1.expect(0);
}

#[test]
fn a_plan_sends_nothing_and_the_doctor_no_event() {
    let server = Http::start();
    let rig = receiver(&server).file(
        "test.rhai",
        "//! T.\n//! uses = [\"webhook.catalog:write\"]\nwebhook(\"catalog\").send(\"x\");\n",
    );
    rig.run(&["plan", "test.rhai"]).expect(0).says("of the event x");
    rig.run(&["doctor"]).expect(0).says("signed");
    assert!(server.got().iter().all(|got| got.method == "GET"));
    rig.file("playbook.toml", "[env.local.webhook.catalog]\nurl = \"example.com\"\n")
        .run(&["doctor"])
        .expect(2)
        .says("no address");
}

#[test]
fn after_a_crash_the_same_event_goes_again_under_the_same_id() {
    let server = Http::start();
    server.tell("/in", &[Answer::new(204, "")]);
    let text = "//! T.\n//! uses = [\"webhook.catalog:write\"]\ncheck \"sent\", webhook(\"catalog\").send(\"x\").sent;\n";
    for (moment, count) in [(crate::rig::crash::BEFORE, 1), (crate::rig::crash::AFTER, 2)] {
        let before = server.got().len();
        let rig = receiver(&server).file("test.rhai", text);
        rig.killed(moment);
        rig.run(&["resume", "last"]).expect(0);
        let got = server.got().split_off(before);
        assert_eq!(got.len(), count, "at {moment}");
        assert!(got.iter().all(|one| one.headers["webhook-id"] == got[0].headers["webhook-id"]));
    }
}
