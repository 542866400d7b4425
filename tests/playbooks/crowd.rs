//! The people of a deployment: they answer at each gate as they were told to, while the run goes on.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::rig::Rig;
use crate::rig::seen::Seen;

/// What people do at a gate whose name contains a text; whoever is not spoken of approves.
#[derive(Clone, Copy)]
pub enum Do {
    /// They decline.
    Decline,
    /// Nobody says anything.
    Nothing,
}

/// A run with its people.
pub struct Crowd<'a> {
    rig: &'a Rig,
    child: Child,
    out: JoinHandle<String>,
    err: JoinHandle<()>,
    said: Arc<Mutex<Vec<String>>>,
}

impl<'a> Crowd<'a> {
    /// Begins a run whose people do as `ways` say.
    pub fn begin(rig: &'a Rig, arguments: &[&str], ways: &[(&'static str, Do)]) -> Self {
        let mut command = rig.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let out = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stdout.read_to_string(&mut text);
            text
        });
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let (lines, stderr, ways) = (Arc::clone(&said), child.stderr.take().unwrap(), ways.to_vec());
        let answers = Answers::of(rig);
        let err = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line.clone());
                answers.give(&line, &ways);
            }
        });
        Self { rig, child, out, err, said }
    }

    /// Waits until the run has said a text.
    pub fn until(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(300);
        while !self.said.lock().unwrap().iter().any(|line| line.contains(text)) {
            let is_over = self.child.try_wait().unwrap().is_some();
            assert!(
                !is_over && Instant::now() < deadline,
                "it never said `{text}`:\n{}",
                self.said.lock().unwrap().join("\n")
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills it where it stands.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end, at most ten minutes.
    pub fn end(mut self) -> Seen {
        let deadline = Instant::now() + Duration::from_secs(600);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                self.child.kill().unwrap();
                panic!("it did not end within ten minutes:\n{}", self.said.lock().unwrap().join("\n"));
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        self.err.join().unwrap();
        let said = self.said.lock().unwrap().join("\n") + "\n";
        Seen::new(status, self.out.join().unwrap(), said, self.rig.folder())
    }
}

/// Runs the binary with these arguments as this person.
type As = Box<dyn Fn(&[&str], &str) + Send>;

/// How an answer is given: the binary, once for each person.
struct Answers {
    command: As,
}

impl Answers {
    fn of(rig: &Rig) -> Self {
        let template = rig.command(&[]);
        let (program, folder) = (template.get_program().to_owned(), rig.folder().to_owned());
        let variables: Vec<_> = template
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect();
        let command = move |arguments: &[&str], person: &str| {
            let mut command = std::process::Command::new(&program);
            command.args(arguments).current_dir(&folder).env_clear().envs(variables.clone());
            command.env("PLAYBOOK_PERSON", format!("{person}@desk"));
            // A run that is gone on with tells again of gates that were decided, and one that fails waits at none; one that has
            // just said that it asks may be about to.
            for _ in 0..5 {
                let done = command.output().unwrap();
                let said = String::from_utf8_lossy(&done.stderr);
                let is_early =
                    ["waits at no", "has ended", "could be decided until"].iter().any(|it| said.contains(it));
                assert!(done.status.success() || is_early, "{person}: {said}");
                if done.status.success() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        };
        Self { command: Box::new(command) }
    }

    /// Answers, where a line says that a gate asks.
    fn give(&self, line: &str, ways: &[(&'static str, Do)]) {
        let Some((gate, asked)) =
            line.trim_start().strip_prefix("▸ ").and_then(|line| line.split_once(": asks "))
        else {
            return;
        };
        let people =
            asked.split_once(" of ").map_or(asked, |(_, people)| people).split(", until").next().unwrap();
        let way = ways.iter().find(|(name, _)| gate.contains(name)).map(|(_, way)| *way);
        for person in people.split(" (").next().unwrap().split(", ") {
            match way {
                Some(Do::Nothing) => {}
                Some(Do::Decline) => {
                    return (self.command)(
                        &["approve", "last", gate, "--decline", "--comment", "not like this"],
                        person,
                    );
                }
                None => (self.command)(&["approve", "last", gate, "--comment", "looks good"], person),
            }
        }
    }
}
