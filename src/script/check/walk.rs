//! The walk over a program: which values flow where, in rounds until nothing new is learnt, then once more to tell.

use std::collections::{BTreeSet, HashMap, HashSet};

use rhai::{ImmutableString, Position};

use super::kind::Kind;
use super::natives::Natives;
use super::program::{CLOSURE, Program};
use super::touched::Touch;
use crate::base::error::Error;
use crate::base::place::Place;
use crate::effect::environment::Environment;
use crate::effect::family::Families;
use crate::script::header::Header;
use crate::script::session::Session;

/// Kinds settle within a few rounds; what does not is taken as unknown.
const ROUNDS: usize = 8;

/// What a playbook is held against.
pub(super) struct World<'a> {
    pub(super) families: Families,
    pub(super) natives: Natives,
    pub(super) header: &'a Header,
    pub(super) environment: &'a Environment,
    pub(super) session: &'a Session,
    pub(super) program: &'a Program,
}

/// What the walk found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) findings: Vec<Error>,
    pub(super) touches: Vec<Touch>,
    /// Families of which some use could not be followed, so that nothing may be said about too much or unused.
    pub(super) unfollowed: BTreeSet<&'static str>,
    told: HashSet<(usize, Position, String)>,
}

/// What is known of a function.
#[derive(Clone, Default)]
struct Known {
    parameters: Vec<Kind>,
    this: Kind,
    returns: Kind,
    reached: bool,
}

/// The walk.
pub(super) struct Walk<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) found: Found,
    /// The file that is walked.
    pub(super) unit: usize,
    /// The function that is walked, outside closures.
    pub(super) function: Option<usize>,
    /// Whether what is walked can run at all.
    pub(super) live: bool,
    /// What the next closure's first parameter will be.
    pub(super) hint: Option<Kind>,
    telling: bool,
    scope: Vec<(ImmutableString, Kind)>,
    known: Vec<Vec<Known>>,
    assigned: HashMap<(usize, ImmutableString), Kind>,
    changed: bool,
}

impl<'a> Walk<'a> {
    /// Walks the whole program.
    pub(super) fn over(world: &'a World<'a>) -> Found {
        let known = world.program.units.iter().map(|unit| {
            let of = |count: usize| Known { parameters: vec![Kind::Nothing; count], ..Known::default() };
            unit.functions.iter().map(|function| of(function.parameters.len())).collect()
        });
        let mut walk = Self {
            known: known.collect(),
            world,
            found: Found::default(),
            unit: 0,
            function: None,
            live: true,
            hint: None,
            telling: false,
            scope: Vec::new(),
            assigned: HashMap::new(),
            changed: true,
        };
        for _ in 0..ROUNDS {
            if !std::mem::take(&mut walk.changed) {
                break;
            }
            walk.pass();
        }
        if walk.changed {
            walk.give_up();
        }
        walk.telling = true;
        walk.pass();
        walk.found
    }

    fn pass(&mut self) {
        let program = self.world.program;
        for (index, unit) in program.units.iter().enumerate() {
            (self.unit, self.function, self.live) = (index, None, true);
            self.scope.clear();
            self.statements(unit.ast.statements());
        }
        for (index, unit) in program.units.iter().enumerate() {
            for (number, function) in unit.functions.iter().enumerate() {
                let known = self.known[index][number].clone();
                if function.name.starts_with(CLOSURE) || !(known.reached || self.telling) {
                    continue;
                }
                (self.unit, self.function, self.live) = (index, Some(number), known.reached);
                self.scope.clear();
                for (name, kind) in function.parameters.iter().zip(known.parameters) {
                    self.declare(name, if known.reached { kind } else { Kind::Unknown });
                }
                let value = self.statements(&function.body);
                self.returned(value);
            }
        }
    }

    fn give_up(&mut self) {
        for known in self.known.iter_mut().flatten() {
            known.parameters.fill(Kind::Unknown);
            (known.this, known.returns) = (Kind::Unknown, Kind::Unknown);
        }
        self.assigned.values_mut().for_each(|kind| *kind = Kind::Unknown);
    }

