//! Without HAProxy, without the right, in a plan, and with one that says nothing.

use super::*;

#[test]
fn a_plan_changes_nothing() {
    let Some(edge) = Edge::start() else { return };
    let lines = "edge.set_weights(\"app\", #{ blue: 90, green: 10 });\nedge.maintenance(\"app\", \"green\");";
    let rig = Rig::new(&edge.haproxy.settings("write")).file("test.rhai", &script("write", lines));
    rig.run(&["plan", "test.rhai"])
        .expect(0)
        .says("set the weights of `app`: blue 90, green 10")
        .says("take `app/green` out for maintenance");
    assert_eq!(edge.haproxy.told(), "100 ready, 0 ready");
}

#[test]
fn who_may_not_is_told_by_the_grants_and_by_haproxy() {
    let Some(edge) = Edge::start() else { return };
    let line = "edge.set_weights(\"app\", #{ blue: 90, green: 10 });";
    Rig::new(&edge.haproxy.settings("read"))
        .exec(&script("write", line))
        .1
        .expect(3)
        .says("haproxy.edge:write");
    Rig::new(&edge.haproxy.settings("write"))
        .exec(&script("read", line))
        .1
        .expect(3)
        .says("haproxy.edge:write");
    let looking = format!(
        "[env.local.haproxy.edge]\naddress = \"127.0.0.1:{}\"\naccess = \"write\"\n",
        edge.haproxy.looking
    );
    Rig::new(&edge.haproxy.settings("write")).well("haproxy.edge", "HAProxy 2.");
    let found = Rig::new(&looking).look("haproxy.edge");
    assert_eq!((&found["state"], &found["reached"]), (&"not_permitted".into(), &true.into()), "{found}");
    assert!(found["troubles"][0]["fix"].as_str().unwrap().contains("level admin"), "{found}");
    let (_, seen) =
        Rig::new(&looking).exec(&script("write", "check \"looks\", edge.stats(\"app\").servers.len() == 2;"));
    seen.expect(0);
    Rig::new(&looking)
        .exec(&script("write", line))
        .1
        .expect(1)
        .says("lets this socket only look")
        .says("`level admin`")
        .hides("in doubt");
    assert_eq!(edge.haproxy.told(), "100 ready, 0 ready");
}

#[test]
fn one_that_is_not_there_is_said_to_be() {
    if !haproxy::is_here() {
        return;
    }
    let port = crate::rig::free_port();
    for (socket, says) in [
        ("/nowhere/admin.sock".to_owned(), "there is no socket /nowhere/admin.sock".to_owned()),
        (format!("127.0.0.1:{port}"), format!("nothing listens at 127.0.0.1:{port}")),
    ] {
        let settings = format!("[env.local.haproxy.edge]\naddress = \"{socket}\"\naccess = \"write\"\n");
        for line in ["edge.weights(\"app\");", "edge.set_weight(\"app\", \"green\", 1);"] {
            Rig::new(&settings).exec(&script("write", line)).1.expect(1).says(&says).hides("in doubt");
        }
    }
    let wrong = "[env.local.haproxy.edge]\naddress = \"admin\"\n";
    Rig::new(wrong)
        .exec(&script("read", "edge.weights(\"app\");"))
        .1
        .expect(2)
        .says("/run/haproxy/admin.sock");
}

#[test]
fn one_that_says_nothing_is_given_up() {
    let Some(edge) = Edge::start() else { return };
    edge.haproxy.hang();
    edge.exec("edge.weights(\"app\", #{ timeout: \"300ms\" });").expect(4).says("300ms");
    // It was asked for the inverse, and nothing was begun.
    edge.exec("edge.set_weight(\"app\", \"green\", 1, #{ timeout: \"300ms\" });").expect(4).hides("in doubt");
    edge.haproxy.go_on();
    assert_eq!(edge.haproxy.told(), "100 ready, 0 ready");
}

#[test]
fn a_crash_around_a_change_is_survived() {
    let Some(edge) = Edge::start() else { return };
    let rig = || Rig::new(&edge.haproxy.settings("write"));
    for line in [
        "haproxy(\"edge\").set_weights(\"app\", #{ blue: 30, green: 70 });",
        "haproxy(\"edge\").set_weight(\"app\", \"blue\", 7);",
        "haproxy(\"edge\").drain(\"app\", \"green\");",
        "haproxy(\"edge\").maintenance(\"app\", \"green\");",
    ] {
        crate::rig::crash::survives(rig, "haproxy.edge:write", line, || edge.haproxy.told());
    }
    edge.exec("edge.drain(\"app\", \"green\");").expect(0);
    let line = "haproxy(\"edge\").ready(\"app\", \"green\");";
    crate::rig::crash::survives(rig, "haproxy.edge:write", line, || edge.haproxy.told());
}
