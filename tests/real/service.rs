//! Services, through playbooks: what outlives the run, what comes back when it fails, and that the state file is true.

use std::ops::Deref;
use std::process::Stdio;

use serde_json::Value;

use crate::rig::seen::Seen;
use crate::rig::{Rig, interrupt, wait_until};

const SETTINGS: &str = "[env.local.service.app]\naccess = \"write\"\nprogram = \"sh\"\nargs = [\"{release}.sh\", \"{release}\"]\n\
                        settle = \"300ms\"\nstop_within = \"2s\"\n";

/// The same, where a release that dies has the time to do so on a busy machine; one that lives is waited for as long.
fn patient() -> String {
    SETTINGS.replace("300ms", "3s")
}

/// A project with a service, whose process does not outlive the test.
struct Project(Option<Rig>);

impl Deref for Project {
    type Target = Rig;

    fn deref(&self) -> &Rig {
        self.0.as_ref().unwrap()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if let Some(pid) = self.alive().and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 1) {
            let group = rustix::process::Pid::from_raw(pid).unwrap();
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

impl Project {
    fn new(settings: &str) -> Self {
        let runs = |name: &str| format!("echo {name} is up with ${{COLOUR:-none}}\nexec sleep 600\n");
        let rig = Rig::new(settings)
            .file("v1.sh", &runs("v1"))
            .file("v2.sh", &runs("v2"))
            .file("bad.sh", "echo cannot open the database >&2\nexit 9\n")
            .file("stubborn.sh", "trap '' TERM\necho up\nwhile :; do sleep 0.1; done\n");
        Self(Some(rig))
    }

    fn exec(&self, body: &str) -> Seen {
        let script = format!(
            "//! Service.\n//!\n//! uses = [\"service.app:write\"]\nlet app = service(\"app\");\n{body}\n"
        );
        std::fs::write(self.path("test.rhai"), script).unwrap();
        self.run(&["exec", "test.rhai"])
    }

    fn state(&self) -> Option<Value> {
        let text = std::fs::read(self.path(".playbook/services/app.json")).ok()?;
        Some(serde_json::from_slice(&text).unwrap())
    }

    fn release(&self) -> Value {
        self.state().unwrap()["release"].clone()
    }

    /// The number of the process that the state file names, if that process runs.
    fn alive(&self) -> Option<i64> {
        let pid = self.state()?["process"]["pid"].as_i64()?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        (!stat.contains(") Z ")).then_some(pid)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path(".playbook/services/app.log")).unwrap_or_default()
    }
}

#[test]
fn a_service_outlives_the_run_and_is_known_to_the_next_one() {
    let project = Project::new(SETTINGS);
    project
        .exec(
            r#"check "not yet", !app.status().running && app.status().release == ();
               let now = app.start("v1");
               check "started", now.running && now.pid > 0 && now.release == "v1" && now.since != ();
               check "the same again", app.start("v1").pid == now.pid && app.start().pid == now.pid;"#,
        )
        .expect(0);
    let pid = project.alive().expect("it runs on");
    wait_until("the log is written", 5, || project.log() == "v1 is up with none\n");
    project
        .exec(&format!(
            r#"check "known", app.status().pid == {pid};
               let stopped = app.stop();
               check "stopped", !stopped.running && stopped.pid == () && stopped.release == "v1";
               app.stop();"#
        ))
        .expect(0);
    assert_eq!((project.alive(), project.release()), (None, "v1".into()));
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists() || project.alive().is_none());
}

#[test]
fn replace_and_restart_put_a_new_process_in_place() {
    let project = Project::new(&format!("{SETTINGS}env = {{ COLOUR = \"blue-{{release}}\" }}\n"));
    project
        .exec(
            r#"let one = app.start("v1");
               let two = app.replace("v2");
               check "replaced", two.running && two.release == "v2" && two.pid != one.pid;
               check "once", app.replace("v2").pid == two.pid;
               let three = app.restart();
               check "restarted", three.running && three.release == "v2" && three.pid != two.pid;"#,
        )
        .expect(0);
    wait_until("the log is written", 5, || project.log().matches("v2 is up with blue-v2").count() == 2);
    project.exec("app.start(\"v1\");").expect(1).says("already runs another release").says("call `replace`");
}

#[test]
fn a_release_that_dies_says_its_last_words_and_the_old_one_comes_back() {
    let project = Project::new(&patient());
    project.exec("app.start(\"v1\");").expect(0);
    let before = project.alive();
    project
        .exec("step \"Replace\" { app.replace(\"bad\"); }")
        .expect(1)
        .says("release `bad` ended with exit code 9")
        .says("cannot open the database")
        .hides("v1 is up");
    assert_eq!(project.release(), "v1");
    assert!(project.alive().is_some() && project.alive() != before, "the old release was brought back");
}

