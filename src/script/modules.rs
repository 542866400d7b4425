//! Modules: `std/…` from the binary itself, everything else from below the project, and nothing in a circle.

use std::cell::RefCell;
use std::sync::Arc;

use rhai::{Engine, EvalAltResult, Module, ModuleResolver, Position, Scope, Shared};

use super::session::Session;
use super::{engine, traces};
use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::effect::inside;
use crate::sys::files;

/// The standard library: name and text of each module.
pub const STANDARD: &[(&str, &str)] = &[
    ("std/blue_green", include_str!("../../stdlib/blue_green.rhai")),
    ("std/canary", include_str!("../../stdlib/canary.rhai")),
    ("std/checkpoints", include_str!("../../stdlib/checkpoints.rhai")),
    ("std/conditions", include_str!("../../stdlib/conditions.rhai")),
    ("std/deadline", include_str!("../../stdlib/deadline.rhai")),
    ("std/health", include_str!("../../stdlib/health.rhai")),
    ("std/watch", include_str!("../../stdlib/watch.rhai")),
];

thread_local! {
    static OPEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Finds modules by our own rules: rhai's follow `../`, absolute paths and links out of the project, and overflow the
/// stack on a circle.
pub struct Resolver {
    session: Arc<Session>,
}

impl Resolver {
    /// The modules of a session's project.
    #[must_use]
    pub const fn new(session: Arc<Session>) -> Self {
        Self { session }
    }
}

impl ModuleResolver for Resolver {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        position: Position,
    ) -> traces::Raised<Shared<Module>> {
        let place = || self.session.sources.place(source.unwrap_or_default(), position);
        let text = read(&self.session, path).map_err(|error| traces::raise(error.at(place()), position))?;
        let _open = Open::new(path).map_err(|error| traces::raise(error.at(place()), position))?;
        self.session.sources.keep(path, &text);
        let mut ast = engine::compile_for(engine, &text, self.session.is_planning()).map_err(|error| {
            EvalAltResult::ErrorInModule(path.to_owned(), Box::new(error.into()), position)
        })?;
        ast.set_source(path);
        Module::eval_ast_as_new(Scope::new(), &ast, engine)
            .map(Into::into)
            .map_err(|error| Box::new(EvalAltResult::ErrorInModule(path.to_owned(), error, position)))
    }
}

/// The text of a module.
pub fn read(session: &Session, path: &str) -> Result<String> {
    if let Some(text) = session.recorded.get(path) {
        return Ok(text.clone());
    }
    if path.starts_with("std/") {
        let known = || STANDARD.iter().map(|(name, _)| *name);
        return STANDARD
            .iter()
            .find(|(name, _)| *name == path)
            .map(|(_, text)| (*text).to_owned())
            .ok_or_else(|| {
                Error::missing(format!("there is no module `{path}`"))
                    .fix(suggest::advice(path, known().collect::<Vec<_>>()))
            });
    }
    let file = inside::inside(&session.project, std::path::Path::new(&format!("{path}.rhai")))?;
    if !files::exists(&file) {
        return Err(Error::missing(format!("there is no module `{path}`"))
            .why(format!("{path}.rhai is not below the project"))
            .fix("name a .rhai file by its path from the folder of playbook.toml, without `.rhai`"));
    }
    files::read_text(&file, session.limits.source)
}

/// A module that is being read; another import of it meanwhile is a circle.
struct Open;

impl Open {
    fn new(path: &str) -> Result<Self> {
        OPEN.with(|open| {
            let mut open = open.borrow_mut();
            if let Some(first) = open.iter().position(|have| have == path) {
                let circle =
                    open[first..].iter().map(String::as_str).chain([path]).collect::<Vec<_>>().join(" → ");
                return Err(Error::usage(format!("modules import each other in a circle: {circle}"))
                    .fix("move what both need into a third module"));
            }
            open.push(path.to_owned());
            Ok(Self)
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        OPEN.with(|open| drop(open.borrow_mut().pop()));
    }
}
