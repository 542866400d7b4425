//! Mails through a real SMTP server: in clear, by STARTTLS with a password, by TLS from the first byte.

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::smtp::{self, Smtp};

fn clear(server: &Smtp) -> Rig {
    Rig::new(&settings(&format!("port = {}\nencryption = \"none\"\n", server.plain)))
}

fn secure(server: &Smtp, more: &str) -> Rig {
    let ca = server.authority();
    let of = format!(
        "port = {}\nca = \"{}\"\nuser = \"deploy\"\npassword = \"env:PASSWORD\"\n{more}",
        server.secure,
        ca.display()
    );
    Rig::new(&settings(&of)).variable("PASSWORD", "hunter2-smtp")
}

fn settings(more: &str) -> String {
    format!(
        "[env.local.mail.team]\nhost = \"localhost\"\nfrom = \"Deploys <deploys@example.com>\"\nto = [\"team@example.com\"]\naccess = \"write\"\n{more}"
    )
}

fn exec(rig: Rig, body: &str) -> (Rig, Seen) {
    rig.exec(&format!("//! Test.\n//! uses = [\"mail.team:write\"]\nlet team = mail(\"team\");\n{body}\n"))
}

#[test]
fn a_mail_arrives_as_text_and_as_html() {
    let Some(server) = smtp::shared() else { return };
    let (_, seen) = exec(
        clear(server),
        r#"let mail = team.send("Deployed <v2> ä", "All is well.\nReally.", #{ to: ["one@example.com", "Two <two@example.com>"],
                               cc: ["three@example.com"], fields: #{ version: "v2-clear" } });
           check "sent", mail.sent && mail.said.contains("accepted") && mail.to.len == 2;"#,
    );
    seen.expect(0);
    let mails = server.mails("v2-clear");
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert!(mail.contains("X-To: one@example.com,two@example.com,three@example.com"), "{mail}");
    for part in [
        "From: Deploys <deploys@example.com>",
        "text/plain",
        "text/html",
        "Message-ID: <playbook.2",
        "multipart/alternative",
    ] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
}

#[test]
fn a_password_goes_only_through_encryption() {
    let Some(server) = smtp::shared() else { return };
    exec(secure(server, ""), r#"check "sent", team.send("S", "by start-1").sent;"#)
        .1
        .expect(0)
        .hides("hunter2");
    let mails = server.mails("start-1");
    assert!(mails[0].contains("X-User: deploy") && mails[0].contains("X-Tls: True"), "{}", mails[0]);
    let of = format!(
        "port = {}\nencryption = \"tls\"\nca = \"{}\"\n",
        server.wrapped,
        server.authority().display()
    );
    exec(Rig::new(&settings(&of)), r#"check "sent", team.send("S", "by wrap-1").sent;"#).1.expect(0);
    assert_eq!(server.mails("wrap-1").len(), 1);
    let of = "encryption = \"none\"\nuser = \"deploy\"\npassword = \"env:PASSWORD\"\n";
    exec(Rig::new(&settings(of)), "").1.expect(2).says("in clear");
}

#[test]
fn what_the_server_refuses_is_told_and_fails_nothing_unless_it_must() {
    let Some(server) = smtp::shared() else { return };
    let (rig, seen) = exec(
        clear(server),
        r#"let bad = team.send("S", "refused-1", #{ to: ["one@example.com", "reject@example.com"] });
           check "not sent", !bad.sent && bad.what.contains("550");
           check "later", team.send("S", "refused-1", #{ to: ["later@example.com"] }).fix.contains("later");"#,
    );
    seen.expect(0).says("no such user here").says("try again later");
    assert!(server.mails("refused-1").is_empty(), "one of the recipients got it");
    exec(rig, r#"team.send("S", "x", #{ to: ["reject@example.com"], must: true });"#)
        .1
        .expect(1)
        .says("no such user here");
    let rig = secure(server, "").variable("PASSWORD", "hunter2-wrong");
    exec(rig, r#"check "not sent", !team.send("S", "x").sent;"#)
        .1
        .expect(0)
        .says("check `user` and `password`")
        .hides("hunter2");
    let (_, seen) = exec(
        clear(server),
        r#"check "not sent", !team.send("S", "x", #{ to: ["slow@example.com"], timeout: "400ms" }).sent;"#,
    );
    seen.expect(0).says("no answer within");
}

#[test]
fn a_server_that_is_not_trusted_or_not_there_gets_nothing() {
    let Some(server) = smtp::shared() else { return };
    let of = format!("port = {}\n", server.secure);
    exec(Rig::new(&settings(&of)), r#"check "not sent", !team.send("S", "x").sent;"#)
        .1
        .expect(0)
        .says("`ca` of [env.local.mail.team]");
    let of = format!("port = {}\nca = \"{}\"\n", server.plain, server.authority().display());
    exec(Rig::new(&settings(&of)), r#"check "not sent", !team.send("S", "x").sent;"#)
        .1
        .expect(0)
        .says("offers no encryption");
    exec(Rig::new(&settings("port = 1\n")), r#"check "not sent", !team.send("S", "x").sent;"#)
        .1
        .expect(0)
        .says("nothing listens");
    exec(
        Rig::new(&settings("port = 1\n")),
        r#"check "not sent", !team.send("S", "x", #{ to: ["nobody"] }).sent;"#,
    )
    .1
    .expect(0)
    .says("no address");
}

#[test]
fn a_plan_sends_nothing_and_the_doctor_only_logs_in() {
    let Some(server) = smtp::shared() else { return };
    let script = "//! T.\n//! uses = [\"mail.team:write\"]\nmail(\"team\").send(\"Plan\", \"planned-1\");\n";
    let rig = secure(server, "").file("test.rhai", script);
    rig.run(&["plan", "test.rhai"]).expect(0).says("mail to team: Plan");
    rig.run(&["doctor"]).expect(0).says("SMTP");
    assert!(server.mails("planned-1").is_empty());
    rig.variable("PASSWORD", "hunter2-wrong")
        .run(&["doctor"])
        .expect(1)
        .says("not permitted")
        .hides("hunter2");
}

#[test]
fn a_run_that_fails_keeps_its_mails_and_is_taken_back_whole() {
    let Some(server) = smtp::shared() else { return };
    exec(clear(server), r#"team.send("S", "kept-1"); check "fails", false;"#).1.expect(1);
    assert_eq!(server.mails("kept-1").len(), 1);
}

#[test]
fn after_a_crash_a_mail_that_may_have_arrived_is_not_sent_again() {
    let Some(server) = smtp::shared() else { return };
    for (moment, word, count) in
        [(crate::rig::crash::BEFORE, "crash-1", 0), (crate::rig::crash::AFTER, "crash-2", 1)]
    {
        let script = format!(
            "//! T.\n//! uses = [\"mail.team:write\"]\ncheck \"not known\", !mail(\"team\").send(\"S\", \"{word}\").sent;\n"
        );
        let rig = clear(server).file("test.rhai", &script);
        rig.killed(moment);
        rig.run(&["resume", "last"]).expect(0).says("may have arrived all the same");
        assert_eq!(server.mails(word).len(), count, "at {moment}");
    }
}
