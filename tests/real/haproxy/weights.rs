//! Weights: real requests follow them, and a run that fails puts them back.

use super::*;

#[test]
fn requests_follow_the_weights() {
    let Some(edge) = Edge::start() else { return };
    assert_eq!(count(edge.haproxy.port, 20, "green"), 0);
    edge.exec(
        r#"
        check "before", edge.weights("app") == #{ blue: 100, green: 0 };
        let receipt = edge.set_weights("app", #{ blue: 80, green: 20 });
        check "receipt", receipt == #{ target: "app", before: #{ blue: 100, green: 0 }, after: #{ blue: 80, green: 20 }, changed: true };
        check "after", edge.weights("app") == #{ blue: 80, green: 20 };
        check "again", !edge.set_weights("app", #{ blue: 80, green: 20 }).changed;
        "#,
    )
    .expect(0);
    assert_eq!(count(edge.haproxy.port, 50, "green"), 10);
    // One alone, and all of it: the initial weight of green is 0, of which a percentage would stay 0.
    edge.exec("edge.set_weight(\"app\", \"green\", 256); edge.set_weights(\"app\", #{ blue: 0 }, #{ label: \"all of it\" });")
        .expect(0)
        .says("all of it");
    assert_eq!(count(edge.haproxy.port, 20, "green"), 20);
    assert!(edge.blue.served() > 0 && edge.green.served() >= 30);
}

#[test]
fn a_run_that_fails_puts_every_weight_back() {
    let Some(edge) = Edge::start() else { return };
    let seen = edge.exec(
        r#"
        edge.set_weights("app", #{ blue: 90, green: 10 });
        edge.set_weight("app", "green", 90);
        edge.set_weights("app", #{ blue: 0 });
        edge.set_weights("app", #{ blue: 0 });
        check "fails", false;
        "#,
    );
    let seen = seen.expect(1).says("set the weights of `app`: blue 100, green 0");
    let back = seen.stdout.split("taken back:").nth(1).unwrap();
    assert_eq!(back.matches("↩").count(), 3, "{seen}");
    assert_eq!(edge.haproxy.told(), "100 ready, 0 ready");
    // What is itself a way back stays.
    edge.exec("edge.set_weights(\"app\", #{ blue: 70, green: 30 }, #{ stays: true }); fail(\"no\");")
        .expect(1);
    assert_eq!(edge.haproxy.told(), "70 ready, 30 ready");
}

#[test]
fn nobody_is_left_without_a_server_unless_it_is_said() {
    let Some(edge) = Edge::start() else { return };
    for line in [
        "edge.set_weights(\"app\", #{ blue: 0, green: 0 });",
        "edge.set_weight(\"app\", \"blue\", 0);",
        "edge.maintenance(\"app\", \"blue\");",
        "edge.drain(\"app\", \"blue\");",
    ] {
        edge.exec(line).expect(1).says("would be left without a server").says("allow_empty: true");
        assert_eq!(edge.haproxy.told(), "100 ready, 0 ready", "{line}");
    }
    // A server that is down serves nobody, whatever its weight.
    edge.green.down(true);
    edge.exec(
        r#"
        retry 100 every "100ms" { check "green is down", !edge.state("app").green.up; }
        edge.set_weights("app", #{ blue: 0, green: 100 });
        "#,
    )
    .expect(1)
    .says("green has the weight 100 and is ready, down");
    edge.exec("edge.set_weights(\"app\", #{ blue: 0, green: 0 }, #{ allow_empty: true }); fail(\"no\");")
        .expect(1);
    assert_eq!(edge.haproxy.told(), "100 ready, 0 ready");
    edge.exec("edge.set_weights(\"app\", #{ blue: 0 }, #{ allow_empty: true });").expect(0);
    assert_eq!(edge.haproxy.told(), "0 ready, 0 ready");
    // What nobody served before may be left so again.
    edge.exec("edge.set_weights(\"app\", #{ blue: 5 }); fail(\"no\");").expect(1).hides("NOT");
    assert_eq!(edge.haproxy.told(), "0 ready, 0 ready");
}

#[test]
fn wrong_names_and_numbers_are_told_before_anything_happens() {
    let Some(edge) = Edge::start() else { return };
    for (line, says) in [
        ("edge.weights(\"ap\");", "did you mean `app`?"),
        ("edge.set_weights(\"app\", #{ blue: 90, gren: 10 });", "did you mean `green`?"),
        ("edge.set_weights(\"app\", #{ blue: 300 });", "from 0 to 256"),
        ("edge.set_weights(\"app\", #{});", "no weight is given"),
        ("edge.set_weights(\"app; disable server app/blue\", #{ blue: 1 });", "no name of a backend"),
        ("edge.set_weight(\"app\", \"blue weight 0; x\", 1);", "no name of a server"),
        ("edge.ready(\"app\", \"gren\");", "did you mean `green`?"),
    ] {
        edge.exec(line).expect(1).says(says).hides("in doubt");
    }
    edge.exec("edge.set_weights(\"fixed\", #{ one: 3, two: 1 });")
        .expect(1)
        .says("static LB algorithm")
        .says("balance roundrobin");
    assert_eq!(edge.haproxy.told(), "100 ready, 0 ready");
    // What is wrong with the shape is found without running.
    let rig = Rig::new(&edge.haproxy.settings("write"));
    for (line, says) in [
        ("edge.set_weights(\"app\");", "needs `weights`"),
        ("edge.set_weights(\"app\", #{ blue: 1 }, #{ allow: true });", "has no option `allow`"),
        ("edge.set_weights(\"app\", #{ blue: 1 }, #{ weights: #{} });", "given twice"),
    ] {
        let rig = Rig::new(&edge.haproxy.settings("write")).file("test.rhai", &script("write", line));
        rig.run(&["check", "test.rhai"]).expect(2).says(says);
    }
    let good = "edge.set_weights(\"app\", #{ blue: 1 }); edge.set_weights(\"app\", #{ weights: #{ blue: 1 } });\n\
                let weights = #{ blue: 1 }; edge.set_weights(\"app\", weights, #{ timeout: \"5s\" }); edge.set_weights(\"app\", weights);";
    rig.file("test.rhai", &script("write", good))
        .run(&["check", "test.rhai"])
        .expect(0)
        .says("nothing wrong");
}
