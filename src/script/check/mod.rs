//! Everything that can be found wrong with a playbook without running it, and what it touches.

mod absent;
mod arguments;
mod brackets;
mod calls;
mod chains;
mod circles;
mod expressions;
mod flow;
mod forms;
mod functions;
mod grants;
mod handles;
mod imported;
mod kind;
mod literals;
mod methods;
mod natives;
mod program;
mod slips;
mod statements;
mod survey;
mod syntax;
mod touched;
mod types;
mod unknown;
mod variables;
mod verbs;
mod walk;
mod wording;

use rhai::{AST, Engine};

use super::header::Header;
use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::exit::Exit;
use crate::effect::environment::Environment;
use crate::effect::journal::Script;
pub use touched::{Touched, Verb};

/// What is checked.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The playbook's name.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
    /// Its header.
    pub header: &'a Header,
    /// What it is to run in.
    pub environment: &'a Environment,
}

/// What a check comes to.
#[derive(Debug, Default)]
pub struct Checked {
    /// The compiled playbook; none when it does not parse.
    pub ast: Option<AST>,
    /// The playbook and everything it imports.
    pub scripts: Vec<Script>,
    /// What is wrong, in the order of the files.
    pub findings: Vec<Error>,
    /// What is not wrong, and yet not as it should be.
    pub warnings: Vec<Error>,
    /// What it touches, by resource.
    pub touched: Vec<Touched>,
    /// Families of which not every use could be followed, because a name or a handle is computed.
    pub unfollowed: Vec<&'static str>,
}

impl Checked {
    /// The compiled playbook and its texts, or all that is wrong as one error.
    pub fn into_program(mut self) -> Result<(AST, Vec<Script>)> {
        if let (Some(exit), Some(first)) = (self.exit(), self.findings.first_mut())
            && first.exit() != exit
        {
            // A command ends with the code of its first error.
            first.kind = Kind::Usage;
        }
        Error::all(self.findings)?;
        self.ast
            .map(|ast| (ast, self.scripts))
            .ok_or_else(|| Error::bug("a playbook was refused without a reason"))
    }

    /// How a command ends that finds this, if anything is wrong: only where all of it is of one sort, as missing
    /// grants are, does it have a code of its own.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        let first = self.findings.first()?.exit();
        Some(if self.findings.iter().all(|error| error.exit() == first) { first } else { Exit::Usage })
    }
}

/// Checks a playbook with the engine that would run it.
#[must_use]
pub fn check(engine: &Engine, session: &Session, subject: Subject<'_>) -> Checked {
    let mut findings = Vec::new();
    let program = program::Program::read(engine, session, (subject.name, subject.text), &mut findings);
    let families = session.pipeline.host.families;
    let world = walk::World {
        families,
        natives: natives::Natives::of(engine, families),
        header: subject.header,
        environment: subject.environment,
        session,
        program: &program,
    };
    let mut found = walk::Walk::over(&world);
    let touched = touched::sum(std::mem::take(&mut found.touches));
    let mut warnings = grants::judge(&world, &touched, &mut found);
    findings.append(&mut found.findings);
    warnings.append(&mut found.warnings);
    for (file, error) in found.absent {
        // Where the playbook may make the file itself, only a run can tell.
        let is_made = error.kind == Kind::Missing
            && touched.iter().any(|one| absent::may_make(subject.environment, one, &file));
        if is_made { &mut warnings } else { &mut findings }.push(error);
    }
    let is_empty = |unit: &program::Unit| unit.ast.statements().is_empty() && unit.functions.is_empty();
    if program.units.first().is_some_and(is_empty) {
        warnings.push(
            Error::usage("there is nothing in this playbook that could be run")
                .fix("write its first step: `step \"NAME\" { … }`"),
        );
    }
    if !findings.is_empty() {
        // What is wrong may be the use of what seems to be needless.
        warnings.clear();
    }
    for all in [&mut findings, &mut warnings] {
        all.sort_by_cached_key(|error| order(&program, error));
        all.dedup_by(|one, other| one.at == other.at && one.what == other.what);
    }
    Checked {
        ast: program.units.first().filter(|unit| unit.name == subject.name).map(|unit| unit.ast.clone()),
        scripts: program.scripts(),
        findings,
        warnings,
        touched,
        unfollowed: found.unfollowed.into_iter().collect(),
    }
}

/// The playbook first, then its modules as they are imported; within a file by line and column.
fn order(program: &program::Program, error: &Error) -> (usize, usize, usize) {
    let Some(at) = &error.at else { return (0, 0, 0) };
    let file = program.units.iter().position(|unit| unit.name == at.file).unwrap_or(usize::MAX);
    (file, at.line, at.column)
}
