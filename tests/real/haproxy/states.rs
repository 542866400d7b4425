//! States: a server is drained, taken out and let in again; and what HAProxy counts.

use super::*;

#[test]
fn a_server_is_drained_taken_out_and_let_in_again() {
    let Some(edge) = Edge::start() else { return };
    edge.exec(
        r#"
        edge.set_weights("app", #{ blue: 50, green: 50 });
        let receipt = edge.drain("app", "blue", #{ within: "10s" });
        check "drained", receipt == #{ backend: "app", server: "blue", before: "ready", after: "drain" };
        check "it serves nobody", !edge.state("app").blue.serves && edge.state("app").green.serves;
        check "out", edge.maintenance("app", "blue").before == "drain";
        "#,
    )
    .expect(0);
    assert_eq!(edge.haproxy.told(), "50 maintenance, 50 ready");
    assert_eq!(count(edge.haproxy.port, 10, "green"), 10);
    edge.exec("check \"in\", edge.ready(\"app\", \"blue\").after == \"ready\";").expect(0);
    assert_eq!(edge.haproxy.told(), "50 ready, 50 ready");
}

#[test]
fn a_run_that_fails_puts_every_state_back() {
    let Some(edge) = Edge::start() else { return };
    edge.exec(
        r#"
        edge.set_weight("app", "green", 100);
        edge.maintenance("app", "blue");
        edge.drain("app", "blue");
        edge.ready("app", "blue");
        edge.ready("app", "blue");
        edge.drain("app", "blue");
        fail("no");
        "#,
    )
    .expect(1)
    .says("let `app/blue` take its share")
    .hides("NOT");
    assert_eq!(edge.haproxy.told(), "100 ready, 0 ready");
}

#[test]
fn a_drain_that_does_not_end_is_said_and_taken_back() {
    let Some(edge) = Edge::start() else { return };
    edge.blue.slow(20_000);
    let port = edge.haproxy.port;
    std::thread::spawn(move || crate::rig::servers::release::get(port, "/"));
    edge.exec(
        r#"
        retry 100 every "50ms" { check "a request is on it", edge.stats("app").servers.blue.sessions > 0; }
        edge.set_weight("app", "green", 100);
        edge.drain("app", "blue", #{ within: "400ms" });
        "#,
    )
    .expect(1)
    .says("`app/blue` of `haproxy.edge` is not drained")
    .says("1 sessions are left on it");
    assert_eq!(edge.haproxy.told(), "100 ready, 0 ready");
}

#[test]
fn what_haproxy_counts_is_read() {
    let Some(edge) = Edge::start() else { return };
    edge.blue.fail(100);
    assert_eq!(count(edge.haproxy.port, 7, "blue"), 0);
    edge.exec(
        r#"
        let stats = edge.stats("app");
        metric "errors of blue", stats.servers.blue.responses["5xx"] == 7;
        metric "requests of green", stats.servers.green.requests == 0;
        check "the backend", stats.backend.status == "UP" && stats.backend.requests >= 7;
        check "its check", stats.servers.blue.check.contains("L7OK");
        "#,
    )
    .expect(0);
}
