//! What turns bad between one task and the next: the figures at the decision, a broker, the metrics.

use super::blockers::NOON;
use super::*;

/// Well again, as Prometheus sees it.
const WELL: &str = "max(transactions_per_second)%3C3.1e6";

impl Workstream {
    /// An afternoon that is good until the last task, and in which `fault` is seen before the figures are read once more.
    fn turns(&self, fault: &str, seen: &str, says: &str) {
        let script = format!("#!/bin/sh\nuntil [ -e seen ]; do sleep 0.05; done\necho '{QUALITY}'\n");
        std::fs::write(self.rig.path("quality"), script).unwrap();
        let trouble = |site: &Self| {
            site.fault(&format!("* {fault}"));
            site.servers.prometheus.wait_for(seen);
            std::fs::write(site.rig.path("seen"), "").unwrap();
        };
        self.blocked(&[], "✔ log retention", trouble, says);
        std::fs::remove_file(self.rig.path("seen")).unwrap();
        self.fault("");
        self.servers.prometheus.wait_for(WELL);
    }
}

#[test]
fn figures_that_turn_bad_before_the_decision() {
    let Some(site) = Workstream::start() else { return };
    site.turns(
        "tps 3200000",
        "max(transactions_per_second)%3E3.15e6",
        "✘ TPS, at most (M): 3.2 (wanted <= 3.15)",
    );
    site.turns(
        "slow_users 80",
        "histogram_quantile(0.99,sum%20by%20(le)(rate(http_request_seconds_bucket[3s])))%3E0.05",
        "✘ P99 at the decision (ms): ",
    );
    site.turns(
        "fail 30",
        "sum(rate(http_requests_total%7Bcode='500'%7D[3s]))/sum(rate(http_requests_total[3s]))%3E0.01",
        "✘ success rate at the decision (%): ",
    );
}

#[test]
fn a_target_that_sends_no_metrics_and_a_broker_that_does_not_answer() {
    let Some(site) = Workstream::start() else { return };
    let trouble = |site: &Workstream| {
        site.fault("* no_metrics");
        site.servers.prometheus.wait_for("up==0");
    };
    site.held(8, trouble, "✘ targets that send no metrics: 1 (wanted == 0)");
    site.fault("");
    site.servers.prometheus.wait_for("up==1");
    site.servers.kafka.hang();
    site.blocked(&[], NOON, |_| {}, "✘ External dependencies");
}
