//! One line: compiled with all that was declared before, carried out as a step on a thread of its own, or only planned.

use std::sync::Arc;

use jiff::Timestamp;
use rhai::{AST, Dynamic, Engine, Expr, Scope, Stmt};
use serde_json::Value;

use super::Prompt;
use crate::base::error::{Error, Result};
use crate::base::event::{Event, Listener, Position};
use crate::base::outcome::Outcome;
use crate::effect::pipeline::Mode;
use crate::run::exec::carried::failed;
use crate::run::exec::deadline::Deadline;
use crate::run::exec::reading;
use crate::script::here::{self, Here};
use crate::script::session::Session;
use crate::script::{bounds, engine, traces, values};
use crate::sys::stop::Stop;
use crate::sys::{clock, process};

/// A line that was carried out.
#[derive(Clone, Debug)]
pub struct Typed {
    /// As it was typed.
    pub text: String,
    /// Its step in the run.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// Its value, without secrets.
    pub value: Value,
    /// Why it failed.
    pub error: Option<Error>,
}

/// What a line would do.
#[derive(Debug)]
pub struct Planned {
    /// What the plan tells, as a run of its own.
    pub events: Vec<Event>,
    /// Where it goes no further, or what is wrong.
    pub error: Option<Error>,
}

/// The engine's side of a line.
struct Work<'a> {
    engine: &'a Engine,
    session: &'a Session,
    scope: &'a mut Scope<'static>,
    ast: &'a AST,
    position: Position,
    stop: Stop,
}

impl Prompt {
    /// Carries out a line, and gives its value. Ctrl-C ends the line and not the run.
    pub fn enter(&mut self, text: &str, kept: &str) -> Result<Value> {
        let (position, begin, at) = (self.position(), clock::instant(), clock::now());
        self.next += 1;
        let name = self.clean(kept);
        let (place, called) = (position.clone(), name.clone());
        self.run.session.record(&Event::StepBegan { position: place, name: called, rollback: false })?;
        let result = self.carried(text, &position);
        let error = result.as_ref().err().cloned();
        let outcome = error.as_ref().map_or(Outcome::Done, failed);
        let took = begin.elapsed();
        let ended =
            Event::StepEnded { position: position.clone(), name, outcome, took, error: error.clone() };
        self.run.session.record(&ended)?;
        let value = result.as_ref().map_or(Value::Null, Clone::clone);
        self.lines.push(Typed { text: text.to_owned(), position, at, value, error });
        result
    }

