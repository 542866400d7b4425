//! The walk over a program: which values flow where, in rounds until nothing new is learnt, then once more to tell.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use rhai::Position;
use serde_json::Value;

use super::flow::Flow;
use super::kind::Kind;
use super::natives::Natives;
use super::program::Program;
use super::touched::Touch;
use crate::base::access::ResourceId;
use crate::base::error::Error;
use crate::base::place::Place;
use crate::effect::environment::Environment;
use crate::effect::family::Families;
use crate::effect::primitive::Entry;
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
    /// Files of the project that are named and are not there.
    pub(super) absent: Vec<(String, Error)>,
    pub(super) touches: Vec<Touch>,
    /// What is no mistake, and hardly meant.
    pub(super) warnings: Vec<Error>,
    /// Families of which some use could not be followed, so that nothing may be said about too much or unused.
    pub(super) unfollowed: BTreeSet<&'static str>,
    /// Resources of which a call may need more than can be told: it is decided when it runs.
    pub(super) open: BTreeSet<ResourceId>,
    told: HashSet<(usize, Position, String)>,
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
    schemas: HashMap<*const Entry, Rc<Value>>,
    /// How many things were met that may change something: changes, and calls of what is written elsewhere.
    pub(super) stirs: usize,
    telling: bool,
    pub(super) flow: Flow,
}

impl<'a> Walk<'a> {
    /// Walks the whole program.
    pub(super) fn over(world: &'a World<'a>) -> Found {
        let mut walk = Self {
            flow: Flow::of(world.program),
            world,
            found: Found::default(),
            unit: 0,
            function: None,
            live: true,
            hint: None,
            schemas: HashMap::new(),
            stirs: 0,
            telling: false,
        };
        for _ in 0..ROUNDS {
            if !walk.flow.has_changed() {
                break;
            }
            walk.pass();
        }
        if walk.flow.has_changed() {
            walk.flow.give_up();
        }
        walk.telling = true;
        walk.pass();
        walk.found
    }

    fn pass(&mut self) {
        let program = self.world.program;
        for (index, unit) in program.units.iter().enumerate() {
            (self.unit, self.function, self.live) = (index, None, true);
            self.forget(0);
            self.statements(unit.ast.statements());
        }
        for (index, unit) in program.units.iter().enumerate() {
            for (number, function) in unit.functions.iter().enumerate() {
                let known = self.flow.known(index, number).clone();
                if function.is_closure() || !(known.reached || self.telling) {
                    continue;
                }
                (self.unit, self.function, self.live) = (index, Some(number), known.reached);
                self.forget(0);
                for (name, kind) in function.parameters.iter().zip(known.parameters) {
                    self.declare(name, if known.reached { kind } else { Kind::Unknown });
                }
                let value = self.statements(&function.body);
                self.returned(value);
            }
        }
    }

    /// The schema of a primitive's arguments; making one costs more than a look at the call.
    pub(super) fn schema(&mut self, entry: &'static Entry) -> Rc<Value> {
        let known = self.schemas.entry(std::ptr::from_ref(entry));
        Rc::clone(known.or_insert_with(|| Rc::new((entry.schema)().into())))
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

    /// Notes what is no mistake, and hardly meant.
    pub(super) fn warn(&mut self, position: Position, width: usize, error: impl FnOnce() -> Error) {
        if self.telling {
            let place = self.place(position, width);
            self.found.warnings.push(error().at(place));
        }
    }

    /// Notes a use of a resource.
    pub(super) fn touch(&mut self, touch: Touch) {
        self.stirs += usize::from(!touch.access.effect.is_read());
        if self.telling && self.live {
            self.found.touches.push(touch);
        }
    }

    /// Notes that a use of some resource of `family` could not be followed.
    pub(super) fn lose(&mut self, family: &'static str) {
        self.stirs += 1;
        if self.telling && self.live {
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
