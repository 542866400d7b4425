//! What flows where: variables in scope, values assigned, arguments given to functions and what they give back.

use std::collections::HashMap;

use rhai::ImmutableString;

use super::kind::Kind;
use super::program::Program;
use super::walk::Walk;

/// What is known of the values of a program.
pub(super) struct Flow {
    scope: Vec<(ImmutableString, Kind)>,
    /// By file.
    known: Vec<Vec<Known>>,
    assigned: HashMap<(usize, ImmutableString), Kind>,
    changed: bool,
}

/// What is known of a function.
#[derive(Clone, Default)]
pub(super) struct Known {
    pub(super) parameters: Vec<Kind>,
    this: Kind,
    returns: Kind,
    /// Whether anything that runs calls it.
    pub(super) reached: bool,
}

impl Flow {
    /// Nothing is known yet.
    pub(super) fn of(program: &Program) -> Self {
        let known = program.units.iter().map(|unit| {
            let of = |count: usize| Known { parameters: vec![Kind::Nothing; count], ..Known::default() };
            unit.functions.iter().map(|function| of(function.parameters.len())).collect()
        });
        Self { known: known.collect(), scope: Vec::new(), assigned: HashMap::new(), changed: true }
    }

    /// Whether anything was learnt since this was asked last.
    pub(super) fn has_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Takes for unknown whatever does not settle.
    pub(super) fn give_up(&mut self) {
        for known in self.known.iter_mut().flatten() {
            known.parameters.fill(Kind::Unknown);
            (known.this, known.returns) = (Kind::Unknown, Kind::Unknown);
        }
        self.assigned.values_mut().for_each(|kind| *kind = Kind::Unknown);
    }

    /// What is known of a function.
    pub(super) fn known(&self, unit: usize, function: usize) -> &Known {
        &self.known[unit][function]
    }
}

impl Walk<'_> {
    /// How many variables there are.
    pub(super) fn depth(&self) -> usize {
        self.flow.scope.len()
    }

    /// Forgets the variables declared since there were `depth`.
    pub(super) fn forget(&mut self, depth: usize) {
        self.flow.scope.truncate(depth);
    }

    /// A new variable. What is assigned to one of its name anywhere in the file may be in it as well.
    pub(super) fn declare(&mut self, name: &ImmutableString, kind: Kind) {
        let kind = match self.flow.assigned.get(&(self.unit, name.clone())) {
            Some(assigned) => kind.or(assigned.clone()),
            None => kind,
        };
        self.flow.scope.push((name.clone(), kind));
    }

    /// The variable of that name, if there is one.
    pub(super) fn look_up(&self, name: &str) -> Option<&Kind> {
        self.flow.scope.iter().rev().find(|(have, _)| have == name).map(|(_, kind)| kind)
    }

    /// The names of the variables that are there.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> + Clone {
        self.flow.scope.iter().map(|(name, _)| name.as_str())
    }

    /// A variable of that name is given another value.
    pub(super) fn assign(&mut self, name: &ImmutableString, kind: Kind) {
        let assigned = self.flow.assigned.entry((self.unit, name.clone())).or_default();
        self.flow.changed |= assigned.widen(kind);
    }

    /// The function that is walked gives a value back.
    pub(super) fn returned(&mut self, kind: Kind) {
        if let Some(function) = self.function {
            let known = &mut self.flow.known[self.unit][function];
            self.flow.changed |= known.returns.widen(kind);
        }
    }

    /// What `this` is.
    pub(super) fn this(&self) -> Kind {
        self.function.map_or(Kind::Unknown, |function| self.flow.known[self.unit][function].this.clone())
    }

    /// A function is called; returns the kind of its value.
    pub(super) fn enter(&mut self, unit: usize, function: usize, arguments: Vec<Kind>, this: Kind) -> Kind {
        self.stirs += 1;
        let known = &mut self.flow.known[unit][function];
        if self.live {
            self.flow.changed |= !std::mem::replace(&mut known.reached, true);
            self.flow.changed |= known.this.widen(this);
            for (parameter, argument) in known.parameters.iter_mut().zip(arguments) {
                self.flow.changed |= parameter.widen(argument);
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
}