    fn carried(&mut self, text: &str, position: &str) -> Result<Value> {
        let source = format!("line {}", self.next);
        let ast = self.compiled(&self.run.engine, &self.run.session, (text, &source), false)?;
        self.run.stop = Stop::default();
        let stop = self.run.stop.clone();
        let (session, engine) = (Arc::clone(&self.run.session), Arc::clone(&self.run.engine));
        let work = Work {
            engine: &engine,
            session: &session,
            scope: &mut self.scope,
            ast: &ast,
            position: position.to_owned(),
            stop: stop.clone(),
        };
        let idle = session.idle.clone();
        let deadline =
            Deadline::set(&session.runtime, (stop.clone(), idle), (self.run.timeout, self.run.timeout));
        let stack = bounds::stack_size(&self.ready.environment.limits);
        let (done, mut ended) = tokio::sync::oneshot::channel();
        let (runtime, signals) = (&self.runtime, &mut self.signals);
        let result = std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().name("script".to_owned()).stack_size(stack);
            let thread = builder.spawn_scoped(scope, move || {
                let _ = done.send(work.carry_out());
            });
            thread.map_err(|why| Error::io("the script's thread cannot be started", &why))?;
            let attended = runtime.block_on(async {
                let mut is_second = false;
                loop {
                    let name = tokio::select! {
                        result = &mut ended => return result,
                        name = signals.next() => name,
                    };
                    stop.give(Error::cancelled(format!("stopped by {name}")));
                    if std::mem::replace(&mut is_second, true) {
                        process::end_all();
                    }
                }
            });
            attended.unwrap_or_else(|_| Err(Error::bug("the script's thread ended without a word")))
        });
        drop(deadline);
        self.declare(&ast);
        let value = result?;
        Ok(session.pipeline.host.redactor.value(&values::shown(&value)))
    }

    /// The line with what was declared before it, and with the imports that it uses.
    fn compiled(
        &self,
        engine: &Engine,
        session: &Session,
        (text, source): (&str, &str),
        planning: bool,
    ) -> Result<AST> {
        let used = self.imports.iter().filter(|(alias, _)| text.contains(&format!("{alias}::")));
        let imports: String = used.map(|(alias, path)| format!("import \"{path}\" as {alias};")).collect();
        session.sources.keep(source, text);
        let explained = |error: rhai::ParseError| traces::explain(&error.into(), source, &session.sources);
        let line = engine::compile_for(engine, text, planning).map_err(explained)?;
        let before = engine::compile(engine, &imports).map_err(explained)?;
        let mut ast = self.functions.merge(&before).merge(&line);
        ast.set_source(source);
        Ok(ast)
    }

    /// Keeps what a line declares for the lines after it.
    pub(super) fn declare(&mut self, ast: &AST) {
        self.functions = ast.clone_functions_only();
        for statement in ast.statements() {
            if let Stmt::Import(import, _) = statement
                && let Expr::StringConstant(path, _) = &import.0
            {
                let alias = import.1.name.to_string();
                self.imports.retain(|(have, _)| *have != alias);
                self.imports.push((alias, path.to_string()));
            }
        }
    }

    /// Tells what a line would do, without any effect; the variables stay as they are.
    pub fn plan(&mut self, text: &str) -> Result<Planned> {
        let heard = Arc::new(Heard::default());
        let (session, engine) = self.planner(&heard)?;
        session.pipeline.planned.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
        let ast = self.compiled(&engine, &session, (text, "line"), true)?;
        let stop = Stop::default();
        let mut scope = self.scope.clone();
        let work = Work {
            engine: &engine,
            session: &session,
            scope: &mut scope,
            ast: &ast,
            position: "0".to_owned(),
            stop,
        };
        let stack = bounds::stack_size(&self.ready.environment.limits);
        let result = std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().name("script".to_owned()).stack_size(stack);
            let thread = builder.spawn_scoped(scope, move || work.carry_out().map(drop));
            let thread = thread.map_err(|why| Error::io("the script's thread cannot be started", &why))?;
            thread.join().unwrap_or_else(|_| Err(Error::bug("the script's thread ended without a word")))
        });
        let events = heard.0.lock().map(|events| events.clone()).unwrap_or_default();
        Ok(Planned { events, error: result.err() })
    }

    fn planner(&self, heard: &Arc<Heard>) -> Result<(Arc<Session>, Arc<Engine>)> {
        let mut audience = self.audience.clone();
        audience.listeners = vec![Arc::clone(heard) as Arc<dyn Listener>];
        let facts = self.run.session.facts.clone();
        let session = reading::session(
            &self.ready,
            self.families,
            (Mode::Plan, facts, (String::new(), None)),
            &audience,
            self.runtime.handle(),
        );
        let engine = Arc::new(engine::build(&session));
        Ok((session, engine))
    }
}

impl Work<'_> {
    fn carry_out(self) -> Result<Dynamic> {
        let _here = here::enter(Here::new(&self.position, self.stop, false));
        let source = self.ast.source().unwrap_or_default();
        match self.engine.eval_ast_with_scope::<Dynamic>(self.scope, self.ast) {
            Err(error) if !traces::is_departure(&error) => {
                Err(traces::explain(&error, source, &self.session.sources))
            }
            Err(_) => Ok(Dynamic::UNIT),
            Ok(value) => here::stopped().map_or(Ok(value), Err),
        }
    }
}

/// Keeps what a plan tells.
#[derive(Debug, Default)]
struct Heard(std::sync::Mutex<Vec<Event>>);

impl Listener for Heard {
    fn hear(&self, event: &Event) {
        if let Ok(mut events) = self.0.lock() {
            events.push(event.clone());
        }
    }
}
