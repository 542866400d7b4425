//! Figures for Prometheus: scraped by a real one, and the rules and the dashboard of the examples on top of them.

use std::process::Command;

use serde_json::Value;

use super::{DEPLOY, PROJECT, Page, begin};
use crate::rig::Rig;
use crate::rig::servers::prometheus::{Prometheus, is_here};

fn rig() -> Rig {
    let bad = "//! Fail.\nfail(\"broke\");\n";
    Rig::new(PROJECT).file("deploy.rhai", DEPLOY).file("bad \"x\".rhai", bad)
}

#[test]
fn a_real_prometheus_scrapes_them_and_the_alert_rules_fire() {
    if !is_here() {
        return;
    }
    let rules =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/monitoring/alerts.yml"))
            .unwrap();
    let rig = rig();
    let page = Page::serve(&rig, &[]);
    rig.run(&["exec", "bad \"x\".rhai"]).expect(1);
    let (child, _) = begin(&rig);
    let prometheus = Prometheus::start(&[("page", page.port())], &rules);
    prometheus.wait_for("playbook_runs_total{outcome=\"failed\"}==1");
    prometheus.wait_for("playbook_runs_open{state=\"running\"}==1");
    prometheus.wait_for("playbook_gates_open==1");
    prometheus.wait_for("playbook_run_duration_seconds_count>0");
    prometheus.wait_for("process_resident_memory_bytes>1000000");
    prometheus.wait_for("ALERTS{alertname=\"PlaybookRunFailed\"}");
    crate::rig::interrupt(&child);
    let _ = { child }.wait();
}

#[test]
fn the_rules_are_good_and_the_dashboard_asks_for_what_there_is() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/monitoring");
    if is_here() {
        let checked = Command::new("promtool")
            .args(["check", "rules"])
            .arg(format!("{folder}/alerts.yml"))
            .output()
            .unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
    let rig = rig();
    let page = Page::serve(&rig, &[]);
    rig.run(&["exec", "bad \"x\".rhai"]).expect(1);
    let metrics = page.text("metrics");
    assert!(
        metrics.contains(
            "playbook_runs_total{playbook=\"bad \\\"x\\\".rhai\",environment=\"local\",outcome=\"failed\"} 1"
        ),
        "{metrics}"
    );
    let dashboard = std::fs::read_to_string(format!("{folder}/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let name = regex_lite::Regex::new(r"(playbook|process)_[a-z_]+").unwrap();
    let mut asked = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            for found in name.find_iter(target["expr"].as_str().unwrap()) {
                assert!(metrics.contains(&format!("\n{}", found.as_str())), "there is no {}", found.as_str());
                asked += 1;
            }
        }
    }
    assert!(asked >= 8);
}

#[test]
fn a_run_that_waited_and_was_taken_back_is_not_open_any_more() {
    let waits =
        "//! W.\n//! uses = [\"files.out:write\"]\nfiles(\"out\").put(\"x\", \"1\");\nwait(\"2h\");\n";
    let rig = rig().file("w.rhai", waits);
    let page = Page::serve(&rig, &["--no-tick"]);
    rig.run(&["exec", "w.rhai", "--detach"]).expect(10);
    let open = |count: u8| format!("playbook_runs_open{{state=\"waiting\"}} {count}\n");
    let metrics = page.text("metrics");
    assert!(metrics.contains(&open(1)), "{metrics}");
    rig.run(&["rollback", "last"]).expect(0);
    let metrics = page.text("metrics");
    assert!(metrics.contains(&open(0)), "{metrics}");
}