#[test]
fn without_a_rollback_the_state_still_says_what_is_there() {
    let project =
        Project::new(&patient().replace(
            "[env.local.service.app]",
            "[env.local]\non_failure = \"stop\"\n[env.local.service.app]",
        ));
    project.exec("app.start(\"v1\");\napp.replace(\"bad\");").expect(1);
    assert_eq!((project.state().unwrap()["process"].clone(), project.alive()), (Value::Null, None));
    project.exec("check \"down\", !app.status().running;\napp.replace(\"v2\");").expect(0);
    assert!(project.alive().is_some());
}

#[test]
fn a_failed_check_brings_back_what_ran_before() {
    let project = Project::new(SETTINGS);
    project.exec("app.start(\"v1\");").expect(0);
    project.exec("step \"a\" { app.replace(\"v2\"); }\ncheck \"fails\", 1 == 2;").expect(1);
    assert_eq!(project.release(), "v1");
    assert!(project.alive().is_some());
    project.exec("step \"a\" { app.stop(); }\ncheck \"fails\", 1 == 2;").expect(1);
    assert_eq!(project.release(), "v1");
    let running = project.alive().expect("brought back");
    project.exec("step \"a\" { app.restart(); }\ncheck \"fails\", 1 == 2;").expect(1);
    assert!(project.alive().is_some_and(|pid| pid != running));
    project.exec("app.stop();").expect(0);
    project.exec("step \"a\" { app.start(\"v2\"); }\ncheck \"fails\", 1 == 2;").expect(1);
    assert_eq!(project.alive(), None, "what did not run before does not run now");
}

#[test]
fn a_missing_program_is_refused_before_the_old_one_is_ended() {
    let settings = SETTINGS.replace("program = \"sh\"", "program = \"{release}/sh\"");
    let project = Project::new(&settings);
    std::fs::create_dir(project.path("v1")).unwrap();
    std::os::unix::fs::symlink("/bin/sh", project.path("v1/sh")).unwrap();
    project.exec("app.start(\"v1\");").expect(0);
    let pid = project.alive();
    project.exec("app.replace(\"v2\");").expect(1).says("there is no program `v2/sh`");
    assert_eq!(project.alive(), pid);
}

#[test]
fn what_cannot_be_started_is_refused_before_the_old_one_is_ended() {
    let settings = patient().replace("program = \"sh\"", "program = \"./{release}.sh\"");
    let project = Project::new(&settings.replace("settle", "folder = \".\"\nsettle"));
    for name in ["v1.sh", "v2.sh"] {
        let text = std::fs::read_to_string(project.path(name)).unwrap();
        std::fs::write(project.path(name), format!("#!/bin/sh\n{text}")).unwrap();
    }
    let executable = |name: &str| {
        let made = std::process::Command::new("chmod").arg("+x").arg(project.path(name)).status().unwrap();
        assert!(made.success());
    };
    executable("v1.sh");
    project.exec("app.start(\"v1\");").expect(0);
    let before = project.alive();
    let seen = project.exec("app.replace(\"v2\");").expect(1);
    seen.says("v2.sh` cannot be started").says("chmod +x");
    assert_eq!(project.alive(), before, "it was not ended");
    // What fails only when it is started has ended it by then, and it comes back.
    executable("v2.sh");
    std::fs::write(project.path("v2.sh"), "#!/no/such/shell\n").unwrap();
    let seen = project.exec("app.replace(\"v2\");").expect(1);
    seen.says("taken back:").hides("NOT be taken back");
    assert_eq!(project.release(), "v1");
    assert!(project.alive().is_some());
}

#[test]
fn what_a_service_started_is_ended_with_it_also_when_the_service_itself_has_died() {
    let script = "sleep 600 &\necho $! >child\nwait\n";
    let project = Project::new(SETTINGS);
    std::fs::write(project.path("v1.sh"), script).unwrap();
    let child = || {
        let read = || std::fs::read_to_string(project.path("child")).unwrap_or_default().trim().to_owned();
        wait_until("the child", 30, || !read().is_empty());
        read()
    };
    let runs = |pid: &str| {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        state.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
    };
    project.exec("app.start(\"v1\");").expect(0);
    let first = child();
    assert!(runs(&first));
    project.exec("app.stop();").expect(0);
    assert!(!runs(&first));
    std::fs::remove_file(project.path("child")).unwrap();
    project.exec("app.start(\"v1\");").expect(0);
    let (leader, second) = (project.alive().unwrap(), child());
    let leader = rustix::process::Pid::from_raw(i32::try_from(leader).unwrap()).unwrap();
    rustix::process::kill_process(leader, rustix::process::Signal::KILL).unwrap();
    wait_until("the end of the service itself", 10, || project.alive().is_none());
    assert!(runs(&second), "it holds the port of the service");
    project.exec("app.replace(\"v2\");").expect(0);
    assert!(!runs(&second));
    assert_eq!(project.release(), "v2");
}

