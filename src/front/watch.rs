//! `playbook watch PATH…`: runs a playbook again when what it is made of changes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::arguments::{Color, Common, Output};
use super::printing::style;
use super::style::{Line, Paint};
use crate::base::error::{Error, Result};
use crate::base::exit::Exit;
use crate::base::text;
use crate::effect::environment::Environment;
use crate::primitives::FAMILIES;
use crate::run::order::Order;
use crate::run::watch::{Do, Followed, OnChange, Pace, Snapshot};
use crate::sys::again::Again;
use crate::sys::signals::Pressed;
use crate::sys::watching::Watching;
use crate::sys::{clock, environment, files, terminal};

/// How often it is looked whether a run has ended, while one goes on.
const TICK: Duration = Duration::from_millis(50);

/// What watching takes.
#[derive(Args, Clone, Debug)]
pub struct Watch {
    /// The playbook, and further files and folders whose changes count; several playbooks run one after the other.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The environment of `playbook.toml`; it must say `watch = true`.
    #[arg(long, short, env = "PLAYBOOK_ENV", value_name = "NAME")]
    pub env: Option<String>,
    /// A parameter of the playbook; may be repeated.
    #[arg(long, short, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// What happens with a change while a run goes on.
    #[arg(long, value_enum, default_value_t = Wish::Queue)]
    pub on_change: Wish,
    /// Plans first each time, and runs only when the plan finds nothing wrong.
    #[arg(long)]
    pub plan: bool,
    /// Ends after so many failures in a row; after each it waits longer.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_failures: u32,
    /// How long nothing may change before it counts as one change.
    #[arg(long, default_value = "150ms", value_name = "DURATION")]
    pub settle: String,
}

/// What happens with a change while a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Wish {
    /// The run is stopped and taken back, as by Ctrl-C, and another begins.
    Cancel,
    /// Another run follows, one at most.
    Queue,
    /// Nothing.
    Ignore,
}

/// Watches until Ctrl-C or too many failures.
pub fn watch(common: &Common, wanted: &Watch) -> Result<Exit> {
    let quiet = text::parse_duration(&wanted.settle)?;
    let orders = orders(common, wanted)?;
    for order in &orders {
        permit(&order.read(FAMILIES)?.environment, &order.playbook)?;
    }
    let on_change = match wanted.on_change {
        Wish::Cancel => OnChange::Cancel,
        Wish::Queue => OnChange::Queue,
        Wish::Ignore => OnChange::Ignore,
    };
    let mut post = Post {
        common: common.clone(),
        wanted: wanted.clone(),
        pressed: Pressed::listen()?,
        watching: Watching::new()?,
        snapshot: Snapshot::default(),
        pace: Pace::new(on_change, wanted.max_failures),
        work: None,
        orders,
    };
    post.stand(quiet)
}

/// The playbooks among the paths.
fn orders(common: &Common, wanted: &Watch) -> Result<Vec<Order>> {
    let playbooks =
        wanted.paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rhai"));
    let order = |path: &PathBuf| Order {
        playbook: path.clone(),
        project: common.project.clone(),
        environment: wanted.env.clone(),
        set: wanted.set.clone(),
        ..Order::default()
    };
    let orders: Vec<Order> = playbooks.map(order).collect();
    if orders.is_empty() {
        return Err(
            Error::usage("none of the paths is a playbook").fix("name the `.rhai` file that is to run, too")
        );
    }
    if let Some(path) = wanted.paths.iter().find(|path| !files::exists(path)) {
        return Err(Error::missing(format!("there is no {}", path.display()))
            .fix("name files and folders that are there"));
    }
    Ok(orders)
}

/// Refuses an environment that does not say that it may be watched.
fn permit(environment: &Environment, playbook: &Path) -> Result<()> {
    if environment.watch {
        return Ok(());
    }
    let name = &environment.name;
    Err(Error::denied(format!("{} is not run in `{name}` whenever a file changes", playbook.display()))
        .why(format!("[env.{name}] does not say `watch = true`"))
        .fix("choose an environment for trying things out, or put `watch = true` there"))
}

/// Whoever watches.
struct Post {
    common: Common,
    wanted: Watch,
    orders: Vec<Order>,
    pressed: Pressed,
    watching: Watching,
    snapshot: Snapshot,
    pace: Pace,
    work: Option<Work>,
}

/// A run, and the processes that are still to be started for it.
struct Work {
    child: Again,
    next: Vec<Vec<OsString>>,
    is_plan: bool,
}