    /// How many variables there are.
    pub(super) fn depth(&self) -> usize {
        self.scope.len()
    }

    /// Forgets the variables declared since there were `depth`.
    pub(super) fn forget(&mut self, depth: usize) {
        self.scope.truncate(depth);
    }

    /// A new variable. What is assigned to one of its name anywhere in the file may be in it as well.
    pub(super) fn declare(&mut self, name: &ImmutableString, kind: Kind) {
        let kind = match self.assigned.get(&(self.unit, name.clone())) {
            Some(assigned) => kind.or(assigned.clone()),
            None => kind,
        };
        self.scope.push((name.clone(), kind));
    }

    /// The variable of that name, if there is one.
    pub(super) fn look_up(&self, name: &str) -> Option<&Kind> {
        self.scope.iter().rev().find(|(have, _)| have == name).map(|(_, kind)| kind)
    }

    /// The names of the variables that are there.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> + Clone {
        self.scope.iter().map(|(name, _)| name.as_str())
    }

    /// A variable of that name is given another value.
    pub(super) fn assign(&mut self, name: &ImmutableString, kind: Kind) {
        let assigned = self.assigned.entry((self.unit, name.clone())).or_default();
        self.changed |= assigned.widen(kind);
    }

    /// The function that is walked gives a value back.
    pub(super) fn returned(&mut self, kind: Kind) {
        if let Some(function) = self.function {
            let known = &mut self.known[self.unit][function];
            self.changed |= known.returns.widen(kind);
        }
    }

    /// What `this` is.
    pub(super) fn this(&self) -> Kind {
        self.function.map_or(Kind::Unknown, |function| self.known[self.unit][function].this.clone())
    }

    /// A function is called; returns the kind of its value.
    pub(super) fn enter(&mut self, unit: usize, function: usize, arguments: Vec<Kind>, this: Kind) -> Kind {
        let known = &mut self.known[unit][function];
        if self.live {
            self.changed |= !std::mem::replace(&mut known.reached, true);
            self.changed |= known.this.widen(this);
            for (parameter, argument) in known.parameters.iter_mut().zip(arguments) {
                self.changed |= parameter.widen(argument);
            }
        }
        known.returns.clone()
    }

    /// A function of this file may be called by whoever got hold of it.
    pub(super) fn pass_on(&mut self, name: &str) {
        let program = self.world.program;
        for (number, function) in program.units[self.unit].functions.iter().enumerate() {
            if function.name == name {
                let unknown = vec![Kind::Unknown; function.parameters.len()];
                self.enter(self.unit, number, unknown, Kind::Unknown);
            }
        }
    }

    /// Whether this is the round that tells.
    pub(super) const fn is_telling(&self) -> bool {
        self.telling
    }

    /// Notes a mistake at `position`, `width` characters wide.
    pub(super) fn tell(&mut self, position: Position, width: usize, error: impl FnOnce(&Self) -> Error) {
        if !self.telling {
            return;
        }
        let error = error(self);
        if self.found.told.insert((self.unit, position, error.what.clone())) {
            let place = self.place(position, width);
            self.found.findings.push(error.at(place));
        }
    }

    /// Notes a use of a resource.
    pub(super) fn touch(&mut self, touch: Touch) {
        if self.telling && self.live {
            self.found.touches.push(touch);
        }
    }

    /// Notes that a use of some resource of `family` could not be followed.
    pub(super) fn lose(&mut self, family: &'static str) {
        if self.telling {
            self.found.unfollowed.insert(family);
        }
    }

    /// The place of a position in the file that is walked.
    pub(super) fn place(&self, position: Position, width: usize) -> Place {
        let name = &self.world.program.units[self.unit].name;
        let mut place = self.world.session.sources.place(name, position);
        place.width = width;
        place
    }
}
