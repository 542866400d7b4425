//! Messages in a chat, against a recorder that answers what Slack's manual says.

use serde_json::Value;

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::http::{Answer, Http};

const POSTED: &str = r#"{"ok":true,"channel":"C123","ts":"1503435956.000247","message":{"text":"x"}}"#;

fn web_api(server: &Http) -> Rig {
    let settings = format!(
        "[env.local.chat.team]\ntoken = \"env:SLACK\"\nchannel = \"#deploys\"\nurl = \"{}/api\"\naccess = \"write\"\nrun_url = \"https://runs.example.com/{{run}}\"\n",
        server.url()
    );
    Rig::new(&settings).variable("SLACK", "xoxb-hunter2-token")
}

fn hook(server: &Http, kind: &str) -> Rig {
    let settings =
        format!("[env.local.chat.team]\nkind = \"{kind}\"\nwebhook = \"env:HOOK\"\naccess = \"write\"\n");
    Rig::new(&settings).variable("HOOK", &format!("{}/services/T0/B0/hunter2-secret", server.url()))
}

fn exec(rig: Rig, body: &str) -> (Rig, Seen) {
    rig.exec(&format!("//! Test.\n//! uses = [\"chat.team:write\"]\nlet team = chat(\"team\");\n{body}\n"))
}

fn body(server: &Http, number: usize) -> Value {
    serde_json::from_str(&server.got()[number].body).unwrap()
}

