//! A cluster of three masters, and a master that sentinels name.

use super::*;

#[test]
fn keys_are_found_on_whichever_master_has_them() {
    need_redis!();
    let cluster = Cluster::start();
    let lines = r#"
        for n in 0..60 { cache.set(`k:${n}`, n, #{ expires: "1h" }); }
        let right = 0;
        for n in 0..60 { if cache.get(`k:${n}`) == `${n}` { right += 1; } }
        check "right", right == 60;
        check "tag", cache.set("{tag}:a", 1).bytes == 1 && cache.exists("{tag}:a");
        check "count", cache.count("k:*") == 60;
        check "ping", cache.ping().nodes == 3;
        let info = cache.info();
        check "info", info.nodes.len() == 3 && info.keys.total == 61 && info.keys.expiring == 60;
        check "expire", cache.expire("k:1", "1m").changed && cache.time_to_live("k:1") <= 60_000;
        cache.publish("news", "hello");
        check "several", cache.delete(["k:0", "k:1", "k:2", "k:3", "k:4"]).removed == 5;
    "#;
    exec(&cluster.settings("destroy"), "destroy", lines).1.expect(0);
    assert_eq!(cluster.size(), 56);
    // They really lie on all three.
    assert!(cluster.nodes.iter().all(|node| node.text("DBSIZE") != "0"));
}

#[test]
fn what_was_changed_in_a_cluster_is_taken_back() {
    need_redis!();
    let cluster = Cluster::start();
    cluster.fill("k", 30);
    let before: Vec<_> = cluster.nodes.iter().map(Server::dump).collect();
    let lines = r#"
        for n in 0..30 { if n % 2 == 0 { cache.set(`k:${n}`, "new"); } else { cache.delete(`k:${n}`); } }
        cache.delete(["k:0", "k:2", "k:4", "k:6"]);
        cache.set("made", "here");
        fail("now");
    "#;
    exec(&cluster.settings("destroy"), "destroy", lines).1.expect(1);
    assert_eq!(cluster.nodes.iter().map(Server::dump).collect::<Vec<_>>(), before);
}

#[test]
fn all_masters_are_swept_at_once() {
    need_redis!();
    let cluster = Cluster::start();
    cluster.fill("p", 3_000);
    cluster.fill("q", 500);
    let lines = r#"
        let done = cache.invalidate("p:*");
        check `done ${done}`, done.matched == 3_000 && done.removed == 3_000;
        check "rest", cache.count("*") == 500;
    "#;
    let marked = format!("{}production = true\n", cluster.settings("destroy"));
    exec(&marked, "destroy", "cache.invalidate(\"*\");").1.expect(3);
    plan(&marked, "destroy", "cache.invalidate(\"p:*\");").expect(0).says("3000 of 3500 keys match now");
    exec(&marked, "destroy", lines).1.expect(0);
    assert_eq!(cluster.size(), 500);
}

/// Begins to move the slot of `key` from the node that has it to another; returns the numbers of both, and the slot.
fn migrating(cluster: &Cluster, key: &str) -> (usize, usize, String) {
    let from = cluster.owner(key);
    let to = (from + 1) % 3;
    let slot = cluster.nodes[0].text(&format!("CLUSTER KEYSLOT {key}"));
    let ids: Vec<String> = cluster.nodes.iter().map(|node| node.text("CLUSTER MYID")).collect();
    cluster.nodes[to].run(&format!("CLUSTER SETSLOT {slot} IMPORTING {}", ids[from]));
    cluster.nodes[from].run(&format!("CLUSTER SETSLOT {slot} MIGRATING {}", ids[to]));
    (from, to, slot)
}

#[test]
fn a_key_that_moves_is_followed_and_sent_for_once() {
    need_redis!();
    let cluster = Cluster::start();
    cluster.fill("k", 20);
    let lines = r#"
        check "there", cache.get("k:7") == "x";
        cache.set("ready", "yes");
        retry 400 every "25ms" { if cache.get("go") == () { fail("not yet"); } }
        check "asked for", cache.get("k:7") == "x" && cache.set("n:{k:7}", 1).bytes == 1;
        cache.set("asked", "yes");
        retry 400 every "25ms" { if cache.get("on") == () { fail("not yet"); } }
        check "moved", cache.get("k:7") == "x" && cache.get("n:{k:7}") == "1";
        check "removed", cache.invalidate("*k:7*").removed == 2;
    "#;
    let (rig, child) = begin(&cluster.settings("destroy"), "destroy", lines);
    let get = |key: &str| cluster.nodes[cluster.owner(key)].text(&format!("GET {key}"));
    wait_until("it has asked once", 30, || get("ready") == "yes");
    let (from, to, slot) = migrating(&cluster, "k:7");
    let port = cluster.nodes[to].port;
    cluster.nodes[from].run(&format!("MIGRATE 127.0.0.1 {port} k:7 0 5000"));
    cluster.nodes[cluster.owner("go")].run("SET go 1");
    wait_until("it was sent on for once", 30, || get("asked") == "yes");
    let id = cluster.nodes[to].text("CLUSTER MYID");
    for node in [to, from, (from + 2) % 3] {
        cluster.nodes[node].run(&format!("CLUSTER SETSLOT {slot} NODE {id}"));
    }
    cluster.nodes[cluster.owner("on")].run("SET on 1");
    end(&rig, child).expect(0);
}

#[test]
fn a_cluster_that_is_not_whole_says_so() {
    need_redis!();
    let mut cluster = Cluster::start();
    cluster.fill("k", 30);
    let lost = cluster.owner("k:1");
    cluster.misses_a_node_after(2_000);
    cluster.nodes[lost].kill();
    let other = (lost + 1) % 3;
    let seed = cluster.nodes[other].address();
    let settings = format!(
        "[env.local.redis.main]\ncluster = [\"{}\", \"{seed}\"]\naccess = \"destroy\"\n",
        cluster.nodes[lost].address()
    );
    wait_until("the others notice", 30, || cluster.nodes[other].says("CLUSTER INFO", "cluster_state:fail"));
    exec(&settings, "destroy", "cache.set(\"k:1\", 1);").1.expect(1).says("redis.main");
    let key = (0..30).map(|n| format!("k:{n}")).find(|key| {
        cluster.nodes[other].text(&format!(
            "CLUSTER COUNTKEYSINSLOT {}",
            cluster.nodes[other].text(&format!("CLUSTER KEYSLOT {key}"))
        )) != "0"
    });
    let lines = format!("cache.set(\"{}\", 1);", key.unwrap());
    exec(&settings, "destroy", &lines).1.expect(1).says("CLUSTERDOWN").says("CLUSTER INFO");
    exec(&settings, "destroy", "cache.invalidate(\"k:*\");").1.expect(1);
}

#[test]
fn a_cluster_is_not_taken_for_a_server_nor_a_server_for_a_cluster() {
    need_redis!();
    let cluster = Cluster::start();
    let node = cluster.nodes[0].settings("write");
    let lines = "for n in 0..20 { cache.set(`k:${n}`, 1); }";
    exec(&node, "write", lines).1.expect(1).says("MOVED").says("cluster = [\"host:port\"]");
    let server = Server::start();
    let settings =
        format!("[env.local.redis.main]\ncluster = [\"{}\"]\naccess = \"write\"\n", server.address());
    exec(&settings, "write", "cache.set(\"k\", 1);")
        .1
        .expect(1)
        .says("cluster support disabled")
        .says("name it as `host` and `port`");
}

#[test]
fn sentinels_name_the_master_and_name_the_next_one() {
    need_redis!();
    let mut watched = Watched::start();
    let settings = watched.settings("destroy");
    let lines = r#"
        cache.set("a", "1");
        check "a", cache.get("a") == "1" && cache.info().role == "master";
        check "replica", cache.info().replication.replicas.len() == 1;
    "#;
    exec(&settings, "destroy", lines).1.expect(0);
    wait_until("the replica has it", 20, || watched.replica.says("GET a", "1"));
    // A run that has begun follows, too.
    let lines = r#"
        cache.set("ready", "yes");
        retry 400 every "50ms" { cache.set("after", "failover"); if cache.info().replication.replicas.len() > 0 { fail("still the old one"); } }
        check "after", cache.get("after") == "failover" && cache.get("a") == "1";
    "#;
    let (rig, child) = begin(&settings, "destroy", lines);
    wait_until("it has begun", 20, || watched.replica.says("GET ready", "yes"));
    watched.misses_the_master_after(500);
    watched.master.kill();
    end(&rig, child).expect(0);
    assert_eq!(watched.replica.text("GET after"), "failover");
    assert!(watched.replica.says("INFO replication", "role:master"));
}

#[test]
fn a_demoted_master_is_left_for_the_new_one() {
    need_redis!();
    let watched = Watched::start();
    let lines = r#"
        cache.set("ready", "yes");
        retry 2400 every "50ms" { cache.set("after", "switch"); if cache.get("demoted") == () { fail("not yet"); } }
    "#;
    let (rig, child) = begin(&watched.settings("write"), "write", lines);
    wait_until("it has begun", 20, || watched.replica.says("GET ready", "yes"));
    let begins = || {
        let command = ::redis::cmd("SENTINEL").arg("FAILOVER").arg("main").take();
        command.query::<()>(&mut watched.sentinel.try_connect().unwrap()).is_ok()
    };
    wait_until("the sentinel trusts the replica", 30, begins);
    wait_until("they changed places", 60, || watched.master.says("INFO replication", "role:slave"));
    wait_until("the new master takes changes", 20, || {
        watched.replica.says("INFO replication", "role:master")
    });
    watched.replica.run("SET demoted yes");
    end(&rig, child).expect(0);
    assert_eq!(watched.replica.text("GET after"), "switch");
}

#[test]
fn what_no_sentinel_knows_is_said() {
    need_redis!();
    let watched = Watched::start();
    let wrong = watched.settings("read").replace("\"main\", nodes", "\"other\", nodes");
    exec(&wrong, "read", "cache.ping();")
        .1
        .expect(1)
        .says("watches a master `other`")
        .says("correct `master`");
    let none = "[env.local.redis.main]\nsentinel = { master = \"main\", nodes = [\"127.0.0.1:1\", \"127.0.0.1:2\"] }\n";
    exec(none, "read", "cache.ping();")
        .1
        .expect(1)
        .says("none of the 2 nodes named for `redis.main` can be asked")
        .says("127.0.0.1:2");
    let server = Server::start();
    let settings = format!(
        "[env.local.redis.main]\nsentinel = {{ master = \"main\", nodes = [\"{}\"] }}\n",
        server.address()
    );
    exec(&settings, "read", "cache.ping();").1.expect(1).says("unknown command");
}

#[test]
fn a_replica_tells_of_its_link_and_takes_no_changes() {
    need_redis!();
    let watched = Watched::start();
    let lines = r#"
        let info = cache.info();
        check "role", info.role == "replica" && info.replication.link == "up" && info.replication.behind == 0;
        check "heard", info.replication.heard_ms < 60_000;
        cache.set("a", 1);
    "#;
    exec(&watched.replica.settings("write"), "write", lines)
        .1
        .expect(1)
        .says("READONLY You can't write against a read only replica")
        .says("name the master as `host`");
}
