//! pm2 itself, on each of its places: asked for its processes, told what to do with them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::daemon::busy;
use super::process::{Process, plain};
use super::settings::Table;
use crate::base::effect::Effect;
use crate::base::error::{Error, Kind, Result};
use crate::base::secret::Revealed;
use crate::base::suggest;
use crate::base::text;
use crate::effect::child;
use crate::effect::cx::Cx;
use crate::effect::hosts::{Hosts, Task};
use crate::effect::local::Local;
use crate::effect::output::last_words;
use crate::sys::files;
use crate::sys::process::{Ended, Status};

/// More than this is no list of processes; in bytes.
const LONGEST_LIST: u64 = 32 * 1024 * 1024;
/// How long something under way is waited for where nothing else bounds it.
const PATIENT: Duration = Duration::from_secs(120);
/// Variables of ours that a local pm2 needs.
const PASSED: [&str; 5] = ["PATH", "HOME", "USER", "LANG", "PM2_HOME"];

/// A pm2 and its places.
pub(super) struct Pm2 {
    pub(super) cx: Cx,
    hosts: Arc<dyn Hosts>,
    /// The places, in the order in which they are taken.
    pub(super) places: Vec<String>,
    program: String,
    folder: Option<String>,
    variables: Vec<(String, Revealed)>,
    pub(super) settle: Duration,
    pub(super) within: Duration,
    is_local: bool,
    /// Why pm2 did not run at a place when it was last looked at; `None` once it did.
    absent: Mutex<BTreeMap<String, Option<Error>>>,
}

impl Pm2 {
    /// Reaches the places; `effect` is what will be done with pm2.
    pub(super) async fn open(cx: &Cx, effect: Effect) -> Result<Self> {
        let table: Table = cx.settings()?;
        let hosts: Arc<dyn Hosts> = match &table.over {
            Some(over) => cx.hosts(over, effect).await?,
            None => Arc::new(Local::new(cx, &PASSED)),
        };
        let mut places = hosts.names();
        if let Some(wanted) = &table.hosts {
            if let Some(name) = wanted.iter().find(|name| !places.contains(name)) {
                return Err(Error::usage(format!(
                    "`hosts` of {} names `{name}`, which is no host",
                    cx.table()
                ))
                .fix(suggest::advice(name, places.iter().map(String::as_str))));
            }
            places.retain(|name| wanted.contains(name));
        }
        Ok(Self {
            is_local: table.over.is_none(),
            absent: Mutex::default(),
            hosts,
            places,
            settle: table.settle()?,
            within: table.within()?,
            variables: table.variables(cx).await?,
            program: table.program,
            folder: table.folder,
            cx: cx.clone(),
        })
    }

    fn task(&self, arguments: &[&str]) -> Task {
        Task {
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            folder: self.folder.clone(),
            variables: self.variables.clone(),
            within: self.within,
        }
    }