#[test]
fn a_release_may_not_lead_elsewhere() {
    for release in ["../v1", "a/b", "..", "", "-x", "v..1"] {
        let project = Project::new(SETTINGS);
        project.exec(&format!("app.start({release:?});")).expect(3).says("may not be a release");
        project.exec(&format!("app.replace({release:?});")).expect(3);
        assert!(project.state().is_none());
    }
    let project = Project::new(
        "[env.local.service.app]\naccess = \"write\"\nprogram = \"sleep\"\nargs = [\"600\"]\nsettle = \"0ms\"\n",
    );
    project.exec("app.start(\"v1\");").expect(2).says("has no releases");
    project.exec("app.start();\ncheck \"runs\", app.status().running;").expect(0);
    project.exec("app.replace(\"v1\");").expect(2).says("has no releases");
}

#[test]
fn what_does_not_end_politely_is_killed() {
    let project = Project::new(&SETTINGS.replace("2s", "200ms"));
    project.exec("app.start(\"stubborn\");").expect(0);
    wait_until("it ignores the signal", 5, || project.log() == "up\n");
    let pid = project.alive().unwrap();
    project.exec("app.stop();").expect(0);
    assert_eq!(project.alive(), None);
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}

#[test]
fn a_reused_number_is_not_taken_for_the_service() {
    let project = Project::new(SETTINGS);
    project.exec("app.start(\"v1\");").expect(0);
    let path = project.path(".playbook/services/app.json");
    let mut state = project.state().unwrap();
    let mut stranger = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let real = state["process"]["pid"].clone();
    for wrong in [i64::from(stranger.id()), 1, 0, -1] {
        state["process"]["pid"] = wrong.into();
        std::fs::write(&path, state.to_string()).unwrap();
        project.exec("check \"a stranger\", !app.status().running;\napp.stop();").expect(0);
    }
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger was left alone");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    state["process"]["pid"] = real;
    std::fs::write(&path, state.to_string()).unwrap();
}

#[test]
fn a_state_that_cannot_be_read_stops_the_call() {
    let project = Project::new(SETTINGS).with(".playbook/services/app.json", "{ half");
    project.exec("app.start(\"v1\");").expect(1).says("cannot be understood").says("remove that file");
    std::fs::remove_file(project.path(".playbook/services/app.json")).unwrap();
}

impl Project {
    fn with(mut self, name: &str, text: &str) -> Self {
        self.0 = self.0.take().map(|rig| rig.file(name, text));
        self
    }
}

