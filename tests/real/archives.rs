//! `archive_to` of every family that has it: whole or not at all, and read back by the tools that everybody has.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::rig::seen::Seen;
use crate::rig::{Rig, interrupt, wait_until};

const BOX: &str = "[env.local.files.box]\npath = \"box\"\naccess = \"write\"\n";
const SHELL: &str = "[env.local.program.sh]\nread = [[\"-c\", \"**\"]]\n";
const LOGS: &str = "[env.local.files.logs]\npath = \"logs\"\n";

fn script(uses: &str, body: &str) -> String {
    format!("//! Archives.\n//!\n//! uses = [{uses}]\n{body}\n")
}

/// Runs `body` with the shell as `sh` and the folder `box` as `box`.
fn shell(rig: Rig, body: &str) -> (Rig, Seen) {
    rig.exec(&of_shell(body))
}

fn of_shell(body: &str) -> String {
    let body = format!("let sh = program(\"sh\");\nlet box = files(\"box\");\n{body}");
    script("\"program.sh:read\", \"files.box:write\"", &body)
}

/// Runs `body` with the folder `logs` as `logs` and the folder `box` as `box`.
fn logs(rig: Rig, body: &str) -> (Rig, Seen) {
    let body = format!("let logs = files(\"logs\");\nlet box = files(\"box\");\n{body}");
    rig.exec(&script("\"files.logs:read\", \"files.box:write\"", &body))
}

/// What a real tool prints.
#[track_caller]
fn tool(program: &str, arguments: &[&str], file: &Path) -> Vec<u8> {
    let seen = Command::new(program).args(arguments).arg(file).output().unwrap();
    assert!(seen.status.success(), "{program}: {}", String::from_utf8_lossy(&seen.stderr));
    seen.stdout
}

#[track_caller]
fn sha256sum(file: &Path) -> String {
    String::from_utf8(tool("sha256sum", &[], file)).unwrap()[..64].to_owned()
}

/// Every file in the store's folder, and what is being written to it.
fn stored(rig: &Rig) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(&rig.path("box"), &mut found);
    found
}

