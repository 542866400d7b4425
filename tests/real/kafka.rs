//! `kafka` against librdkafka's mock brokers.

use crate::rig::seen::Seen;
use crate::rig::servers::front::{self, Tls};
use crate::rig::servers::kafka::{self, Cluster};
use crate::rig::servers::tls;
use crate::rig::{Rig, free_port, wait_until};

fn rig(brokers: &str) -> Rig {
    let list: Vec<String> = brokers.split(',').map(|broker| format!("\"{broker}\"")).collect();
    Rig::new(&format!("[env.local.kafka.events]\nbrokers = [{}]\nanswer_within = \"1s\"\n", list.join(", ")))
}

fn exec(brokers: &str, lines: &str) -> Seen {
    let head = "//! Test.\n//! uses = [\"kafka.events:read\"]\nlet events = kafka(\"events\");\n";
    rig(brokers).exec(&format!("{head}{lines}\n")).1
}

#[test]
fn brokers_and_topics_are_read_and_a_lost_leader_is_seen() {
    if !kafka::is_here() {
        return;
    }
    let cluster = Cluster::start();
    let lines = r#"
        let seen = events.brokers();
        check `brokers ${seen}`, seen.brokers.len() == 3 && seen.unreachable == 0;
        let topic = events.topic("orders");
        check `topic ${topic}`, topic.healthy && topic.partitions.len() == 4 && topic.partitions[0].replicas.len() == 3;
    "#;
    exec(&cluster.brokers, lines).expect(0);
    // The first that is named does not answer; the next one does.
    exec(&format!("127.0.0.1:{},{}", free_port(), cluster.brokers), "events.topic(\"orders\");").expect(0);
    exec(&cluster.brokers, "events.topic(\"nothing\");")
        .expect(1)
        .says("`kafka.events` has no topic nothing");
    cluster.lose_leader();
    let lines =
        r#"check "leaderless", events.topic("orders").leaderless == 1 && !events.topic("orders").healthy;"#;
    wait_until("the leader is lost", 10, || exec(&cluster.brokers, lines).code == 0);
}

#[test]
fn a_group_is_behind_by_what_it_has_not_taken() {
    if !kafka::is_here() {
        return;
    }
    let cluster = Cluster::start();
    cluster.produce(10);
    let lines = r#"
        let lag = events.lag("billing", "orders");
        check `lag ${lag}`, lag.total == 10 && lag.partitions.len() == 4 && lag.partitions[0].committed == ();
    "#;
    exec(&cluster.brokers, lines).expect(0);
    cluster.consume("billing");
    cluster.produce(3);
    let lines = r#"
        let lag = events.lag("billing", "orders");
        check `lag ${lag}`, lag.total == 3 && lag.partitions[0].committed == 10 && lag.partitions[0].end == 13;
    "#;
    exec(&cluster.brokers, lines).expect(0);
}

#[test]
fn brokers_that_are_not_there_or_hang_say_so() {
    exec(&format!("127.0.0.1:{}", free_port()), "events.brokers();").expect(1).says("nothing listens at");
    rig("127.0.0.1:1").exec("//! T.\nkafka(\"events\").brokers();\n").1.expect(3).says("kafka.events:read");
    if !kafka::is_here() {
        return;
    }
    let cluster = Cluster::start();
    cluster.hang();
    exec(&cluster.brokers, "events.brokers();")
        .expect(1)
        .says("does not answer")
        .says("nothing came within 1.0s");
}

/// Brokers of which the first is behind a gate and an end of TLS, with a good certificate.
fn guarded(cluster: &Cluster, more: &str, password: &str) -> (Tls, Rig) {
    let first = cluster.brokers.split(',').next().unwrap();
    let upstream = first.rsplit(':').next().unwrap().parse().unwrap();
    let certificates = tls::certificates();
    let front = Tls::before(front::gate(upstream), &certificates.certificate("good"));
    let settings = format!(
        "[env.local.kafka.events]\nbrokers = [\"127.0.0.1:{}\"]\nanswer_within = \"2s\"\n{}\n",
        front.port,
        more.replace("CA", certificates.authority().to_str().unwrap())
    );
    (front, Rig::new(&settings).variable("KAFKA_PASSWORD", password))
}

const HEAD: &str = "//! Test.\n//! uses = [\"kafka.events:read\"]\n";
const LOGIN: &str = "tls = true\nca = \"CA\"\nuser = \"rig\"\npassword = \"env:KAFKA_PASSWORD\"";

#[test]
fn a_cluster_with_encryption_and_login_is_asked_by_those_it_lets_in() {
    if !kafka::is_here() {
        return;
    }
    let cluster = Cluster::start();
    let ask = format!("{HEAD}check \"healthy\", kafka(\"events\").topic(\"orders\").healthy;\n");
    let exec = |more: &str, password: &str| {
        let (_front, rig) = guarded(&cluster, more, password);
        let (rig, seen) = rig.exec(&ask);
        rig.keeps_no(password);
        seen.hides(password)
    };
    exec(LOGIN, front::USER.1).expect(0);
    exec(LOGIN, "wr0ng-Pa55word")
        .expect(1)
        .says("`kafka.events` does not let `rig` in")
        .says("Invalid username or password");
    exec(&format!("{LOGIN}\nmechanism = \"SCRAM-SHA-512\""), front::USER.1)
        .expect(1)
        .says("takes no login by SCRAM-SHA-512")
        .says("it takes PLAIN");
    exec("tls = true\nca = \"CA\"", "nobody").expect(1).says("broke the connection off");
    exec(&LOGIN.replace("\nca = \"CA\"", ""), "unheard").expect(1).says("does not shake hands").says("`ca`");
    exec("", "in clear").expect(1).says("whether it wants `tls`");
    let (_front, rig) = guarded(&cluster, LOGIN, "wr0ng-Pa55word");
    rig.run(&["doctor"]).expect(1).says("not permitted").says("check `user`, `password`");
}

#[test]
fn half_a_login_and_a_password_in_clear_are_refused_by_check() {
    for (more, says) in [
        ("user = \"rig\"", "belong together"),
        ("user = \"rig\"\npassword = \"env:P\"", "in clear"),
        ("ca = \"ca.pem\"", "with encryption only"),
        ("mechanism = \"SCRAM\"", "no choice of `mechanism`"),
    ] {
        let settings = format!("[env.local.kafka.events]\nbrokers = [\"127.0.0.1:1\"]\n{more}\n");
        let rig = Rig::new(&settings).file("t.rhai", &format!("{HEAD}kafka(\"events\").brokers();\n"));
        rig.run(&["check", "t.rhai"]).expect(2).says(says);
    }
}
