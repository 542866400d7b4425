//! Blue/green: all traffic moves at once, only to what is well, and comes back when it does not stay so.

use super::*;
use crate::rig::servers::release::count;

const MOVE: &str = r#"
    let from = blue_green::live(edge, "app");
    blue_green::move_traffic(edge, "app", #{
        from: from, to: "green", hold: "1s", every: "200ms", tolerate: 0,
        before: [#{ name: "green answers", probe: http("green"), path: "/healthz", under: 2000 }],
        conditions: [#{ name: "errors", measure: || edge.stats("app").servers.green.responses["5xx"], equals: 0 }],
    });
"#;

#[test]
fn all_traffic_moves_and_comes_back_when_errors_come() {
    let Some(stage) = Stage::start(true) else { return };
    stage.green.down(true);
    stage.exec(MOVE).expect(1).says("✘ green answers").hides("100 % to green");
    assert_eq!(stage.haproxy.told(), "100 ready, 0 ready");
    stage.green.down(false);
    let is_up = || {
        stage
            .haproxy
            .ask("show stat")
            .lines()
            .any(|line| line.starts_with("app,green") && line.contains(",L7OK,"))
    };
    crate::rig::wait_until("green is up again", 10, is_up);
    stage.exec(MOVE).expect(0).says("✔ green answers").says("✔ errors: 0 (== 0)");
    assert_eq!(stage.haproxy.told(), "0 ready, 100 ready");
    assert_eq!(count(stage.haproxy.port, 10, "green"), 10);
    // Back to blue, which has nothing against it; then to a green that fails.
    let back = MOVE.replace("to: \"green\"", "to: \"blue\"").replace("servers.green", "servers.blue");
    stage.exec(&back).expect(0);
    stage.green.fail(100);
    stage
        .exec(MOVE)
        .expect(1)
        .says("roll back, at 100 %")
        .says("errors: it is")
        .says("Return all traffic to blue");
    assert_eq!(stage.haproxy.told(), "100 ready, 0 ready");
}
