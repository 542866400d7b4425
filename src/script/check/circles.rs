//! Modules that import each other in a circle.

use super::program::{Import, Program};
use crate::base::error::Error;
use crate::script::session::Session;

/// Notes every import that closes a circle.
pub(super) fn refuse(program: &Program, session: &Session, findings: &mut Vec<Error>) {
    let mut done = vec![false; program.units.len()];
    for start in 0..program.units.len() {
        follow(program, start, (&mut Vec::new(), &mut done), &mut |importer, import, circle| {
            let mut place = session.sources.place(importer, import.position);
            place.width = import.path.as_ref().map_or(1, |path| path.chars().count() + 2);
            let error = Error::usage(format!("modules import each other in a circle: {circle}"));
            findings.push(error.fix("move what both need into a third module").at(place));
        });
    }
}

/// Follows the imports of `unit`, below those that are open.
fn follow(
    program: &Program,
    unit: usize,
    (open, done): (&mut Vec<usize>, &mut [bool]),
    tell: &mut dyn FnMut(&str, &Import, String),
) {
    if std::mem::replace(&mut done[unit], true) {
        return;
    }
    open.push(unit);
    let importer = &program.units[unit];
    for import in &importer.imports {
        let Some(module) = import.module else { continue };
        if let Some(first) = open.iter().position(|have| *have == module) {
            let names = open[first..].iter().chain([&module]).map(|unit| program.units[*unit].name.as_str());
            tell(&importer.name, import, names.collect::<Vec<_>>().join(" → "));
        } else {
            follow(program, module, (open, done), tell);
        }
    }
    open.pop();
}
