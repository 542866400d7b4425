//! Alertmanager: alerts and silences, against a real one.

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::alertmanager::{self, Alertmanager};

fn script(access: &str, lines: &str) -> String {
    format!(
        "//! Test.\n//!\n//! uses = [\"alertmanager.main:{access}\"]\nlet alarm = alertmanager(\"main\");\nstep \"test\" {{\n{lines}\n}}\n"
    )
}

fn exec(server: &Alertmanager, lines: &str) -> Seen {
    Rig::new(&server.settings("write")).exec(&script("write", lines)).1
}

/// How many silences are active.
fn active(server: &Alertmanager) -> usize {
    server.get("/api/v2/silences").matches("\"state\":\"active\"").count()
}

#[test]
fn alerts_are_read_and_silenced() {
    if !alertmanager::is_here() {
        return;
    }
    let server = Alertmanager::start();
    Rig::new(&server.settings("write")).well("alertmanager.main", "Alertmanager 0.");
    server.fire("HighErrorRate", "severity", "page");
    server.fire("SlowDisk", "severity", "ticket");
    exec(
        &server,
        r#"
        check "both", alarm.alerts().map(|alert| alert.name).len() == 2;
        let pages = alarm.alerts(#{ labels: #{ severity: "=~pa.*" } });
        check "one", pages.len() == 1 && pages[0].name == "HighErrorRate" && pages[0].state == "active" && pages[0].annotations.summary == "it is bad";
        let silence = alarm.silence(#{ alertname: "HighErrorRate", severity: "!=ticket" }, #{ for: "30m", comment: "the canary" });
        check "made", silence.created;
        check "one and the same", alarm.silence(#{ alertname: "HighErrorRate", severity: "!=ticket" }, #{ for: "30m", comment: "the canary" }) == #{ id: silence.id, ends_at: silence.ends_at, created: false };
        retry 50 every "100ms" { check "nobody is told", alarm.alerts(#{ labels: #{ severity: "page" } }) == []; }
        check "it is there, suppressed", alarm.alerts(#{ suppressed: true, labels: #{ severity: "page" } })[0].silenced_by == [silence.id];
        let all = alarm.silences();
        check "listed", all.len() == 1 && all[0].labels == #{ alertname: "HighErrorRate", severity: "!=ticket" } && all[0].comment.starts_with("the canary [playbook ");
        check "ended", alarm.unsilence(silence.id).ended == 1;
        check "none", alarm.silences() == [];
        "#,
    )
    .expect(0);
}

#[test]
fn a_run_that_fails_ends_its_silence_and_no_other() {
    if !alertmanager::is_here() {
        return;
    }
    let server = Alertmanager::start();
    exec(&server, "alarm.silence(#{ job: \"other\" });").expect(0);
    exec(&server, "alarm.silence(#{ job: \"api\" }); alarm.silence(#{ job: \"api\" }); fail(\"no\");")
        .expect(1)
        .says("silence job=\"api\" for 1h")
        .says("end the silence [playbook ")
        .hides("NOT");
    assert_eq!(active(&server), 1);
    // Ending one is taken back by one that is like it.
    exec(&server, "alarm.unsilence(alarm.silences()[0].id); fail(\"no\");").expect(1).hides("NOT");
    assert_eq!(active(&server), 1);
    exec(&server, "let one = alarm.silences()[0]; check \"like it\", one.labels == #{ job: \"other\" } && one.comment.starts_with(\"a deployment\");").expect(0);
}

#[test]
fn plan_grants_and_wrong_words() {
    if !alertmanager::is_here() {
        return;
    }
    let server = Alertmanager::start();
    let line = "alarm.silence(#{ alertname: \"X\" }, #{ for: \"30m\" });";
    let rig = Rig::new(&server.settings("write")).file("test.rhai", &script("write", line));
    rig.run(&["plan", "test.rhai"]).expect(0).says("silence alertname=\"X\" for 30m");
    Rig::new(&server.settings("read"))
        .exec(&script("write", line))
        .1
        .expect(3)
        .says("alertmanager.main:write");
    for (line, code, says) in [
        ("alarm.silence(#{}, #{ for: \"5m\" });", 1, "no label says which alerts are meant"),
        ("alarm.silence(#{ a: \"x\" }, #{ for: \"soon\" });", 2, "no duration"),
        (
            "alarm.silence(#{ a: \"x\" }, #{ ends_at: \"2020-01-01T00:00:00Z\" });",
            1,
            "start time must be before end time",
        ),
        ("alarm.silence(#{ a: \"=~(\" });", 1, "error parsing regexp"),
        ("alarm.unsilence(\"e10156c5-e899-4094-b034-5afadfacafe4\");", 1, "that is not over"),
        ("alarm.unsilence();", 1, "give one of the two"),
    ] {
        exec(&server, line).expect(code).says(says);
    }
    assert_eq!(active(&server), 0);
}

#[test]
fn one_that_is_away_or_says_nothing_is_told() {
    if !alertmanager::is_here() {
        return;
    }
    let server = Alertmanager::start();
    server.hang();
    exec(&server, "alarm.alerts(#{ timeout: \"300ms\" });").expect(4).says("300ms");
    exec(&server, "alarm.silence(#{ a: \"x\" }, #{ timeout: \"300ms\" });").expect(4).hides("in doubt");
    server.go_on();
    let proxy = crate::rig::servers::proxy::Proxy::http(server.port);
    let settings = server.settings("write").replace(&server.port.to_string(), &proxy.port.to_string());
    // It was sent, and its answer never came: whether it is there cannot be told without looking.
    proxy.when("POST", "/silences", crate::rig::servers::proxy::Fault::Half(0), 1);
    let (_, seen) = Rig::new(&settings).exec(&script("write", "alarm.silence(#{ a: \"x\" });"));
    assert_ne!(seen.code, 0, "{seen}");
    seen.says("in doubt");
    assert_eq!(active(&server), 0, "the doubtful silence was ended with the run");
    proxy.when("GET", "", crate::rig::servers::proxy::Fault::Answer(403), 1);
    Rig::new(&settings)
        .exec(&script("write", "alarm.alerts();"))
        .1
        .expect(1)
        .says("403")
        .says("give more rights");
}

#[test]
fn a_crash_around_a_silence_is_survived() {
    if !alertmanager::is_here() {
        return;
    }
    let server = Alertmanager::start();
    let rig = || Rig::new(&server.settings("write"));
    let line = "alertmanager(\"main\").silence(#{ alertname: \"X\" }, #{ for: \"30m\" });";
    crate::rig::crash::survives(rig, "alertmanager.main:write", line, || active(&server));
    exec(&server, "alarm.silence(#{ alertname: \"Y\" }, #{ for: \"30m\", comment: \"for-y\" });").expect(0);
    let line = "alertmanager(\"main\").unsilence(#{ mark: \"for-y\" });";
    crate::rig::crash::survives(rig, "alertmanager.main:write", line, || active(&server));
}