impl Post {
    fn stand(&mut self, quiet: Duration) -> Result<Exit> {
        self.look();
        self.say(
            Paint::Dim,
            &format!("watching {}; Ctrl-C ends it", text::count(self.snapshot.count(), "file")),
        );
        if self.watching.is_exhausted() {
            self.say(
                Paint::Warn,
                "the system allows no more watches (fs.inotify.max_user_watches): it is looked four times a second",
            );
        }
        let mut stops = 0;
        loop {
            let now = clock::instant();
            match self.pace.next(now) {
                Do::Start => self.start()?,
                Do::Stop => self.stop(),
                Do::GiveUp => {
                    let failures = self.pace.failures();
                    self.say(Paint::Bad, &format!("✘ {failures} failures in a row: no longer watching"));
                    return Ok(Exit::Failed);
                }
                Do::Wait => {}
            }
            let longest = match (&self.work, self.pace.pause(now)) {
                (Some(_), _) => TICK,
                (None, Some(pause)) => pause.min(Duration::from_millis(250)),
                (None, None) => Duration::from_millis(250),
            };
            if self.watching.wait(longest, quiet) {
                self.changed();
            }
            while stops < self.pressed.count() {
                stops += 1;
                self.stop();
            }
            self.ended()?;
            if stops > 0 && self.work.is_none() {
                return Ok(Exit::Interrupted);
            }
        }
    }

    /// Looks what has changed, and follows what is to be followed now.
    fn look(&mut self) -> Vec<PathBuf> {
        let more: Vec<PathBuf> = self.wanted.paths.iter().map(|path| absolute(path)).collect();
        let followed = Followed::of(&self.orders, &more, FAMILIES);
        let changed = self.snapshot.look(&followed);
        self.watching.watch(self.snapshot.folders());
        changed
    }

    fn changed(&mut self) {
        let changed = self.look();
        let Some(first) = changed.first() else { return };
        let here = environment::current_folder().unwrap_or_default();
        let name = first.strip_prefix(&here).unwrap_or(first).display().to_string();
        let more = if changed.len() > 1 { format!(" and {} more", changed.len() - 1) } else { String::new() };
        self.pace.changed();
        let what = match (&self.work, self.wanted.on_change) {
            (Some(_), Wish::Queue) => ": another run follows this one",
            (Some(_), Wish::Cancel) => ": this run is stopped",
            (Some(_), Wish::Ignore) => ": nobody waits for it",
            _ => "",
        };
        self.say(Paint::Live, &format!("{name}{more} changed{what}"));
        if let Some(pause) = self.pace.pause(clock::instant()) {
            self.say(Paint::Dim, &format!("after the failure it waits {}", text::show_duration(pause)));
        }
    }

    fn start(&mut self) -> Result<()> {
        let mut all = Vec::new();
        for order in &self.orders {
            if self.wanted.plan {
                all.push(self.arguments("plan", order));
            }
            all.push(self.arguments("exec", order));
        }
        all.reverse();
        self.next(all)
    }

    fn next(&mut self, mut next: Vec<Vec<OsString>>) -> Result<()> {
        let Some(arguments) = next.pop() else { return Ok(()) };
        let is_plan = arguments.first().is_some_and(|word| word == "plan");
        let child = Again::start(&arguments, &environment::current_folder()?)?;
        self.work = Some(Work { child, next, is_plan });
        Ok(())
    }

    fn arguments(&self, verb: &str, order: &Order) -> Vec<OsString> {
        let mut all: Vec<OsString> = vec![verb.into(), order.playbook.clone().into(), "--unattended".into()];
        let mut named = |name: &str, value: OsString| all.extend([name.into(), value]);
        order.environment.iter().for_each(|name| named("--env", name.into()));
        order.set.iter().for_each(|one| named("--set", one.into()));
        order.project.iter().for_each(|folder| named("--project", folder.into()));
        if self.common.output == Output::Json {
            named("--output", "json".into());
        }
        match self.common.color {
            Color::Always => named("--color", "always".into()),
            Color::Never => named("--color", "never".into()),
            Color::Auto => {}
        }
        self.common.log.iter().for_each(|filter| named("--log", filter.into()));
        all
    }

    fn stop(&self) {
        if let Some(work) = &self.work {
            work.child.interrupt();
        }
    }

    /// Takes note when the run that went on has ended.
    fn ended(&mut self) -> Result<()> {
        let Some(code) = self.work.as_mut().and_then(|work| work.child.ended()) else { return Ok(()) };
        let Some(work) = self.work.take() else { return Ok(()) };
        if code == 0 && !work.next.is_empty() && self.pressed.count() == 0 {
            return self.next(work.next);
        }
        // A mistake in a file that is being written, and a wait that goes on elsewhere, are no failures.
        let is_mistake = code == Exit::Usage.code() || work.is_plan;
        let failed = (code != 0 && code != Exit::Waiting.code()).then_some(!is_mistake);
        self.pace.ended(failed, clock::instant());
        let text = match failed {
            None => "✔ done; waiting for a change".to_owned(),
            Some(_) => format!(
                "✘ exit code {code} ({} of {} failures); waiting for a change",
                self.pace.failures(),
                self.wanted.max_failures
            ),
        };
        self.say(if failed.is_none() { Paint::Good } else { Paint::Bad }, &text);
        Ok(())
    }

    fn say(&self, paint: Paint, text: &str) {
        if self.common.output == Output::Text {
            let time = clock::now().strftime("%H:%M:%S").to_string();
            let line = Line::default().with(Paint::Dim, format!("{time} ")).with(paint, text);
            terminal::write(&format!("{}\n", line.show(style(&self.common))));
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    environment::current_folder().map_or_else(|_| path.to_path_buf(), |here| here.join(path))
}