#[test]
fn ctrl_c_while_it_ends_leaves_a_true_state_and_the_old_release_comes_back() {
    let project = Project::new(&SETTINGS.replace("2s", "5s"));
    project.exec("app.start(\"stubborn\");").expect(0);
    wait_until("it ignores the signal", 5, || project.log() == "up\n");
    let before = project.alive().unwrap();
    let script = "//! Service.\n//!\n//! uses = [\"service.app:write\"]\nservice(\"app\").replace(\"v2\");\n";
    std::fs::write(project.path("test.rhai"), script).unwrap();
    let mut child =
        project.command(&["exec", "test.rhai"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("it is asked to end", 10, || project.state().unwrap()["ending"] == true);
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(project.release(), "stubborn");
    assert!(
        project.alive().is_some_and(|pid| pid != before),
        "the half ended one was ended and started anew"
    );
}

#[test]
fn a_second_ctrl_c_in_the_middle_of_the_way_back_is_nobody_elses_change() {
    let project = Project::new(&SETTINGS.replace("300ms", "4s"));
    project.exec("app.start(\"v1\");").expect(0);
    let body = "app.replace(\"v2\"); log(\"replaced\"); wait(\"60s\");";
    let script =
        format!("//! T.\n//!\n//! uses = [\"service.app:write\"]\nlet app = service(\"app\");\n{body}\n");
    std::fs::write(project.path("test.rhai"), script).unwrap();
    let told = std::fs::File::create(project.path("told")).unwrap();
    let mut command = project.command(&["exec", "test.rhai"]);
    let mut child = command.stdout(Stdio::null()).stderr(told).spawn().unwrap();
    let says = |words: &str| std::fs::read_to_string(project.path("told")).unwrap().contains(words);
    wait_until("the new release", 30, || says("replaced"));
    interrupt(&child);
    // The old release runs again, and has not settled yet.
    wait_until("the way back", 30, || project.log().matches("v1 is up").count() == 2);
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(6));
    project.run(&["rollback", "last"]).expect(0).hides("somebody changed");
    assert_eq!(project.release(), "v1");
    assert!(project.alive().is_some());
}

#[test]
fn a_secret_of_its_environment_is_never_shown_nor_kept() {
    let project = Project::new(&patient().replace("settle", "env = { TOKEN = \"env:APP_TOKEN\" }\nsettle"))
        .with("leaky.sh", "echo token $TOKEN >&2\nexit 1\n");
    let mut project = project;
    project.0 = project.0.take().map(|rig| rig.variable("APP_TOKEN", "tr0ub4dor&3"));
    project.exec("app.start(\"leaky\");").expect(1).says("token [secret]").hides("tr0ub4dor&3");
    assert!(!project.state().unwrap().to_string().contains("tr0ub4dor&3"));
}

impl Project {
    /// What runs.
    fn running(&self) -> Option<Value> {
        self.alive().map(|_| self.release())
    }

    fn write(&self, body: &str) {
        let head = "//! Service.\n//!\n//! uses = [\"service.app:write\"]\nlet app = service(\"app\");\n";
        std::fs::write(self.path("test.rhai"), format!("{head}{body}\n")).unwrap();
    }
}

#[test]
fn a_crash_around_a_change_is_survived() {
    use crate::rig::crash::{AFTER, AFTER_COMMIT, BEFORE};
    for (first, line, after, left) in [
        ("", "app.start(\"v1\")", AFTER, Some("v1")),
        ("app.start(\"v1\");", "app.stop()", AFTER, None),
        ("app.start(\"v1\");", "app.replace(\"v2\")", AFTER, Some("v2")),
        ("app.start(\"v1\");", "app.restart()", AFTER_COMMIT, Some("v1")),
        ("app.start(\"v1\"); app.stop();", "app.restart()", AFTER_COMMIT, Some("v1")),
    ] {
        for moment in [BEFORE, after] {
            let project = Project::new(SETTINGS);
            project.exec(first).expect(0);
            let (before, old) = (project.running(), project.alive());
            project.write(&format!("check \"told\", {line}.running == {};", left.is_some()));
            project.killed(moment);
            let made = project.alive();
            assert_eq!(made == old, moment == BEFORE, "{line} at {moment}");
            project.run(&["resume", "last"]).expect(0);
            assert_eq!(project.running(), left.map(Value::from), "{line} at {moment}");
            assert!(moment == BEFORE || project.alive() == made, "{line} was done twice");
            project.run(&["rollback", "last"]).expect(0);
            assert_eq!(project.running(), before, "{line} at {moment} is not taken back");
        }
    }
}

#[test]
fn a_crash_between_the_end_of_the_old_release_and_the_start_of_the_new_one_is_taken_back_to_the_old_one() {
    for line in ["app.replace(\"v2\");", "app.restart();", "app.stop();"] {
        let project = Project::new(&SETTINGS.replace("2s", "5s"));
        project.exec("app.start(\"stubborn\");").expect(0);
        wait_until("it ignores the signal", 5, || project.log() == "up\n");
        project.write(&format!("{line}\ncheck \"fails\", 1 == 2;"));
        let mut child = project
            .command(&["exec", "test.rhai"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("it is asked to end", 10, || project.state().unwrap()["ending"] == true);
        child.kill().unwrap();
        child.wait().unwrap();
        project.run(&["resume", "last"]).expect(1).says("taken back");
        assert_eq!(project.running(), Some("stubborn".into()), "{line}");
    }
}

#[test]
fn a_release_that_another_run_put_in_place_since_is_not_replaced_by_an_older_one() {
    let binary = env!("CARGO_BIN_EXE_playbook");
    let other = format!(
        "[env.local.program.other]\npath = \"{binary}\"\nread = [[\"exec\", \"other.rhai\"]]\naccess = \"read\"\nenv = {{ HOME = \"env:HOME\" }}\n"
    );
    let project = Project::new(&format!("{SETTINGS}{other}"));
    project.exec("app.start(\"v1\");").expect(0);
    let script = "//! O.\n//! uses = [\"service.app:write\"]\nservice(\"app\").replace(\"v3\");\n";
    std::fs::write(project.path("other.rhai"), script).unwrap();
    std::fs::copy(project.path("v2.sh"), project.path("v3.sh")).unwrap();
    let script = "//! T.\n//! uses = [\"service.app:write\", \"program.other:read\"]\nservice(\"app\").replace(\"v2\");\n\
                  program(\"other\").read([\"exec\", \"other.rhai\"]);\nfail(\"no\");\n";
    std::fs::write(project.path("failing.rhai"), script).unwrap();
    project.run(&["exec", "failing.rhai"]).expect(6).says("another run changed it since").says("other.rhai");
    assert_eq!(project.release(), "v3");
    assert!(project.alive().is_some());
}
