//! The canary: promoted when it is well, back to nothing when it is not, and told apart from what could not be told.

use super::*;
use crate::rig::servers::nginx::{self, Nginx};
use crate::rig::servers::release::count;

/// A canary with these further options.
fn canary(options: &str) -> String {
    format!(
        "let metrics = prometheus(\"main\");\n\
         let green = \"colour='green'\";\n\
         let errors = `sum(rate(requests_total{{code='500',${{green}}}}[5s])) / sum(rate(requests_total{{${{green}}}}[5s]))`;\n\
         let p95 = `histogram_quantile(0.95, sum by (le) (rate(request_seconds_bucket{{${{green}}}}[5s])))`;\n\
         let outcome = canary::release(edge, \"app\", #{{\n\
             stable: \"blue\", canary: \"green\", steps: [25, 100], hold: \"2s\", every: \"500ms\", blind: 12,\n\
             requests: || metrics.value(`sum(requests_total{{${{green}}}})`), at_least: 3,\n{options}\n}});\n"
    )
}

const CONDITIONS: &str = r#"conditions: [
    #{ name: "error rate", measure: || metrics.value(errors), below: 0.05 },
    #{ name: "p95 (s)", measure: || metrics.value(p95), below: 0.25 },
    #{ name: "health", probe: http("green"), path: "/healthz", under: 2000 },
],"#;

#[test]
fn a_good_release_is_promoted() {
    let Some(stage) = Stage::start(true) else { return };
    let body =
        canary(CONDITIONS) + "check \"promoted\", outcome.verdict == \"promote\" && outcome.share == 100;";
    stage
        .exec(&body)
        .expect(0)
        .says("25 % to green")
        .says("✔ error rate")
        .says("✔ p95 (s)")
        .says("✔ requests");
    assert_eq!(stage.haproxy.told(), "0 ready, 100 ready");
    assert!(stage.blue.served() > 0 && count(stage.haproxy.port, 10, "green") == 10);
}

#[test]
fn a_release_with_errors_loses_its_traffic_at_once() {
    let Some(stage) = Stage::start(true) else { return };
    stage.green.fail(60);
    stage
        .exec(&canary(&CONDITIONS.replace("conditions", "tolerate: 0, conditions")))
        .expect(1)
        .says("green was not promoted: roll back, at 25 %")
        .says("error rate: it is ")
        .says("Return all traffic to blue")
        .hides("100 % to green")
        .hides("NOT");
    assert_eq!(stage.haproxy.told(), "100 ready, 0 ready");
    assert_eq!(count(stage.haproxy.port, 10, "blue"), 10);
}

#[test]
fn a_release_that_is_slow_or_ill_loses_its_traffic() {
    let Some(stage) = Stage::start(true) else { return };
    stage.green.slow(400);
    let seen = stage.exec(&canary(CONDITIONS)).expect(1);
    seen.says("roll back, at 25 %").says("p95 (s): it is ");
    assert_eq!(stage.haproxy.told(), "100 ready, 0 ready");
    stage.green.slow(0);
    // It is ill, and the one that says so is the release itself.
    stage.green.down(true);
    let probe = "conditions: [#{ name: \"health\", probe: http(\"green\"), path: \"/healthz\" }],";
    stage.exec(&canary(probe)).expect(1).says("roll back").says("health: ").says("503");
    assert_eq!(stage.haproxy.told(), "100 ready, 0 ready");
}

#[test]
fn too_little_traffic_is_no_verdict() {
    let Some(stage) = Stage::start(false) else { return };
    assert!(stage.stream.is_none());
    stage
        .exec(&canary("conditions: [],"))
        .expect(1)
        .says("not promoted: inconclusive, at 25 %")
        .says("only 0 requests came, and 3 are wanted")
        .says("Return all traffic to blue");
    assert_eq!(stage.haproxy.told(), "100 ready, 0 ready");
}

