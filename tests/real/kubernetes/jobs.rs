//! `run_job`: jobs that end well, fail, cannot start, take too long, are stopped.

use std::time::Instant;

use super::*;

fn job(name: &str, script: &str) -> Value {
    let mut pod = pod("v1");
    pod["restartPolicy"] = "Never".into();
    pod["containers"][0]["command"] = json!(["sh", "-c", script]);
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name },
        "spec": { "backoffLimit": 0, "template": { "spec": pod } },
    })
}

fn run(name: &str, script: &str, options: &str) -> String {
    format!("let done = k.run_job(`{}`, #{{ {options} }});\n", job(name, script))
}

const JOBS: &str = "batch/v1/jobs";

#[test]
fn a_job_runs_to_its_end_and_its_lines_are_shown() {
    let namespace = need_namespace!();
    plan(&namespace, &run("migrate", "true", ""))
        .expect(0)
        .says("run the job of job/migrate")
        .says("cannot be taken back");
    assert!(namespace.list(JOBS).is_empty());
    let lines = run("migrate", "echo migrating; sleep 1; echo done", "");
    let more = "check \"log\", done.log == \"migrating\\ndone\";\ncheck \"once\", done.attempts == 1;";
    well(&namespace, &format!("{lines}{more}")).says("kubernetes.main │ migrating");
    // Its name is taken now.
    exec(&namespace, &lines).1.expect(1).says("has a job `migrate` already").says("replace: true");
    well(&namespace, &run("migrate", "echo again", "replace: true"));
    let mut generated = job("", "echo of its own");
    generated["metadata"] = json!({ "generateName": "nightly-" });
    well(
        &namespace,
        &format!(
            "for turn in 0..2 {{ check \"name\", k.run_job(`{generated}`).job.starts_with(\"nightly-\"); }}"
        ),
    );
    assert_eq!(namespace.list(JOBS).len(), 3);
}

#[test]
fn a_job_that_fails_tells_the_end_of_its_log() {
    let namespace = need_namespace!();
    let lines = run("migrate", "echo adding a column; echo ERROR: no such table >&2; exit 9", "");
    let caught = format!(
        "try {{ {lines} }} catch (error) {{ check \"code\", error.details.exit_code == 9; throw error; }}"
    );
    exec(&namespace, &caught)
        .1
        .expect(6)
        .says("the job migrate of `kubernetes.main` failed")
        .says("BackoffLimitExceeded")
        .says("ERROR: no such table")
        .says("name the job that takes it back as `undo`");
}

#[test]
fn the_job_that_takes_it_back_is_run_when_the_run_fails() {
    let namespace = need_namespace!();
    let down = job("down", "echo down again").to_string();
    let lines = run("up", "echo up", &format!("undo: `{down}`"));
    exec(&namespace, &format!("{lines}fail(\"on purpose\");"))
        .1
        .expect(1)
        .says("down again")
        .hides("could NOT");
    assert_eq!(namespace.get(JOBS, "down")["status"]["succeeded"], 1);
}

#[test]
fn a_job_that_cannot_start_or_takes_too_long_is_given_up_and_deleted() {
    let namespace = need_namespace!();
    let absent = run("absent", "true", "patience: \"1s\"").replace("rig/app:v1", "rig/app:none");
    exec(&namespace, &absent).1.expect(6).says("could not start within 1.0s").says("ErrImageNeverPull");
    let began = Instant::now();
    exec(&namespace, &run("slow", "echo begun; sleep 600", "within: \"20s\""))
        .1
        .expect(6)
        .says("did not end within 20.0s")
        .says("begun");
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    wait_until("both are gone", 20, || namespace.list(JOBS).is_empty());
    exec(
        &namespace,
        "k.run_job(`{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}}`);",
    )
    .1
    .expect_any(&[1, 2]);
    let mut wrong = job("wrong", "true");
    wrong["spec"]["template"]["spec"]["restartPolicy"] = "Always".into();
    exec(&namespace, &format!("k.run_job(`{wrong}`);")).1.expect(1).says("restartPolicy").hides("could NOT");
}

#[test]
fn a_job_that_is_stopped_does_not_run_on() {
    let namespace = need_namespace!();
    let (rig, child) = begin(&namespace, &run("slow", "echo begun; sleep 600", ""));
    wait_until("the pod runs", 30, || {
        namespace.list("pods").iter().any(|pod| pod["status"]["phase"] == "Running")
    });
    crate::rig::interrupt(&child);
    let seen = end(&rig, child);
    assert!(seen.code != 0, "{seen}");
    wait_until("the job is gone", 20, || namespace.list(JOBS).is_empty());
}

#[test]
fn a_crash_while_a_job_runs_begins_no_second_one() {
    let namespace = need_namespace!();
    let lines = run("long", "echo begun; sleep 15; echo done", "undo: `UNDO`")
        .replace("UNDO", &job("back", "echo back").to_string());
    let text = script("destroy", &format!("{lines}check \"log\", done.log == \"begun\\ndone\";"));
    let rig = Rig::new(&namespace.settings("destroy")).file("test.rhai", &text);
    let mut child =
        rig.command(&["exec", "test.rhai"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the pod runs", 30, || {
        namespace.list("pods").iter().any(|pod| pod["status"]["phase"] == "Running")
    });
    child.kill().unwrap();
    child.wait().unwrap();
    rig.run(&["resume", "last"]).expect(0);
    assert_eq!(namespace.list(JOBS).len(), 1);
    rig.run(&["rollback", "last"]).expect(0);
    assert_eq!(namespace.list(JOBS).len(), 2);
    // One that was not begun is.
    let rig = Rig::new(&namespace.settings("destroy"))
        .file("test.rhai", &script("destroy", &run("short", "true", "")));
    rig.killed("3:after");
    assert_eq!(namespace.list(JOBS).len(), 2);
    rig.run(&["resume", "last"]).expect(0);
    assert_eq!(namespace.list(JOBS).len(), 3);
}
