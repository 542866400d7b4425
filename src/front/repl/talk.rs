//! The conversation itself: a line is a command, a question to the manual, or a line of the run.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::json;

use super::consent;
use super::history::Clean;
use super::stage::Stage;
use super::writing::{Names, Shared};
use super::{commands, table};
use crate::base::error::{Error, Result};
use crate::base::event::{Event, Listener};
use crate::base::exit::Exit;
use crate::effect::environment::Environment;
use crate::effect::journal::{Filter, Journal, State};
use crate::front::arguments::{Common, Output};
use crate::front::assist::discreet::discreet;
use crate::front::json::Json;
use crate::front::printing::{is_colored, is_live, print};
use crate::front::style::{Line, Paint, Style};
use crate::front::tree::Tree;
use crate::front::{draw, log};
use crate::primitives::FAMILIES;
use crate::run::exec::prompt::{Planned, Prompt};
use crate::run::order::Audience;
use crate::run::project::Project;
use crate::sys::terminal;

/// Whether the conversation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another line.
    On,
    /// It ends.
    Leave,
}

/// The conversation so far.
pub(super) struct Talk {
    pub(super) common: Common,
    pub(super) project: Project,
    pub(super) environment: Environment,
    pub(super) style: Style,
    pub(super) names: Shared,
    /// Why the first line failed that did.
    pub(super) failed: Option<Error>,
    /// Whether each line is planned first.
    pub(super) plans: bool,
    pub(super) prompt: Option<Prompt>,
    /// Set when the process is told to end, or the terminal goes away: nobody types any more.
    pub(super) over: Arc<AtomicBool>,
    stage: Arc<Stage>,
    is_screen: bool,
    live: bool,
    allocated: fn() -> usize,
}

impl Talk {
    /// A conversation in `environment`, on a screen or not.
    pub(super) fn new(
        common: &Common,
        project: Project,
        environment: Environment,
        (allocated, is_screen): (fn() -> usize, bool),
    ) -> Self {
        let color = is_colored(common, is_screen);
        Self {
            common: common.clone(),
            project,
            environment,
            style: Style { color, width: None },
            names: Shared::default(),
            failed: None,
            plans: false,
            prompt: None,
            over: Arc::default(),
            stage: Arc::default(),
            is_screen,
            live: is_screen && is_live(common),
            allocated,
        }
    }

    /// What is said before the first line.
    pub(super) fn greeting(&self) -> String {
        let resources: Vec<String> = self.environment.resources.keys().map(ToString::to_string).collect();
        let name = &self.environment.name;
        let line =
            Line::default().with(Paint::Bold, name).with(Paint::Dim, format!(": {}", resources.join(", ")));
        let hint = "`?` helps, `?postgres.query` is the manual, Tab completes, Ctrl-D leaves";
        let mut lines = vec![line, Line::default().with(Paint::Dim, hint)];
        if self.environment.guarded {
            lines.push(
                Line::default().with(
                    Paint::Warn,
                    format!("{name} is guarded: each change is named and asked for first"),
                ),
            );
        }
        for run in self.running() {
            lines.push(Line::default().with(Paint::Warn, run));
        }
        draw::text(&lines, self.style)
    }

    /// The runs that are at work in this environment.
    fn running(&self) -> Vec<String> {
        let Ok(Some(journal)) = Journal::find(&self.project.folder) else { return Vec::new() };
        let filter =
            Filter { last: Some(20), environment: Some(self.environment.name.clone()), ..Filter::default() };
        let runs = journal.runs(&filter).unwrap_or_default();
        if let Ok(mut names) = self.names.lock() {
            names.runs = runs.iter().map(|run| run.id.clone()).collect();
        }
        let running = runs.into_iter().filter(|run| run.state == State::Running);
        running
            .map(|run| {
                format!(
                    "{} of {} is running here: `:open {}` looks at it",
                    run.facts.playbook, run.facts.person, run.id
                )
            })
            .collect()
    }

    /// Carries out one line.
    pub(super) fn take(&mut self, line: &str) -> Next {
        let text = line.trim();
        let done = match text.chars().next() {
            None => Ok(Next::On),
            Some(':') => commands::carry_out(self, text),
            Some('?') => commands::manual(self, text).map(|()| Next::On),
            Some(_) => self.enter(line).map(|()| Next::On),
        };
        done.unwrap_or_else(|error| {
            self.complain(&error);
            self.failed.get_or_insert(error);
            Next::On
        })
    }