#[test]
fn a_check_that_crashes_is_no_verdict() {
    let Some(stage) = Stage::start(false) else { return };
    for (measure, says) in [
        ("prometheus(\"gone\").value(\"1\")", "nothing listens at"),
        ("metrics.value(\"no_such_series\")", "no series matches"),
        ("metrics.value(\"0 / 0\")", "there is nothing to measure yet"),
        ("throw \"out of paper\"", "out of paper"),
    ] {
        let options =
            format!("blind: 1, conditions: [#{{ name: \"it\", measure: || {{ {measure} }}, below: 1 }}],");
        stage
            .exec(&canary(&options).replace("blind: 12,", ""))
            .expect(1)
            .says("not promoted: inconclusive, at 25 %")
            .says(says)
            .says("Return all traffic to blue");
        assert_eq!(stage.haproxy.told(), "100 ready, 0 ready", "{measure}");
    }
    // What no script may catch ends the run, and the run gives the traffic back.
    let options =
        "conditions: [#{ name: \"it\", measure: || http(\"gre\" + \"en\").post(\"/\").status, below: 1 }],";
    stage
        .exec(&canary(options))
        .expect(3)
        .says("25 % to green")
        .says("http.green:write")
        .says("--> test.rhai:");
    assert_eq!(stage.haproxy.told(), "100 ready, 0 ready");
}

#[test]
fn a_later_failure_takes_the_whole_canary_back() {
    let Some(stage) = Stage::start(true) else { return };
    let body = canary("conditions: [],") + "fail(\"the next step went wrong\");";
    let seen = stage.exec(&body).expect(1).says("✔ requests").hides("NOT");
    let back = seen.stdout.split("taken back:").nth(1).unwrap();
    assert_eq!(back.matches("↩").count(), 1, "{seen}");
    assert_eq!(stage.haproxy.told(), "100 ready, 0 ready");
}

#[test]
fn a_plan_tells_every_step_and_does_none() {
    let Some(stage) = Stage::start(false) else { return };
    let rig = stage.rig(&canary(CONDITIONS));
    rig.run(&["plan", "test.rhai"])
        .expect(0)
        .says("set the weights of `app`: blue 75, green 25")
        .says("set the weights of `app`: blue 0, green 100")
        .hides("depends on");
    rig.run(&["check", "test.rhai"]).expect(0).says("nothing wrong");
    assert_eq!(stage.haproxy.told(), "100 ready, 0 ready");
}

#[test]
fn wrong_options_are_refused_before_any_traffic_moves() {
    let Some(stage) = Stage::start(false) else { return };
    for (options, says) in [
        ("#{ stable: \"blue\" }", "give `stable` and `canary`"),
        ("#{ stable: \"blue\", canary: \"blue\" }", "is both the stable release and the canary"),
        ("#{ stable: \"blue\", canary: \"green\", steps: [50, 10] }", "growing percentages"),
        ("#{ stable: \"blue\", canary: \"green\", holt: \"5m\" }", "a canary has no option \"holt\""),
        (
            "#{ stable: \"blue\", canary: \"green\", conditions: [#{ name: \"x\", below: 1 }] }",
            "cannot be judged: x",
        ),
        ("#{ stable: \"blue\", canary: \"green\", hold: \"long\" }", "no duration"),
    ] {
        stage.exec(&format!("canary::shift(edge, \"app\", {options});")).expect(1).says(says);
        assert_eq!(stage.haproxy.told(), "100 ready, 0 ready", "{options}");
    }
}

#[test]
fn any_system_with_weights_will_do() {
    if !nginx::is_here() {
        return;
    }
    let (blue, green) = (Release::start("blue"), Release::start("green"));
    let nginx = Nginx::start(blue.port, green.port);
    let before = nginx.upstream();
    let settings = format!(
        "{}[env.local.http.green]\nurl = \"http://127.0.0.1:{}\"\n",
        nginx.settings("write"),
        green.port
    );
    let body = "//! Test.\n//!\n//! uses = [\"nginx.edge:write\", \"http.green:read\"]\nimport \"std/canary\" as canary;\n\
        canary::release(nginx(\"edge\"), \"app\", #{ stable: \"blue\", canary: \"green\", steps: [10, 100], hold: \"300ms\", every: \"100ms\",\n\
        conditions: [#{ name: \"health\", probe: http(\"green\"), path: \"/healthz\", under: 2000 }] });\n";
    green.down(true);
    Rig::new(&settings).exec(body).1.expect(1).says("roll back, at 10 %");
    assert_eq!(nginx.upstream(), before);
    green.down(false);
    Rig::new(&settings).exec(body).1.expect(0);
    assert_eq!(count(nginx.port, 10, "green"), 10);
}