#[test]
fn a_message_a_reply_and_an_update_go_through_the_web_api() {
    let server = Http::start();
    server.tell("/api/chat.postMessage", &[Answer::new(200, POSTED)]);
    server.tell("/api/chat.update", &[Answer::new(200, POSTED)]);
    let (_, seen) = exec(
        web_api(&server),
        r#"let post = team.post("Deploying <v2> …", #{ title: "Deploy", fields: #{ version: "v2", rows: 7 }, severity: "warning",
                                                     links: #{ diff: "https://example.com/d" }, mention: ["here"] });
           check "sent", post.sent && post.id == "1503435956.000247" && post.channel == "C123";
           team.post("half way", #{ reply_to: post });
           check "updated", team.update(post, "Deployed", #{ severity: "success" }).sent;"#,
    );
    seen.expect(0).hides("hunter2");
    let got = server.got();
    assert_eq!(got[0].headers["authorization"], "Bearer xoxb-hunter2-token");
    let first = body(&server, 0);
    assert_eq!(first["channel"], "#deploys");
    let blocks = first["attachments"][0]["blocks"].to_string();
    assert!(
        blocks.contains("&lt;v2&gt;") && blocks.contains("<!here>") && blocks.contains("*rows*\\n7"),
        "{blocks}"
    );
    assert!(blocks.contains("https://runs.example.com/2") && blocks.contains("local · run 2"), "{blocks}");
    assert_eq!(
        (&body(&server, 1)["thread_ts"], &body(&server, 1)["channel"]),
        (&"1503435956.000247".into(), &"C123".into())
    );
    assert_eq!(
        (&body(&server, 2)["ts"], &body(&server, 2)["channel"]),
        (&"1503435956.000247".into(), &"C123".into())
    );
}

#[test]
fn a_failed_message_fails_nothing_unless_it_must() {
    let server = Http::start();
    server.tell("/api/chat.postMessage", &[Answer::new(200, r#"{"ok":false,"error":"channel_not_found"}"#)]);
    let (rig, seen) = exec(
        web_api(&server),
        r#"let post = team.post("hello");
           check "not sent", !post.sent && post.what.contains("channel_not_found") && post.fix.contains("deploys");
           step "goes on" { log("still here"); }"#,
    );
    seen.expect(0).says("channel_not_found").says("still here");
    // It is journalled as what it was.
    let shown = rig.run(&["show", "last", "--output", "json"]).expect(0).stdout;
    let ended = shown.split("effect_ended").nth(1).unwrap();
    assert!(ended.contains("\"outcome\": \"failed\"") && ended.contains("channel_not_found"), "{ended}");
    let (_, seen) = exec(rig, r#"team.post("hello", #{ must: true });"#);
    seen.expect(1).says("channel_not_found").says("invite the app");
}

#[test]
fn where_nobody_answers_or_the_secret_is_missing_the_run_goes_on_too() {
    let gone = "[env.local.chat.team]\ntoken = \"env:SLACK\"\nchannel = \"#x\"\nurl = \"http://127.0.0.1:1/api\"\naccess = \"write\"\n";
    let body = r#"let post = team.post("hello"); check "not sent", !post.sent; check "again", team.update(post, "x").sent == false;"#;
    exec(Rig::new(gone).variable("SLACK", "xoxb-hunter2"), body)
        .1
        .expect(0)
        .says("nothing listens")
        .hides("hunter2");
    exec(Rig::new(gone), body).1.expect(0).says("has no value");
    let server = Http::start();
    server.tell("/api/chat.postMessage", &[Answer::never()]);
    let (_, seen) =
        exec(web_api(&server), r#"check "not sent", !team.post("hello", #{ timeout: "300ms" }).sent;"#);
    seen.expect(0).says("no answer within");
    let (_, seen) = exec(web_api(&server), r#"team.post("hello", #{ timeout: "300ms", must: true });"#);
    seen.expect(5);
}

#[test]
fn a_limit_is_waited_for_within_the_time_and_no_longer() {
    let server = Http::start();
    let limited = |seconds: &str| {
        Answer::new(429, r#"{"ok":false,"error":"ratelimited"}"#).header("retry-after", seconds)
    };
    server.tell("/api/chat.postMessage", &[limited("1"), Answer::new(200, POSTED)]);
    let begin = std::time::Instant::now();
    exec(web_api(&server), r#"check "sent", team.post("hello").sent;"#).1.expect(0).says("asked to wait");
    assert!(begin.elapsed().as_millis() >= 1000, "it did not wait");
    server.tell("/api/chat.postMessage", &[limited("3600")]);
    let begin = std::time::Instant::now();
    let (_, seen) = exec(web_api(&server), r#"check "not sent", !team.post("hello").sent;"#);
    seen.expect(0).says("asks to wait 1h 00m").says("ratelimited");
    assert!(begin.elapsed().as_secs() < 20, "it waited for what could not come in time");
}

#[test]
fn a_webhook_takes_messages_and_its_address_stays_secret() {
    let server = Http::start();
    server.tell("/services/T0/B0/hunter2-secret", &[Answer::new(200, "ok")]);
    let (_, seen) = exec(
        hook(&server, "slack"),
        r#"let post = team.post("hello"); check "sent", post.sent; check "no id", post.id == ();
           check "no update", !team.update("1.2", "x").sent; check "no thread", !team.post("x", #{ reply_to: "1.2" }).sent;"#,
    );
    seen.expect(0).says("only takes new messages").says("knows no threads").hides("hunter2");
    server.tell("/services/T0/B0/hunter2-secret", &[Answer::new(404, "no_service")]);
    let (rig, seen) = exec(hook(&server, "slack"), r#"team.post("hello");"#);
    seen.expect(0).says("no_service").hides("hunter2");
    rig.run(&["show", "last", "--output", "json"]).expect(0).hides("hunter2");
}

#[test]
fn a_receiver_of_ones_own_gets_plain_json() {
    let server = Http::start();
    server.tell("/services/T0/B0/hunter2-secret", &[Answer::new(200, r#"{"id":7}"#)]);
    let (_, seen) = exec(
        hook(&server, "webhook"),
        r#"check "id", team.post("hello", #{ fields: #{ a: 1 }, severity: "error", reply_to: "5" }).id == 7;"#,
    );
    seen.expect(0);
    let got = body(&server, 0);
    assert_eq!(
        (&got["text"], &got["fields"]["a"], &got["severity"], &got["environment"]),
        (&"hello".into(), &"1".into(), &"error".into(), &"local".into())
    );
    assert_eq!(got["reply_to"], "5");
}

#[test]
fn a_plan_posts_nothing_and_a_wrong_option_is_found_before() {
    let server = Http::start();
    let script = "//! T.\n//! uses = [\"chat.team:write\"]\nlet post = chat(\"team\").post(\"hello\");\nchat(\"team\").update(post, \"x\");\n";
    let rig = web_api(&server).file("test.rhai", script);
    rig.run(&["plan", "test.rhai"]).expect(0).says("post to team: hello");
    assert!(server.got().is_empty(), "a plan has posted");
    let rig = rig.file(
        "test.rhai",
        "//! T.\n//! uses = [\"chat.team:write\"]\nchat(\"team\").post(\"x\", #{ sevrity: \"info\" });\n",
    );
    rig.run(&["check", "test.rhai"]).expect(2).says("sevrity").says("severity");
    let rig = rig.file("test.rhai", "//! T.\n//! uses = [\"chat.team:read\"]\nchat(\"team\").post(\"x\");\n");
    rig.run(&["exec", "test.rhai"]).expect(3);
}

#[test]
fn a_run_that_fails_keeps_its_messages_and_is_taken_back_whole() {
    let server = Http::start();
    server.tell(
        "/api/chat.postMessage",
        &[Answer::new(200, POSTED), Answer::new(200, r#"{"ok":false,"error":"is_archived"}"#)],
    );
    // Neither a message that was posted nor one that was not leaves anything to take back.
    exec(web_api(&server), r#"team.post("one"); team.post("two"); check "fails", false;"#)
        .1
        .expect(1)
        .says("is_archived");
}

#[test]
fn the_doctor_tells_whose_token_it_is() {
    let server = Http::start();
    server.tell("/api/auth.test", &[Answer::new(200, r#"{"ok":true,"user":"deploybot","team":"Shop"}"#)]);
    web_api(&server).run(&["doctor"]).expect(0).says("as deploybot in Shop");
    server.tell("/api/auth.test", &[Answer::new(200, r#"{"ok":false,"error":"invalid_auth"}"#)]);
    web_api(&server)
        .run(&["doctor"])
        .expect(1)
        .says("not permitted")
        .says("renew the token")
        .hides("hunter2");
    assert!(server.got().iter().all(|got| got.path == "/api/auth.test"));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for (settings, says) in [
        ("", "neither `webhook` nor `token`"),
        ("token = \"env:A\"", "needs the `channel`"),
        ("token = \"env:A\"\nwebhook = \"env:B\"", "both"),
        ("kind = \"webhook\"", "no `webhook`"),
    ] {
        let rig = Rig::new(&format!("[env.local.chat.team]\n{settings}\n"))
            .file("test.rhai", "//! T.\nlog(\"x\");\n");
        rig.run(&["exec", "test.rhai"]).expect(2).says(says);
    }
}

#[test]
fn after_a_crash_a_message_that_may_be_there_is_not_posted_again() {
    use crate::rig::crash::{AFTER, BEFORE};
    let posted = |moment: &str, line: &str| {
        let server = Http::start();
        server.tell("/api/chat.postMessage", &[Answer::new(200, POSTED)]);
        server.tell("/api/chat.update", &[Answer::new(200, POSTED)]);
        let script = format!(
            "//! T.\n//! uses = [\"chat.team:write\"]\nlet team = chat(\"team\");\n{line}\nlog(\"on\");\n"
        );
        let rig = web_api(&server).file("test.rhai", &script);
        rig.killed(moment);
        let seen = rig.run(&["resume", "last"]);
        // What was found out then stays so.
        assert!(rig.run(&["resume", "last"]).code == 2 || seen.code == 5, "{seen}");
        (seen, server.got().len())
    };
    // Nobody is kept waiting for a notice, and nobody gets it twice.
    for (moment, count) in [(BEFORE, 0), (AFTER, 1)] {
        let (seen, sent) = posted(moment, r#"check "not known", !team.post("hello").sent;"#);
        seen.expect(0).says("may have arrived all the same").says("on_doubt: \"retry\"");
        assert_eq!(sent, count);
    }
    let (seen, sent) = posted(AFTER, r#"check "sent", team.post("hello", #{ on_doubt: "retry" }).sent;"#);
    seen.expect(0);
    assert_eq!(sent, 2);
    let (seen, sent) = posted(AFTER, r#"team.post("hello", #{ must: true });"#);
    seen.expect(5).says("it is not known whether `chat.team.post` was done");
    assert_eq!(sent, 1);
    // The same text in the same place is there once.
    let (seen, sent) = posted(AFTER, r#"check "sent", team.update("1503435956.000247", "v2").sent;"#);
    seen.expect(0);
    assert_eq!(sent, 2);
}

#[test]
fn the_path_of_a_webhook_in_clear_is_shown_nowhere() {
    let port = crate::rig::free_port();
    let settings = |path: &str| {
        format!(
            "[env.local.chat.team]\nkind = \"webhook\"\nwebhook = \"http://127.0.0.1:{port}{path}\"\naccess = \"write\"\n"
        )
    };
    let (_, seen) =
        exec(Rig::new(&settings("/inbox/T0/hunter2Token")), r#"team.post("hello", #{ must: true });"#);
    seen.expect(1).hides("hunter2").says("`webhook` of that resource");
    let (_, seen) = exec(Rig::new(&settings("/services/T0/B0/hunter2Token")), r#"team.post("hello");"#);
    seen.expect_any(&[2, 3]).hides("hunter2").says("webhook = \"env:SLACK_WEBHOOK\"");
}
