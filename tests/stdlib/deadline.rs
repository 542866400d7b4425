//! Tasks whose blockers are mended before it is too late; the mending itself is shown by `playbooks/workstream-1`.

use crate::rig::Rig;

/// A task that is blocked.
fn rig(rules: &str, work: &str) -> Rig {
    let settings = "[people.ada]\n[env.local.files.store]\npath = \"store\"\naccess = \"write\"\n";
    let script = format!(
        "//! T.\n//!\n//! uses = [\"files.store:write\"]\nimport \"std/deadline\" as deadline;\nlet store = files(\"store\");\nlet begun = now();\n\
         let rules = #{{ begun: begun, approvers: [\"ada\"], told: |words| log(`told: ${{words}}`), {rules} }};\n\
         let found = deadline::task(\"Verify\", rules, || {{ {work} }});\nlog(`found ${{found}}`);\n"
    );
    Rig::new(settings).file("test.rhai", &script)
}

#[test]
fn a_task_that_is_well_asks_nobody_and_gives_what_it_found() {
    let seen = rig("by: \"5h\"", "check \"well\", true; 42").run(&["exec", "test.rhai"]);
    seen.expect(0).says("✔ Verify").says("found 42").hides("told: ").hides("verified again");
}

#[test]
fn nobody_who_knows_the_cause_in_time_ends_it() {
    let seen = rig("by: \"5h\", cause: \"1s\"", "store.put(\"k\", \"x\"); check \"well\", 1 == 2;")
        .run(&["exec", "test.rhai"]);
    seen.expect(4)
        .says("told: Verify is blocked: check “well” does not hold")
        .says("The cause is known: Verify: not decided in time")
        .says("by delete `k`");
}

#[test]
fn no_gate_is_open_for_longer_than_is_left_and_afterwards_nobody_is_asked() {
    let seen = rig("by: \"6s\"", "check \"well\", 1 == 2;").run(&["exec", "test.rhai"]);
    seen.expect(4).says("The cause is known: Verify: not decided in time");
    let seen = rig("by: \"1ms\"", "check \"well\", 1 == 2;").run(&["exec", "test.rhai"]);
    seen.expect(1)
        .says("told: Verify is blocked")
        .says("✘ check “well” does not hold")
        .hides("The cause is known");
}

#[test]
fn a_plan_of_a_task_ends_at_its_horizon_and_blocks_nobody() {
    let seen = rig("by: \"5h\"", "let made = store.put(\"k\", \"x\"); if !made.ok { log(\"no\"); }")
        .run(&["plan", "test.rhai"]);
    seen.expect(0).says("write 1 B to `k`").says("beyond here").hides("told: ");
}