    /// Carries out a line of the run, and shows its value.
    fn enter(&mut self, line: &str) -> Result<()> {
        if self.plans && !self.agreed(line)? {
            return Ok(());
        }
        let (color, live) = (self.style.color, self.live);
        let stage = Arc::clone(&self.stage);
        let prompt = self.prompt()?;
        stage.begin(color, live);
        let result = prompt.enter(line, &discreet(line.trim()));
        stage.end();
        self.note_names();
        let value = result?;
        if self.common.output == Output::Json {
            print(&format!("{}\n", json!({ "event": "value", "value": value })));
        } else if !line.trim_end().ends_with(';') {
            let width = self.is_screen.then(|| terminal::size().0);
            print(&table::draw(&value, width));
        }
        Ok(())
    }

    /// Tells first what the line would do; whether it is to be done.
    fn agreed(&mut self, line: &str) -> Result<bool> {
        let planned = self.prompt()?.plan(line)?;
        if planned
            .events
            .iter()
            .all(|event| !matches!(event, Event::EffectBegan { effect, .. } if !effect.is_read()))
        {
            return Ok(true);
        }
        self.show_plan(&planned);
        if !self.is_screen {
            return Err(Error::denied("the line is planned, and not done")
                .why("nobody is at the terminal to say yes")
                .fix("end the planning with `:plan off`, or plan single lines with `:plan LINE`"));
        }
        let answer = terminal::answer("Do it? [y/N] ", &|| false).unwrap_or_default();
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Shows what a line would do.
    pub(super) fn show_plan(&self, planned: &Planned) {
        let mut tree = Tree::default();
        tree.hear(&Event::RunBegan {
            run: String::new(),
            playbook: String::new(),
            title: String::new(),
            environment: String::new(),
            person: String::new(),
            script: String::new(),
            parameters: serde_json::Map::new(),
            planning: true,
        });
        planned.events.iter().for_each(|event| tree.hear(event));
        let text = draw::tree(&tree, self.style);
        print(if text.is_empty() { "it would do nothing\n" } else { &text });
        if let Some(error) = &planned.error {
            print(&format!("the plan ends: {}\n", error.what));
        }
    }

    /// The run, begun when it is first wanted.
    pub(super) fn prompt(&mut self) -> Result<&mut Prompt> {
        if self.prompt.is_none() {
            let audience = self.audience()?;
            let prompt = Prompt::begin(&self.project, self.environment.clone(), FAMILIES, audience)?;
            self.hear(prompt);
        }
        self.prompt.as_mut().ok_or_else(|| Error::bug("a prompt without a run"))
    }

    /// Talks with this prompt from now on. A signal ends what is typed from its first line on.
    fn hear(&mut self, prompt: Prompt) {
        if self.is_screen {
            prompt.when_ended(&self.over);
        }
        self.prompt = Some(prompt);
    }

    fn audience(&self) -> Result<Audience> {
        let mut listeners: Vec<Arc<dyn Listener>> = match self.common.output {
            Output::Text => vec![Arc::clone(&self.stage) as Arc<dyn Listener>],
            Output::Json => vec![Arc::new(Json::new())],
        };
        listeners.extend(log::begin(&self.common)?);
        let (name, color) = (&self.environment.name, self.style.color);
        let is_somebody = self.is_screen && !self.common.no_input;
        let consent = self.environment.guarded.then(|| consent::ask(name, &self.stage, is_somebody, color));
        Ok(Audience { listeners, consent, allocated: Some(self.allocated), ..Audience::default() })
    }

    /// Goes on inside a run of the past, once the lines so far are closed.
    pub(super) fn open(&mut self, wanted: &str) -> Result<()> {
        let journal = Journal::find(&self.project.folder)?.ok_or_else(crate::front::show::nothing)?;
        let record = journal.run(wanted)?;
        crate::run::exec::prompt::may_open(&record)?;
        if record.facts.environment != self.environment.name {
            return Err(Error::usage(format!(
                "the run {} is one of `{}`",
                record.id, record.facts.environment
            ))
            .fix(format!(
                "open it there: `playbook repl --env {} --open {}`",
                record.facts.environment, record.id
            )));
        }
        if let Some(before) = self.prompt.take() {
            before.close(None)?;
        }
        let audience = self.audience()?;
        let prompt = Prompt::open(&self.project, &journal, &record, FAMILIES, audience)?;
        self.hear(prompt);
        self.note_names();
        Ok(())
    }

    /// The id of the run that is gone on with.
    pub(super) fn opened(&self) -> Option<String> {
        self.prompt.as_ref().and_then(Prompt::opened).map(|record| record.id.clone())
    }

    fn note_names(&self) {
        let (Some(prompt), Ok(mut names)) = (&self.prompt, self.names.lock()) else { return };
        let runs = std::mem::take(&mut names.runs);
        *names = Names { runs, ..Names::default() };
        for variable in prompt.variables() {
            let about = crate::base::text::headline(&variable.value.to_string(), 60);
            names.all.push((variable.name.clone(), about));
            names.families.extend(variable.family.map(|family| (variable.name, family)));
        }
        names.all.extend(prompt.functions().into_iter().map(|name| (name, "declared here".to_owned())));
    }

    /// Once there is a run, its secrets are known, and so is whoever ends the process.
    pub(super) fn learn(&self, clean: &Clean) {
        let (Some(prompt), Ok(mut clean)) = (&self.prompt, clean.lock()) else { return };
        let redactor = prompt.redactor();
        *clean = Some(Box::new(move |line| redactor.text(line)));
    }

    /// Says what stands; whether the person leaves all the same.
    pub(super) fn may_leave(&mut self) -> bool {
        if !self.tell_what_stands() || self.common.no_input {
            return true;
        }
        let answer = terminal::answer("Leave it so? [Y/n, b takes it back] ", &|| false).unwrap_or_default();
        match answer.trim().to_lowercase().as_str() {
            "n" | "no" => false,
            "b" | "back" => {
                commands::carry_out(self, ":undo all").map_err(|error| self.complain(&error)).is_ok()
            }
            _ => true,
        }
    }

    /// Tells which changes stand and how they are taken back; whether there are any.
    pub(super) fn tell_what_stands(&self) -> bool {
        let Some(prompt) = &self.prompt else { return false };
        let standing = prompt.standing().unwrap_or_default();
        if standing.is_empty() {
            return false;
        }
        let count = if standing.len() == 1 {
            "1 change stands".to_owned()
        } else {
            format!("{} changes stand", standing.len())
        };
        let mut lines = vec![Line::default().with(Paint::Warn, format!("{count}:"))];
        lines.extend(standing.iter().map(|(what, has_way)| {
            let note = if *has_way { "" } else { "  (cannot be taken back by itself)" };
            Line::indented(1).with(Paint::Plain, what).with(Paint::Dim, note)
        }));
        let way = format!("take it back now by `:undo all`, or later by `playbook rollback {}`", prompt.id());
        lines.push(Line::default().with(Paint::Dim, way));
        terminal::write(&draw::text(&lines, self.style));
        true
    }

    /// Whether any line has called anything.
    fn has_run(&self) -> bool {
        let entries = self.prompt.as_ref().map(Prompt::entries).and_then(Result::ok).unwrap_or_default();
        entries.iter().any(|entry| matches!(entry.event, Event::EffectBegan { .. }))
    }

    /// Ends the run, and says with what.
    pub(super) fn end(mut self) -> Result<Exit> {
        let exit = match self.failed.as_ref().map_or(Exit::Done, Error::exit) {
            // That code promises that nothing was run.
            Exit::Usage if self.has_run() => Exit::Failed,
            exit => exit,
        };
        if let Some(prompt) = self.prompt.take() {
            let error = self.failed.take().filter(|_| !self.is_screen);
            prompt.close(error)?;
        }
        Ok(exit)
    }

    /// Says what is wrong.
    pub(super) fn complain(&self, error: &Error) {
        if self.common.output == Output::Json {
            return Json::new().error(error);
        }
        for error in error.each() {
            terminal::write(&format!("{}: {error}\n", self.style.paint(Paint::Bad, "error")));
        }
    }
}
