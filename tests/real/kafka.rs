//! `kafka` against librdkafka's mock brokers.

use crate::rig::seen::Seen;
use crate::rig::servers::kafka::{self, Cluster};
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
