//! Children for real.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::*;
use crate::sys::stop::Stop;

fn command(arguments: &[&str]) -> Command {
    Command {
        program: find_program(arguments[0]).unwrap(),
        arguments: arguments[1..].iter().map(|text| (*text).to_owned()).collect(),
        variables: vec![("GIVEN".to_owned(), Revealed::new("yes".to_owned()))],
        folder: "/".into(),
    }
}

async fn ended(arguments: &[&str], stdin: Stdin) -> Ended {
    run(&command(arguments), stdin, &Stop::default(), &|_| {}).await.unwrap()
}

/// Whether any process runs with this text in its command line.
fn runs(text: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    })
}

#[tokio::test]
async fn a_child_has_only_what_it_is_given() {
    let ended = ended(&["sh", "-c", "env; pwd; cat"], Stdin::Bytes(b"fed\n".to_vec())).await;
    let mut lines: Vec<&str> = ended.stdout.text.lines().filter(|line| !line.starts_with("_=")).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["/", "GIVEN=yes", "PWD=/", "fed"]);
    assert_eq!(ended.status, Status::Code(0));
}

#[tokio::test]
async fn exit_codes_and_signals_are_told() {
    assert_eq!(ended(&["sh", "-c", "exit 3"], Stdin::Null).await.status, Status::Code(3));
    let killed = ended(&["sh", "-c", "kill -9 $$"], Stdin::Null).await.status;
    assert_eq!(killed.to_string(), "was killed by signal 9 (KILL)");
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(&["true"]);
    let why = |command: &Command| spawn(command, Stdin::Null).err().unwrap().to_string();
    command.program = folder.path().join("absent");
    assert!(why(&command).contains("there is no program"));
    std::fs::write(&command.program, "#!/no/such/shell\n").unwrap();
    assert!(why(&command).contains("chmod +x"));
    command.folder = folder.path().join("nowhere");
    assert!(why(&command).contains("its folder"));
}

#[tokio::test]
async fn a_huge_line_is_read_in_bounds_and_fast() {
    let seen = Mutex::new(Vec::new());
    let listen = |line: Line<'_>| seen.lock().unwrap().push((line.text.len(), line.cut));
    let script = "head -c 300000000 /dev/zero; echo; echo end";
    let ended = run(&command(&["sh", "-c", script]), Stdin::Null, &Stop::default(), &listen).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [(LONGEST_LINE, true), (3, false)]);
    assert_eq!((ended.stdout.text.as_str(), ended.stdout.left_out), ("end\n", 300_000_001));
}

#[tokio::test]
async fn both_outputs_are_told_as_they_come() {
    let seen = Mutex::new(Vec::new());
    let listen = |line: Line<'_>| seen.lock().unwrap().push((line.error, line.text.to_owned()));
    let script = "echo one; echo two >&2; printf 'a\\377b'";
    let ended = run(&command(&["sh", "-c", script]), Stdin::Null, &Stop::default(), &listen).await.unwrap();
    let seen = seen.into_inner().unwrap();
    for line in [(false, "one".to_owned()), (true, "two".to_owned()), (false, "a\u{fffd}b".to_owned())] {
        assert!(seen.contains(&line), "{line:?} in {seen:?}");
    }
    assert_eq!(ended.stderr.text, "two\n");
}

#[tokio::test]
async fn a_background_child_that_holds_the_pipes_neither_hangs_us_nor_stays() {
    let begin = Instant::now();
    let ended = ended(&["sh", "-c", "sleep 4711.1 & echo done"], Stdin::Null).await;
    assert_eq!((ended.status, ended.stdout.text.as_str()), (Status::Code(0), "done\n"));
    assert!(begin.elapsed() < Duration::from_secs(3));
    gone("4711.1").await;
}

#[tokio::test]
async fn a_stop_asks_first_and_then_kills() {
    let stop = Stop::default();
    let polite =
        command(&["sh", "-c", "trap 'echo closing; exit 0' TERM; echo ready; while :; do sleep 0.05; done"]);
    let seen = Mutex::new(Vec::new());
    let listen = |line: Line<'_>| {
        seen.lock().unwrap().push(line.text.to_owned());
        stop.give(Error::cancelled("enough"));
    };
    let error = run(&polite, Stdin::Null, &stop, &listen).await.unwrap_err();
    assert_eq!(error.what, "enough");
    // The shell may say of its own `sleep`, which the signal reached first, that it was terminated.
    let seen: Vec<String> =
        seen.lock().unwrap().iter().filter(|line| *line != "Terminated").cloned().collect();
    assert_eq!(seen, ["ready", "closing"]);

    let stop = Stop::default();
    let stubborn = command(&["sh", "-c", "trap '' TERM; echo ready; sleep 4711.2; sleep 4711.2"]);
    let begin = Instant::now();
    run(&stubborn, Stdin::Null, &stop, &|_| stop.give(Error::cancelled("enough"))).await.unwrap_err();
    assert!((GRACE..GRACE + Duration::from_secs(3)).contains(&begin.elapsed()));
    gone("4711.2").await;
}

#[tokio::test]
async fn a_dropped_child_is_killed_with_its_children() {
    let mut running = spawn(&command(&["sh", "-c", "sleep 4711.3 & sleep 4711.3"]), Stdin::Null).unwrap();
    assert!(running.take_stdout().is_ok());
    let listening =
        tokio::time::timeout(Duration::from_millis(50), running.finish(&Stop::default(), &|_| {})).await;
    assert!(listening.is_err());
    gone("4711.3").await;
}

