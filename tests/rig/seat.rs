//! A place at a real pseudo-terminal: keys are typed, and the screen is what a person would see.

use std::io::{Read as _, Write};
use std::sync::{Arc, Mutex};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::recording::Recording;
use super::{Rig, wait_until};

const ROWS: u16 = 40;
const COLUMNS: u16 = 110;

/// The binary at a terminal of its own.
pub struct Seat {
    child: Box<dyn Child + Send + Sync>,
    keys: Arc<Mutex<Box<dyn Write + Send>>>,
    screen: Arc<Mutex<vt100::Parser>>,
    _master: Box<dyn MasterPty + Send>,
}

impl Seat {
    /// Starts the binary in the project with colours.
    pub fn at(rig: &Rig, arguments: &[&str]) -> Self {
        Self::with(rig, arguments, &[])
    }

    /// The same with more environment variables.
    pub fn with(rig: &Rig, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::of(rig, arguments, variables, COLUMNS)
    }

    /// The same at a terminal of so many columns, without colours.
    pub fn sized(rig: &Rig, arguments: &[&str], columns: u16) -> Self {
        Self::of(rig, arguments, &[("NO_COLOR", "1")], columns)
    }

    fn of(rig: &Rig, arguments: &[&str], variables: &[(&str, &str)], columns: u16) -> Self {
        let size = PtySize { rows: ROWS, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_playbook"));
        command.env_clear();
        command.args(arguments);
        command.cwd(rig.folder());
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", rig.folder());
        command.env("TERM", "xterm-256color");
        command.env("PLAYBOOK_PERSON", "ada@seat");
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let keys = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS, columns, 1000)));
        let mut from = pair.master.try_clone_reader().unwrap();
        let (answers, shown) = (Arc::clone(&keys), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 8192];
            while let Ok(read @ 1..) = from.read(&mut bytes) {
                let bytes = &bytes[..read];
                let mut screen = shown.lock().unwrap();
                screen.process(bytes);
                // Whoever asks where the cursor stands is told, as a terminal does.
                if bytes.windows(4).any(|window| window == b"\x1b[6n") {
                    let (row, column) = screen.screen().cursor_position();
                    let answer = format!("\x1b[{};{}R", row + 1, column + 1);
                    let _ = answers.lock().unwrap().write_all(answer.as_bytes());
                }
            }
        });
        Self { child, keys, screen, _master: pair.master }
    }

    /// Presses keys.
    pub fn press(&self, keys: &str) -> &Self {
        let mut to = self.keys.lock().unwrap();
        to.write_all(keys.as_bytes()).unwrap();
        to.flush().unwrap();
        self
    }

    /// Types a line and Enter.
    pub fn types(&self, line: &str) -> &Self {
        self.press(&format!("{line}\r"))
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        self.until(&format!("`{text}`"), || self.screen().contains(text))
    }

    #[track_caller]
    fn until(&self, what: &str, ready: impl Fn() -> bool) -> &Self {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !ready() {
            assert!(std::time::Instant::now() < deadline, "no {what} within 60 s on\n{}", self.screen());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        self
    }

    /// Records what the screen shows from now on.
    pub fn record(&self) -> Recording {
        Recording::of(&self.screen)
    }

    /// Types as a person does, so that a recording shows it.
    pub fn slowly(&self, keys: &str) -> &Self {
        for key in keys.chars() {
            self.press(key.encode_utf8(&mut [0; 4]));
            std::thread::sleep(std::time::Duration::from_millis(45));
        }
        std::thread::sleep(std::time::Duration::from_millis(600));
        self
    }

    /// The screen as it is, line ends trimmed.
    pub fn screen(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the prompt stands there with nothing behind it: before that, keys are not the prompt's.
    #[track_caller]
    pub fn is_free(&self, prompt: &str) -> &Self {
        let last = || self.screen().lines().rev().find(|line| !line.trim().is_empty()).map(str::to_owned);
        let is_free =
            |line: &str| line.strip_prefix(prompt).is_some_and(|rest| matches!(rest.trim(), "" | "guarded"));
        self.until(&format!("free `{prompt}`"), || last().is_some_and(|line| is_free(&line)))
    }

    /// The colour of the first cell of `text` on the screen.
    pub fn color_of(&self, text: &str) -> Option<vt100::Color> {
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        let (row, line) = (0..ROWS)
            .map(|row| (row, screen.contents_between(row, 0, row, COLUMNS)))
            .find(|(_, line)| line.contains(text))?;
        let column = line[..line.find(text)?].chars().count();
        screen.cell(row, u16::try_from(column).ok()?).map(vt100::Cell::fgcolor)
    }

    /// The process, to send it signals.
    pub fn id(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Waits for its end, and gives the exit code.
    pub fn code(mut self) -> u32 {
        wait_until("its end", 30, || self.child.try_wait().unwrap().is_some());
        self.child.wait().unwrap().exit_code()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