#[test]
fn the_output_of_a_program_is_stored_and_real_tools_read_it() {
    let body = r#"
        let say = "seq 1 100000; echo to the person >&2; printf unended";
        for how in ["zst", "gz", "none"] {
            let kept = sh.archive_to(box, `a/x.${how}`, ["-c", say], #{ compression: #{ zst: "zstd", gz: "gzip", none: "none" }[how] });
            check "lines", kept.lines == 100001;
            check "uncompressed", kept.uncompressed == 588902;
            check "receipt", kept.store == "files.box" && kept.key == `a/x.${how}` && kept.took_ms >= 0 && kept.mib_per_s > 0;
            check "bytes", kept.bytes == box.head(kept.key).bytes;
            check "sha256", kept.sha256 == box.checksum(kept.key);
            log(`${how} ${kept.sha256}`);
        }
        check "replaced", sh.archive_to(box, "a/x.none", ["-c", "echo new"], #{ replace: true, compression: "none" }).lines == 1;
    "#;
    let (rig, seen) = shell(Rig::new(&format!("{SHELL}{BOX}")), body);
    let seen = seen.expect(0).says("to the person").hides("99999");
    let mut whole: String = (1..=100_000).map(|number| format!("{number}\n")).collect();
    whole += "unended";
    assert!(tool("zstd", &["-dc"], &rig.path("box/a/x.zst")) == whole.as_bytes());
    assert!(tool("gzip", &["-dc"], &rig.path("box/a/x.gz")) == whole.as_bytes());
    assert_eq!(std::fs::read_to_string(rig.path("box/a/x.none")).unwrap(), "new\n");
    let sum = |how: &str| format!("{how} {}", sha256sum(&rig.path(&format!("box/a/x.{how}"))));
    seen.says(&sum("zst")).says(&sum("gz"));
    assert_eq!(stored(&rig).len(), 3);
}

#[test]
fn a_program_that_ends_badly_stores_nothing() {
    for (say, says) in [
        ("seq 1 50000; echo the disk is on fire >&2; exit 7", "the disk is on fire"),
        ("seq 1 50000; kill -9 $$", "was killed by signal 9 (KILL)"),
        ("true", "is empty"),
    ] {
        let body = format!(r#"sh.archive_to(box, "x", ["-c", "{say}"]);"#);
        let (rig, seen) = shell(Rig::new(&format!("{SHELL}{BOX}")), &body);
        seen.expect(1).says(says);
        assert!(stored(&rig).is_empty(), "{say}: {:?}", stored(&rig));
    }
    let settings = format!("{SHELL}ok = [0, 7]\n{BOX}");
    shell(Rig::new(&settings), r#"sh.archive_to(box, "x", ["-c", "echo a; exit 7"]);"#).1.expect(0);
}

#[test]
fn only_what_the_list_read_allows_is_archived_and_a_taken_key_starts_nothing() {
    let settings = format!(
        "[env.local.program.sh]\naccess = \"write\"\nwrite = [[\"-c\", \"**\"]]\nread = [[\"-c\", \"echo *\"]]\n{BOX}"
    );
    let body = r#"try { sh.archive_to(box, "x", ["-c", "touch made; echo hi"]); } catch {}"#;
    let (rig, seen) = shell(Rig::new(&settings), body);
    seen.expect(3).says("its list `read` allows").says("changes nothing");
    assert!(!rig.path("made").exists() && stored(&rig).is_empty());
    let read_only = format!("{SHELL}[env.local.files.box]\npath = \"box\"\naccess = \"read\"\n");
    let (_, seen) = shell(Rig::new(&read_only), r#"sh.archive_to(box, "x", ["-c", "echo hi"]);"#);
    seen.expect(3).says("files.box:write");
    let body = r#"sh.archive_to(box, "x", ["-c", "touch made; echo hi"]);"#;
    let (rig, seen) = shell(Rig::new(&format!("{SHELL}{BOX}")).file("box/x", "as it was"), body);
    seen.expect(1).says("already holds `x`").says("replace: true");
    assert!(!rig.path("made").exists());
    assert_eq!(std::fs::read_to_string(rig.path("box/x")).unwrap(), "as it was");
}

#[test]
fn a_plan_tells_it_and_an_archive_stays_when_the_rest_is_taken_back() {
    let all = format!("{SHELL}{LOGS}{BOX}[env.local.service.app]\naccess = \"read\"\nprogram = \"sh\"\n");
    let body = r#"
        program("sh").archive_to(files("box"), "sh.zst", ["-c", "touch made; echo hi"]);
        files("logs").archive_to(files("box"), "logs.tar.zst", #{ pattern: "app/*.log" });
        service("app").archive_to(files("box"), "app.zst");
        journal().archive_to(files("box"), "run.zst");
    "#;
    let uses = r#""program.sh:read", "files.logs:read", "service.app:read", "files.box:write""#;
    let rig = Rig::new(&all).file("test.rhai", &script(uses, body));
    rig.run(&["plan", "test.rhai"])
        .expect(0)
        .says("archive the output of `sh -c ")
        .says("archive `app/*.log` of `files.logs` as `logs.tar.zst` in `files.box`")
        .says("archive the log of app as `app.zst`")
        .says("archive the journal of the run so far as `run.zst`");
    assert!(!rig.path("made").exists() && !rig.path("box").exists());
    let (rig, seen) = shell(rig, r#"sh.archive_to(box, "x", ["-c", "echo hi"]); check "no", false;"#);
    seen.expect(1).hides("NOT be taken back");
    assert_eq!(stored(&rig).len(), 1);
}

fn start(rig: &Rig) -> Child {
    rig.command(&["exec", "test.rhai"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn streams(rig: &Rig) -> bool {
    let files = std::fs::read_dir(rig.path("box/.incoming")).into_iter().flatten().flatten();
    files.map(|file| file.metadata()).any(|file| file.is_ok_and(|file| file.len() > 0))
}

#[test]
fn a_timeout_or_ctrl_c_leaves_nothing_neither_in_the_store_nor_running() {
    let endless = r#"["-c", "echo $$ >leader; exec yes"]"#;
    let gone = |rig: &Rig| {
        let pid = std::fs::read_to_string(rig.path("leader")).unwrap();
        assert!(!Path::new("/proc").join(pid.trim()).exists(), "the program still runs");
        assert!(stored(rig).is_empty(), "{:?}", stored(rig));
    };
    let body = format!(r#"sh.archive_to(box, "x", {endless}, #{{ timeout: "1s" }});"#);
    let (rig, seen) = shell(Rig::new(&format!("{SHELL}{BOX}")), &body);
    seen.expect(4).says("within 1.0s").hides("in doubt").hides("NOT be taken back");
    gone(&rig);
    std::fs::remove_file(rig.path("leader")).unwrap();
    let rig = rig.file("test.rhai", &of_shell(&format!(r#"sh.archive_to(box, "x", {endless});"#)));
    let mut child = start(&rig);
    wait_until("the archive streams", 60, || streams(&rig));
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    gone(&rig);
}

/// The most memory that a process ever had, in KiB; asked until it ends.
fn peak(child: &mut Child) -> u64 {
    let (mut peak, file) = (0, format!("/proc/{}/status", child.id()));
    wait_until("the run ends", 300, || {
        let status = std::fs::read_to_string(&file).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak);
        child.try_wait().unwrap().is_some()
    });
    assert!(child.wait().unwrap().success());
    peak
}

#[test]
fn two_hundred_megabytes_of_output_take_little_memory() {
    let body = r#"
        let kept = sh.archive_to(box, "x", ["-c", "seq -f '%016.0f' 1 12500000 | head -c 209715200"]);
        check "all of it", kept.uncompressed == 209715200;
    "#;
    let rig = Rig::new(&format!("{SHELL}{BOX}")).file("test.rhai", &of_shell(body));
    let peak = peak(&mut start(&rig));
    assert!((1024..128 * 1024).contains(&peak), "{peak} KiB");
    eprintln!("peak memory of 200 MiB: {} MiB", peak / 1024);
}

#[test]
fn files_are_packed_and_the_real_tar_unpacks_them() {
    let long = format!("app/{}/{}.log", "deep".repeat(30), "long".repeat(40));
    let files: &[(&str, &str)] = &[
        ("app/one.log", "one\n"),
        ("app/empty.log", ""),
        ("app/gr\u{fc}\u{df}e \u{65e5}\u{672c}.log", "unicode"),
        (&long, "long"),
        ("app/other.txt", "other"),
        ("-x.log", &"x".repeat(512)),
    ];
    let rig = Rig::new(&format!("{LOGS}{BOX}"));
    let rig = files.iter().fold(rig, |rig, (name, text)| rig.file(&format!("logs/{name}"), text));
    std::os::unix::fs::symlink("one.log", rig.path("logs/app/link.log")).unwrap();
    let body = r#"
        for (how, count) in ["zstd", "gzip", "none"] {
            let kept = logs.archive_to(box, `${how}.tar`, #{ pattern: "*.log", compression: how });
            check "files", kept.files == 5;
            check "sha256", kept.sha256 == box.checksum(kept.key);
        }
        check "whole keys", logs.archive_to(box, "b", #{ pattern: "app/*.log" }).files == 3;
        check "any part", logs.archive_to(box, "c", #{ pattern: "app/**" }).files == 5;
        check "all", logs.archive_to(box, "d").files == 6;
    "#;
    let (rig, seen) = logs(rig, body);
    seen.expect(0);
    for (how, flag) in [("zstd", "--zstd"), ("gzip", "-z"), ("none", "-v")] {
        let folder = rig.path(&format!("unpacked-{how}"));
        std::fs::create_dir(&folder).unwrap();
        tool(
            "tar",
            &["-x", flag, "-C", folder.to_str().unwrap(), "-f"],
            &rig.path(&format!("box/{how}.tar")),
        );
        for (name, text) in files.iter().filter(|(name, _)| name.ends_with(".log")) {
            let unpacked = folder.join(name);
            assert_eq!(std::fs::read_to_string(&unpacked).unwrap(), *text, "{name}");
            let modified = |path: &Path| {
                let at = std::fs::metadata(path).unwrap().modified().unwrap();
                at.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
            };
            assert_eq!(modified(&unpacked), modified(&rig.path("logs").join(name)), "{name}");
        }
        assert!(!folder.join("app/link.log").exists());
    }
}

#[test]
fn what_matches_nothing_is_said_and_stores_nothing() {
    let rig = Rig::new(&format!("{LOGS}{BOX}")).file("logs/a.txt", "a");
    let (rig, seen) = logs(rig, r#"logs.archive_to(box, "x", #{ pattern: "app/*.log" });"#);
    seen.expect(1).says("nothing in `files.logs` matches `app/*.log`");
    let (rig, seen) = logs(rig, r#"logs.archive_to(box, "x", #{ pattern: "a[" });"#);
    seen.expect(1).says("`a[` is no pattern of keys");
    assert!(stored(&rig).is_empty());
    let (_, seen) = logs(Rig::new(&format!("{LOGS}{BOX}")), r#"logs.archive_to(box, "x");"#);
    seen.expect(1).says("nothing in `files.logs` matches");
}

#[test]
fn a_file_that_grows_is_cut_where_it_was_and_one_that_shrinks_stores_nothing() {
    let rig = Rig::new(&format!("{LOGS}{BOX}")).file("logs/grows.log", "a line\n").file("logs/z.log", "z\n");
    let (path, stop) =
        (rig.path("logs/grows.log"), std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let stopped = std::sync::Arc::clone(&stop);
    let writer = std::thread::spawn(move || {
        let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        let mut turns = 0;
        while !stopped.load(std::sync::atomic::Ordering::Acquire) {
            file.write_all(&b"a line\n".repeat(1000)).unwrap();
            turns += 1;
            // It grows all the time, but the disk is not filled while a busy machine gets round to reading it.
            if turns > 20_000 {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
    });
    let (rig, seen) = logs(rig, r#"check "both", logs.archive_to(box, "x").files == 2;"#);
    stop.store(true, std::sync::atomic::Ordering::Release);
    writer.join().unwrap();
    seen.expect(0);
    let folder = rig.path("unpacked");
    std::fs::create_dir(&folder).unwrap();
    tool("tar", &["-x", "--zstd", "-C", folder.to_str().unwrap(), "-f"], &rig.path("box/x"));
    let unpacked = std::fs::read(folder.join("grows.log")).unwrap();
    assert!(std::fs::read(rig.path("logs/grows.log")).unwrap().starts_with(&unpacked));
    assert_eq!(std::fs::read_to_string(folder.join("z.log")).unwrap(), "z\n");

    let rig = Rig::new(&format!("{LOGS}{BOX}")).file("logs/shrinks.log", "");
    let shrinks = std::fs::OpenOptions::new().write(true).open(rig.path("logs/shrinks.log")).unwrap();
    shrinks.set_len(4 << 30).unwrap();
    let body = r#"files("logs").archive_to(files("box"), "x", #{ compression: "none" });"#;
    let rig = rig.file("test.rhai", &script("\"files.logs:read\", \"files.box:write\"", body));
    let mut child =
        rig.command(&["exec", "test.rhai"]).stderr(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    wait_until("the archive streams", 60, || streams(&rig));
    shrinks.set_len(0).unwrap();
    let mut out = String::new();
    std::io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{out}");
    assert!(out.contains("it became shorter while it was read"), "{out}");
    assert!(stored(&rig).is_empty());
}

#[test]
fn the_log_of_a_service_is_stored_as_it_is_now() {
    let settings = format!(
        "{BOX}[env.local.service.app]\naccess = \"write\"\nprogram = \"sh\"\nargs = [\"app.sh\"]\nsettle = \"100ms\"\n"
    );
    let rig = Rig::new(&settings).file(
        "app.sh",
        "echo up\nwhile ! [ -e go ]; do sleep 0.02; done\necho more\ntouch said\nexec sleep 60\n",
    );
    let of_service = |body: &str| {
        let body = format!("let app = service(\"app\");\nlet box = files(\"box\");\n{body}");
        script("\"service.app:write\", \"files.box:write\"", &body)
    };
    let rig = rig.file("test.rhai", &of_service("app.archive_to(box, \"x\");"));
    rig.run(&["exec", "test.rhai"])
        .expect(1)
        .says("`service.app` has written no log yet")
        .says("start it first");
    assert!(stored(&rig).is_empty());
    let rig = rig.file("test.rhai", &of_service("app.start();"));
    rig.run(&["exec", "test.rhai"]).expect(0);
    let log = rig.path(".playbook/services/app.log");
    wait_until("it has said something", 20, || {
        std::fs::read_to_string(&log).is_ok_and(|text| text == "up\n")
    });
    let rig = rig.file(
        "test.rhai",
        &of_service(
            "check \"one\", app.archive_to(box, \"running\", #{ compression: \"none\" }).lines == 1;",
        ),
    );
    let seen = rig.run(&["exec", "test.rhai"]);
    std::fs::write(rig.path("go"), "").unwrap();
    seen.expect(0);
    wait_until("the service goes on", 20, || rig.path("said").exists());
    let rig = rig.file("test.rhai", &of_service(
        "app.stop();\nlet kept = app.archive_to(box, \"stopped.gz\", #{ compression: \"gzip\" });\ncheck \"two\", kept.lines == 2;",
    ));
    rig.run(&["exec", "test.rhai"]).expect(0);
    assert_eq!(std::fs::read_to_string(rig.path("box/running")).unwrap(), "up\n");
    assert_eq!(tool("gzip", &["-dc"], &rig.path("box/stopped.gz")), b"up\nmore\n");
}

#[cfg(feature = "s3")]
#[test]
fn a_bucket_has_the_whole_archive_or_none() {
    use crate::rig::servers::s3s;
    let Some(bucket) = s3s::bucket() else { return };
    let rig = Rig::new(&format!("{SHELL}{LOGS}{}", bucket.settings("write")))
        .variable("RIG_ACCESS", s3s::ACCESS_KEY)
        .variable("RIG_SECRET", s3s::SECRET_KEY)
        .file("logs/a.log", "a\n");
    let uses = r#""program.sh:read", "files.logs:read", "s3.box:write""#;
    // What cannot be compressed goes there in parts.
    let body = r#"
        let box = s3("box");
        let kept = program("sh").archive_to(box, "logs/noise.zst", ["-c", "head -c 20000000 /dev/urandom | tee noise"]);
        check "sha256", box.checksum("logs/noise.zst") == kept.sha256;
        check "files", files("logs").archive_to(box, "logs/a.tar.gz", #{ compression: "gzip" }).files == 1;
        check "lines", journal().archive_to(box, `runs/${run.id}.zst`).lines > 5;
        program("sh").archive_to(box, "logs/bad.zst", ["-c", "head -c 20000000 /dev/urandom; exit 3"]);
    "#;
    let (rig, seen) = rig.exec(&script(uses, body));
    seen.expect(1).says("ended with exit code 3").hides("NOT be taken back");
    let keys = bucket.keys();
    assert_eq!(keys.len(), 3, "{keys:?}");
    let noise = std::fs::read(rig.path("noise")).unwrap();
    assert!(tool("zstd", &["-dc"], &bucket.path("logs/noise.zst")) == noise);
    assert_eq!(tool("tar", &["-tzf"], &bucket.path("logs/a.tar.gz")), b"a.log\n");
    assert_eq!(bucket.server.open_uploads(), 0);
}

#[test]
fn a_crash_around_an_archive_is_survived() {
    use crate::rig::crash::{AFTER_COMMIT, BEFORE};
    let home = Rig::new("").file("logs/a.log", "a\n").file("box/other", "x").file("app.log", "up\n");
    let at = |name: &str| home.path(name).display().to_string();
    let settings = format!(
        "{SHELL}{LOGS}{BOX}[env.local.service.app]\naccess = \"read\"\nprogram = \"sh\"\nlog = \"{}\"\n\
         [env.local.sqlite.main]\naccess = \"read\"\npath = \"{}\"\n",
        at("app.log"),
        at("main.db")
    )
    .replace("\"logs\"", &format!("\"{}\"", at("logs")))
    .replace("\"box\"", &format!("\"{}\"", at("box")));
    let database = rusqlite::Connection::open(home.path("main.db")).unwrap();
    database.execute_batch("CREATE TABLE users (id); INSERT INTO users VALUES (1)").unwrap();
    let uses = "program.sh:read\", \"files.logs:read\", \"service.app:read\", \"sqlite.main:read\", \"files.box:destroy";
    let state = || {
        let mut names: Vec<PathBuf> = stored(&home);
        names.retain(|name| !name.to_string_lossy().contains("/.playbook"));
        names.sort();
        names
    };
    for line in [
        "program(\"sh\").archive_to(files(\"box\"), \"sh.zst\", [\"-c\", \"echo x\"])",
        "files(\"logs\").archive_to(files(\"box\"), \"logs.tar.zst\")",
        "service(\"app\").archive_to(files(\"box\"), \"app.zst\")",
        "journal().archive_to(files(\"box\"), \"run.zst\")",
        "sqlite(\"main\").dump_to(files(\"box\"), \"main.db\")",
    ] {
        let text = format!("//! T.\n//! uses = [\"{uses}\"]\ncheck \"receipt\", {line}.bytes > 0;\n");
        let before = state();
        for moment in [BEFORE, AFTER_COMMIT] {
            let rig = Rig::new(&settings).file("test.rhai", &text);
            rig.killed(moment);
            assert_eq!(state() == before, moment == BEFORE, "{line} at {moment}");
            rig.run(&["resume", "last"]).expect(0);
            let made: Vec<PathBuf> = state().into_iter().filter(|one| !before.contains(one)).collect();
            assert_eq!(made.len(), 1, "{line} at {moment}: {made:?}");
            std::fs::remove_file(&made[0]).unwrap();
        }
    }
}