#[tokio::test]
async fn standard_output_and_input_are_streams_too() {
    let mut running = spawn(&command(&["sh", "-c", "head -c 1000000 /dev/zero"]), Stdin::Null).unwrap();
    let stdout = running.take_stdout().unwrap();
    let fed = Stdin::Stream(Box::new(stdout));
    let stop = Stop::default();
    let counter = command(&["sh", "-c", "wc -c"]);
    let (first, second) = tokio::join!(running.finish(&stop, &|_| {}), run(&counter, fed, &stop, &|_| {}));
    assert_eq!(first.unwrap().status, Status::Code(0));
    assert_eq!(second.unwrap().stdout.text.trim(), "1000000");
}

#[tokio::test]
async fn an_input_that_breaks_kills_the_reader_before_it_sees_an_end() {
    struct Broken;
    impl AsyncRead for Broken {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            _: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            std::task::Poll::Ready(Err(std::io::Error::other("half-closed download")))
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let committed = folder.path().join("committed");
    let reader = command(&["sh", "-c", "cat >/dev/null; touch \"$0\"", committed.to_str().unwrap()]);
    let error = run(&reader, Stdin::Stream(Box::new(Broken)), &Stop::default(), &|_| {}).await.unwrap_err();
    assert!(error.to_string().contains("half-closed download"));
    assert!(!committed.exists());
}

#[tokio::test]
async fn a_hundred_children_cost_little() {
    let begin = Instant::now();
    for _ in 0..100 {
        ended(&["true"], Stdin::Null).await;
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_detached_process_is_known_again_and_ended() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    std::fs::write(&log, "before\n").unwrap();
    let mut started = start_detached(
        &command(&["sh", "-c", "echo up; sleep 4711.4 & exec sleep 4711.4"]),
        &log,
        |_| Ok(()),
    )
    .unwrap();
    assert_eq!(started.ends_within(Duration::from_millis(200)).await, None);
    let identity = started.identity;
    let begin = Instant::now();
    while read_log(&log, started.log_from, 4096) != "up\n" {
        assert!(begin.elapsed() < Duration::from_secs(60), "it says nothing");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(started);
    assert!(identity.is_alive() && identity.born > 0);
    assert!(
        !Identity { born: identity.born + 1, ..identity }.is_alive(),
        "a reused number is another process"
    );
    identity.end(Duration::from_secs(5)).await.unwrap();
    assert!(!identity.is_alive());
    gone("4711.4").await;
}

#[tokio::test]
async fn what_a_detached_process_started_has_its_time_to_end_too() {
    let folder = tempfile::tempdir().unwrap();
    let (log, mark) = (folder.path().join("log"), folder.path().join("mark"));
    let worker = "trap 'sleep 0.3; echo >$0; exit' TERM; echo up; while :; do sleep 0.02; done";
    let leader = "sh -c \"$1\" \"$0\" & exec sleep 4711.6";
    let command = command(&["sh", "-c", leader, mark.to_str().unwrap(), worker]);
    let started = start_detached(&command, &log, |_| Ok(())).unwrap();
    let begin = Instant::now();
    while read_log(&log, 0, 4096) != "up\n" {
        assert!(begin.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    started.identity.end(Duration::from_secs(10)).await.unwrap();
    assert!(mark.exists(), "it ended as it wanted to, and was waited for");
    assert!(begin.elapsed() < Duration::from_secs(9), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_detached_process_that_cannot_be_noted_never_begins() {
    let folder = tempfile::tempdir().unwrap();
    let (log, mark) = (folder.path().join("log"), folder.path().join("mark"));
    let touch = command(&["sh", "-c", &format!("echo >{}", mark.display())]);
    let noted = start_detached(&touch, &log, |_| Err(Error::remote("no room")));
    assert_eq!(noted.unwrap_err().what, "no room");
    assert!(!mark.exists());
    let mut seen = None;
    let mut started = start_detached(&touch, &log, |identity| {
        assert!(!mark.exists(), "it waits");
        seen = Some(identity);
        Ok(())
    })
    .unwrap();
    assert_eq!(started.ends_within(Duration::from_secs(5)).await, Some(Status::Code(0)));
    assert!(seen == Some(started.identity) && mark.exists());
}

#[tokio::test]
async fn a_detached_process_that_dies_says_how_and_is_not_alive() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut started = start_detached(&command(&["sh", "-c", "echo no; exit 4"]), &log, |_| Ok(())).unwrap();
    assert_eq!(started.ends_within(Duration::from_secs(5)).await, Some(Status::Code(4)));
    assert!(!started.identity.is_alive());
    // One that nobody waits for is a zombie until it is buried, and no more alive for it.
    let unburied = start_detached(&command(&["true"]), &log, |_| Ok(())).unwrap();
    let begin = Instant::now();
    while unburied.identity.is_alive() {
        assert!(begin.elapsed() < Duration::from_secs(5));
        tokio::task::yield_now().await;
    }
}

async fn gone(text: &str) {
    let begin = Instant::now();
    while runs(text) {
        assert!(begin.elapsed() < Duration::from_secs(5), "`{text}` still runs");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
