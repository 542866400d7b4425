//! What pm2 knows and its processes said, without the secrets of their environment.

use super::*;

#[test]
fn the_list_tells_what_runs_and_nothing_of_its_environment() {
    let pm2 = fresh(need_pm2!());
    let rig = project(&pm2, "");
    // The first command of a pm2 starts its daemon, which a list must not.
    let (rig, seen) = exec(rig, "check \"nothing\", app.list().is_empty();");
    seen.expect(1).says("pm2 does not run on");
    start(&pm2, &rig, "api");
    let lines = r#"
        let all = app.list();
        check "all", all.len() == 2 && all[1].name == "api" && all[1].id == 1 && all[1].pid > 1 && all[1].restarts == 0;
        check "more", all[0].memory > 0 && all[0].mode == "cluster" && all[0].script.ends_with("server.js");
        check "since", all[0].since.starts_with("20");
        check "online", app.describe("api").online && app.describe("api").processes.len() == 2;
        print(all);
    "#;
    let (rig, seen) = exec(rig, lines);
    seen.expect(0).hides("hunter22");
    rig.well("pm2.app", "pm2 ");
}

#[test]
fn logs_are_read_bounded_and_archived_whole() {
    let pm2 = fresh(need_pm2!());
    let store = "[env.local.files.logs]\npath = \"logs\"\naccess = \"write\"";
    let rig = project(&pm2, store);
    start(&pm2, &rig, "worker");
    crate::rig::wait_until("it has said something", 10, || {
        std::fs::read_to_string(pm2.home().join("logs/worker-out.log")).is_ok_and(|text| !text.is_empty())
    });
    let lines = r#"//! T.
//! uses = ["pm2.app:read", "files.logs:write"]
let app = pm2("app");
check "log", app.logs("worker", #{ lines: 5 })[0].out == "listening plain";
check "matching", app.logs("worker", #{ matching: ["LISTEN"] }).len() == 1 && app.logs("worker", #{ matching: ["error"] }) == [];
let kept = app.archive_to(files("logs"), "worker.log.zst", "worker");
check "kept", kept.lines == 1 && kept.bytes > 0;
"#;
    let (rig, seen) = rig.exec(lines);
    seen.expect(0);
    let stored = std::fs::read(rig.path("logs/worker.log.zst")).unwrap();
    let text = zstd::decode_all(stored.as_slice()).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), "listening plain\n");
    let (_, seen) = exec(rig, "app.logs(\"worker\", #{ lines: 1000000 });");
    seen.expect(1).says("archive_to");
}