    /// What pm2 calls its version, on one place.
    pub(super) async fn version(&self, host: &str) -> Result<String> {
        let text = self.read(host, &[&self.program, "--silent", "--version"]).await?;
        Ok(plain(&text)
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty())
            .unwrap_or_default()
            .to_owned())
    }

    /// Runs a command at a place, as pm2 is run there.
    pub(super) async fn run(&self, host: &str, arguments: &[&str]) -> Result<Ended> {
        self.hosts.run(host, self.task(arguments)).await
    }

    /// The program that has to be found there; nothing for this machine, where it and its folder have been looked for.
    pub(super) fn wanted(&self, host: &str) -> Result<&str> {
        if !self.is_local {
            return Ok(&self.program);
        }
        child::program(&self.cx, &self.program)?;
        match &self.folder {
            Some(folder) if !files::exists(&child::folder(&self.cx, None)?.join(folder)) => {
                Err(self.no_folder(host, folder, "there is no such folder"))
            }
            _ => Ok(""),
        }
    }

    /// Why pm2 did not run there when it was last asked for its processes.
    pub(super) fn why_absent(&self, host: &str) -> Option<Error> {
        self.absent.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned().flatten()
    }

    /// All processes of one place: none where pm2 does not run, which is not started by that.
    pub(super) async fn list(&self, host: &str) -> Result<Vec<Process>> {
        let runs =
            self.absent.lock().unwrap_or_else(PoisonError::into_inner).get(host).is_some_and(Option::is_none);
        if !runs {
            let absent = self.absent(host).await?;
            let is_absent = absent.is_some();
            self.absent.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned(), absent);
            if is_absent {
                return Ok(Vec::new());
            }
        }
        let text = self.read(host, &[&self.program, "--silent", "jlist"]).await?;
        Process::read_all(host, &text).ok_or_else(|| {
            Error::remote(format!("pm2 on {host} gives no list of its processes"))
                .why(last_words(&plain(&text), ""))
                .fix("look at what `pm2 jlist` says there")
        })
    }

    /// All processes of all places.
    pub(super) async fn list_all(&self) -> Result<Vec<Process>> {
        let mut all = Vec::new();
        for host in &self.places {
            all.extend(self.list(host).await?);
        }
        Ok(all)
    }

    /// The same; that pm2 does not run at one of them is an error.
    pub(super) async fn list_running(&self) -> Result<Vec<Process>> {
        let all = self.list_all().await?;
        self.places.iter().find_map(|host| self.why_absent(host)).map_or(Ok(all), Err)
    }

    /// The processes of one application on one place; `all` means every one. None is an error that names the near ones.
    pub(super) fn find(&self, name: &str, host: &str, all: &[Process]) -> Result<Vec<Process>> {
        let here = || all.iter().filter(|process| process.host == host);
        let found: Vec<Process> = here().filter(|one| name == "all" || one.name == name).cloned().collect();
        if found.is_empty() {
            if let Some(why) = self.why_absent(host) {
                return Err(why);
            }
            let known = here().map(|process| process.name.as_str());
            return Err(Error::missing(format!("pm2 on {host} has no process `{name}`"))
                .fix(suggest::advice(name, known))
                .unchanged());
        }
        Ok(found)
    }

    /// Does something with pm2 on one place; pm2's own words when it refuses. While a reload is under way, or was cut off a
    /// moment ago, it waits as long as pm2 says.
    pub(super) async fn tell(&self, host: &str, words: &[&str]) -> Result<()> {
        let mut arguments = vec![self.program.as_str()];
        arguments.extend(words);
        let begin = self.cx.instant();
        loop {
            let ended = self.run(host, &arguments).await?;
            if ended.status == Status::Code(0) {
                return Ok(());
            }
            let error = self.refused(host, words, &ended);
            let why = error.why.as_deref().unwrap_or_default();
            let Some(pause) = busy(why) else { return Err(error) };
            let left = self.cx.left().unwrap_or_else(|| PATIENT.saturating_sub(begin.elapsed()));
            if left <= pause {
                return Err(error.fix(format!("try again in {}", text::show_duration(pause))));
            }
            let what = format!("{host}: a reload is under way or was cut off, waiting as pm2 says");
            for second in 0..pause.as_secs() {
                self.cx.progress(&what, second, Some(pause.as_secs()));
                self.cx.pause(Duration::from_secs(1)).await?;
            }
        }
    }

    pub(super) fn refused(&self, host: &str, words: &[&str], ended: &Ended) -> Error {
        let cannot_go = ended.stderr.text.contains("cd: ") && ended.status == Status::Code(126);
        if let Some(folder) = self.folder.as_ref().filter(|_| cannot_go) {
            return self.no_folder(host, folder, &last_words(&plain(&ended.stderr.text), ""));
        }
        if ended.status == Status::Code(127) || ended.status == Status::Code(126) {
            return self.no_program(host, &ended.stderr.text);
        }
        let said = plain(&format!("{}\n{}", ended.stdout.text, ended.stderr.text));
        let errors: Vec<&str> = said.lines().filter(|line| line.contains("[ERROR]")).collect();
        let why = if errors.is_empty() { last_words(&said, "") } else { errors.join("\n") };
        Error::remote(format!("pm2 on {host} did not {}", words.join(" "))).why(why)
    }

    fn no_folder(&self, host: &str, folder: &str, why: &str) -> Error {
        Error::missing(format!("pm2 cannot work in {folder} on {host}"))
            .why(why)
            .fix(format!("make the folder there, or correct `folder` in {}", self.cx.table()))
            .unchanged()
    }

    fn no_program(&self, host: &str, said: &str) -> Error {
        Error::missing(format!("pm2 cannot be run on {host}"))
            .why(last_words(&plain(said), ""))
            .fix(format!(
                "install it, or name its path as `program`, and the folder of `node` in `env = {{ PATH = \"…\" }}`, in {}",
                self.cx.table()
            ))
            .unchanged()
    }

    /// The whole output of a command.
    async fn read(&self, host: &str, arguments: &[&str]) -> Result<String> {
        let content = self.hosts.open(host, self.task(arguments)).await?;
        let mut bytes = Vec::new();
        content.take(LONGEST_LIST).read_to_end(&mut bytes).await.map_err(|why| {
            let said = why.to_string();
            if said.contains("exit code 127") || said.contains("exit code 126") {
                return self.no_program(host, &said);
            }
            let mut error = Error::io(format!("pm2 on {host} does not answer"), &why);
            // A host that lets nobody in is another matter than one that is silent.
            let carried = why.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
            error.kind = carried.map_or(Kind::Remote, |carried| carried.kind);
            if let Some(carried) = carried {
                error.details.clone_from(&carried.details);
            }
            error.why = error.why.as_deref().map(plain);
            match error.kind {
                Kind::Remote => error.fix("see what `pm2 list` says there, and its pm2.log"),
                _ => error,
            }
        })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The last lines of a file of one place; empty when there is none.
    pub(super) async fn tail(&self, host: &str, path: &str, lines: usize) -> Result<String> {
        if path.is_empty() {
            return Ok(String::new());
        }
        let count = lines.to_string();
        let ended = self.hosts.run(host, self.task(&["tail", "-n", &count, path])).await?;
        let text = if ended.status == Status::Code(0) { plain(&ended.stdout.text) } else { String::new() };
        Ok(self.cx.redactor().text(text.trim_end()))
    }

    /// The content of files of one place, one after the other.
    pub(super) async fn content(
        &self,
        host: &str,
        paths: &[String],
    ) -> Result<crate::effect::store::Content> {
        let mut arguments = vec!["cat"];
        arguments.extend(paths.iter().map(String::as_str));
        let task = Task { within: crate::effect::archive::LONG, ..self.task(&arguments) };
        self.hosts.open(host, task).await
    }
}
