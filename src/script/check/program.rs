//! The playbook and every module it imports, parsed, with what a look over each file tells: functions, imports, names.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rhai::{AST, Engine, Position};

use super::functions::{self, Function};
use super::{circles, syntax};
use crate::base::error::Error;
use crate::effect::journal::Script;
use crate::script::session::Session;
use crate::script::{engine, modules};

/// The playbook, first, and its modules.
#[derive(Default)]
pub(super) struct Program {
    pub(super) units: Vec<Unit>,
    /// Keys of literal maps and names of properties: whatever is called so may be a closure in a map.
    pub(super) keys: HashSet<String>,
    /// Functions with a type before their name, which are methods of values everywhere.
    pub(super) typed: HashSet<String>,
}

/// One file.
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) ast: AST,
    pub(super) functions: Vec<Function>,
    /// The module behind each alias; none where it is computed or could not be read.
    pub(super) aliases: BTreeMap<String, Option<usize>>,
    /// Variables of the file itself, outside every function and block.
    pub(super) outer: BTreeSet<String>,
    /// Every variable that is declared anywhere.
    pub(super) declared: BTreeSet<String>,
    pub(super) imports: Vec<Import>,
}

/// An `import` of a file.
#[derive(Clone)]
pub(super) struct Import {
    /// The module's name, unless it is computed.
    pub(super) path: Option<String>,
    pub(super) alias: String,
    pub(super) position: Position,
    /// The module, once it was read.
    pub(super) module: Option<usize>,
}

impl Unit {
    /// The function of that name that takes so many values.
    pub(super) fn function(&self, name: &str, count: usize) -> Option<usize> {
        self.functions.iter().position(|one| one.name == name && one.parameters.len() == count)
    }

    /// The functions of that name.
    pub(super) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Function> {
        self.functions.iter().filter(move |one| one.name == name)
    }

    /// The names of its functions, without closures.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.functions.iter().filter(|one| !one.is_closure()).map(|one| one.name.as_str())
    }
}

impl Program {
    /// Reads the playbook and all it imports; what cannot be read is noted in `findings`.
    pub(super) fn read(
        engine: &Engine,
        session: &Session,
        (name, text): (&str, &str),
        findings: &mut Vec<Error>,
    ) -> Self {
        let mut program = Self::default();
        program.add(engine, session, (name, text), findings);
        let mut next = 0;
        while next < program.units.len() {
            for (number, import) in program.units[next].imports.clone().into_iter().enumerate() {
                let mut place = session.sources.place(&program.units[next].name, import.position);
                let module = import.path.and_then(|path| {
                    place.width = path.chars().count() + 2;
                    if let Some(known) = program.units.iter().skip(1).position(|unit| unit.name == path) {
                        return Some(known + 1);
                    }
                    let text = modules::read(session, &path).map_err(|error| findings.push(error.at(place)));
                    program.add(engine, session, (&path, &text.ok()?), findings)
                });
                let unit = &mut program.units[next];
                unit.imports[number].module = module;
                if !import.alias.is_empty() {
                    unit.aliases.insert(import.alias, module);
                }
            }
            next += 1;
        }
        circles::refuse(&program, session, findings);
        program
    }

    /// Every text of it, as the journal keeps them.
    pub(super) fn scripts(&self) -> Vec<Script> {
        self.units.iter().map(|unit| Script { name: unit.name.clone(), text: unit.text.clone() }).collect()
    }

    fn add(
        &mut self,
        engine: &Engine,
        session: &Session,
        (name, text): (&str, &str),
        findings: &mut Vec<Error>,
    ) -> Option<usize> {
        session.sources.keep(name, text);
        let mut ast = engine::compile(engine, text)
            .map_err(|error| findings.push(syntax::explain(&error, name, text)))
            .ok()?;
        ast.set_source(name);
        let mut unit = Unit {
            name: name.to_owned(),
            text: text.to_owned(),
            functions: functions::of(engine, &ast),
            aliases: BTreeMap::new(),
            outer: BTreeSet::new(),
            declared: BTreeSet::new(),
            imports: Vec::new(),
            ast,
        };
        self.look_over(&mut unit);
        self.units.push(unit);
        Some(self.units.len() - 1)
    }
}
