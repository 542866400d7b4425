//! The pictures of the page in `docs/`: `cargo test --test integration pictures -- --ignored` makes them anew.

use super::{PROJECT, Page};
use crate::rig::servers::browser::{Browser, is_here};
use crate::rig::{Rig, wait_until};

const SHOP: &str = r#"//! Deploy the shop: back up, migrate, restart, verify.
//!
//! params = { version = { type = "string", default = "2.4.0" } }
//! uses = ["files.out:write", "program.tool:write"]
let out = files("out");
let tool = program("tool");
step "Stop the sync" { out.put("sync.flag", "off"); check "no active syncs", out.get("sync.flag") == "off"; }
step "Back up before the migration" {
    tool.run(["-c", "echo dumping 412 tables; sleep 0.9; echo verified"], #{ stays: true });
    out.put("dump", "x".len.to_string());
    metric "backup size (MiB)", 812 > 0;
}
step "Migrate" { step "0042_orders" { tool.run(["-c", "sleep 0.3"], #{ stays: true }); } step "0043_index" { tool.run(["-c", "sleep 0.5"], #{ stays: true }); } }
gate("Go / No-Go", #{ approvers: ["cy"] });
step "Restart the API" {
    step "api-1" { tool.run(["-c", "sleep 0.4"], #{ stays: true }); metric "p95 latency (ms)", 182.0 < 500; }
    step "api-2" { tool.run(["-c", "echo draining; echo started; sleep 20"], #{ stays: true }); }
}
"#;

#[test]
#[ignore = "writes docs/page.png"]
fn pictures() {
    assert!(is_here());
    let rig = Rig::new(PROJECT).file("deploy.rhai", SHOP).variable("PLAYBOOK_PERSON", "cy@release");
    let page = Page::serve(&rig, &["--no-tick"]);
    let mut command = rig.command(&["exec", "deploy.rhai", "--no-rollback"]);
    let child =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    wait_until("the gate is open", 60, || rig.run(&["show"]).stdout.contains("Go / No-Go: asks"));
    rig.run(&["approve", "last", "-m", "figures look good"]).expect(0);
    let browser = Browser::start(1100, 1330);
    browser.goto(&format!("{}runs/{}", page.url, super::last(&rig)));
    browser.wait("document.querySelector('#tree').innerText.includes('api-2')", 30);
    browser.wait("document.querySelector('#timeline svg')?.textContent.includes('api-2')", 30);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/page.png");
    std::fs::write(file, browser.picture()).unwrap();
    crate::rig::interrupt(&child);
    let _ = { child }.wait();
}
