//! What a playbook touches against what its header asks for and what the environment grants.

use super::touched::Touched;
use super::walk::{Found, World};
use crate::base::access::{Access, ResourceId};
use crate::base::error::Error;
use crate::base::suggest;
use crate::effect::{family, journal};

/// Notes what is not asked for and what is not granted in `found`, and returns what is asked for without need.
pub(super) fn judge(world: &World<'_>, touched: &[Touched], found: &mut Found) -> Vec<Error> {
    for access in &world.header.uses {
        if let Some(error) = no_such(world, access) {
            found.findings.push(match world.header.place_of(access) {
                Some(place) => error.at(place.clone()),
                None => error,
            });
        }
    }
    found.findings.extend(touched.iter().filter_map(|one| not_granted(world, one)));
    // That there is no such resource is told where it is made; the header cannot mend that.
    let is_there = |one: &&Touched| {
        one.resource == journal::own() || world.environment.resources.contains_key(&one.resource)
    };
    let missing = touched.iter().filter(is_there).filter(|one| !is_asked(world, one));
    let missing: Vec<&Touched> = missing.collect();
    match missing.first() {
        Some(first) if world.header.uses.is_empty() => {
            let all: Vec<String> = missing.iter().map(|one| format!("\"{}\"", access(one))).collect();
            let error = Error::denied("the header does not say what the playbook uses")
                .fix(format!("add the line: //! uses = [{}]", all.join(", ")));
            let earliest = missing.iter().map(|one| &one.at).filter(|at| at.file == first.at.file);
            let at = earliest.min_by_key(|at| (at.line, at.column)).unwrap_or(&first.at);
            found.findings.push(error.at(at.clone()));
        }
        _ => found.findings.extend(missing.into_iter().map(|one| not_asked(world, one))),
    }
    world.header.uses.iter().filter_map(|access| needless(world, access, touched, found)).collect()
}

const fn access(touched: &Touched) -> AccessOf<'_> {
    AccessOf(touched)
}

/// Shows the access that a resource is touched with.
struct AccessOf<'a>(&'a Touched);

impl std::fmt::Display for AccessOf<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.0.resource, self.0.access)
    }
}

fn is_asked(world: &World<'_>, one: &Touched) -> bool {
    if one.resource == journal::own() {
        return true;
    }
    let wanted = Access::new(one.resource.clone(), one.access);
    world.header.uses.iter().any(|access| access.covers(&wanted))
}

/// An entry of `uses` that names nothing of this environment.
fn no_such(world: &World<'_>, access: &Access) -> Option<Error> {
    let (environment, id) = (world.environment, &access.resource);
    if environment.resources.contains_key(id) {
        return None;
    }
    if id.family == journal::own().family {
        let error = Error::usage(format!("`{id}` is not to be asked for"));
        return Some(error.fix("leave it out: every run has its own record"));
    }
    if let Some(error) = family::lacking(world.families, &id.family) {
        return Some(error);
    }
    if family::find(world.families, &id.family).is_none() {
        let error = Error::usage(format!("`{}` is no family of resources", id.family));
        return Some(error.fix(suggest::advice(&id.family, world.families.iter().map(|family| family.name))));
    }
    let names: Vec<String> = environment.resources.keys().map(ToString::to_string).collect();
    let near = suggest::nearest(&id.to_string(), names.iter().map(String::as_str))
        .map(|near| format!("did you mean `{near}`? Otherwise "))
        .unwrap_or_default();
    let what = format!("`{id}` is no resource of the environment `{}`", environment.name);
    Some(Error::usage(what).fix(format!("{near}add [env.{}.{id}] to playbook.toml", environment.name)))
}

fn not_granted(world: &World<'_>, one: &Touched) -> Option<Error> {
    let environment = world.environment;
    let resource = environment.resources.get(&one.resource)?;
    if resource.grant >= one.access {
        return None;
    }
    let (name, id, wanted) = (&environment.name, &one.resource, one.access);
    let what = match verb(one) {
        Some(verb) => format!("`{verb}` needs `{id}:{wanted}`, which `{name}` does not grant"),
        None => format!("`{name}` does not grant `{id}:{wanted}`"),
    };
    let error = Error::denied(what).why(format!("it grants `{id}:{}`", resource.grant));
    let fix = format!("set access = \"{wanted}\" in [env.{name}.{id}] of playbook.toml");
    Some(error.fix(fix).at(one.at.clone()))
}

fn not_asked(world: &World<'_>, one: &Touched) -> Error {
    let (id, wanted) = (&one.resource, one.access);
    let what = match verb(one) {
        Some(verb) => format!("`{verb}` needs `{id}:{wanted}`, and the header does not ask for it"),
        None => format!("the header does not ask for `{id}:{wanted}`"),
    };
    let have = world.header.uses.iter().find(|access| access.resource == *id);
    let fix = match have {
        Some(have) => format!("write \"{}\" instead of \"{have}\" in `uses` of the header", access(one)),
        None => format!("add \"{}\" to `uses` in the header", access(one)),
    };
    Error::denied(what).fix(fix).at(one.at.clone())
}

/// The verb that needs the strongest effect; to read, the handle alone is enough.
fn verb(one: &Touched) -> Option<&str> {
    if one.access.is_read() {
        return None;
    }
    one.verbs.iter().find(|verb| verb.effect == one.access).map(|verb| verb.name.as_str())
}

/// An entry of `uses` that asks for more than is needed; nothing where some use could not be followed.
fn needless(world: &World<'_>, asked: &Access, touched: &[Touched], found: &Found) -> Option<Error> {
    let id: &ResourceId = &asked.resource;
    let is_followed = !found.unfollowed.contains(id.family.as_str());
    if !is_followed || !world.environment.resources.contains_key(id) {
        return None;
    }
    let stronger = world.header.uses.iter().any(|other| other != asked && other.covers(asked));
    let error = match touched.iter().find(|one| one.resource == *id) {
        _ if stronger => Error::usage(format!("`{asked}` is covered by another entry")).fix("leave it out"),
        None => Error::usage(format!("the playbook never uses `{id}`"))
            .fix(format!("take \"{asked}\" out of `uses`")),
        Some(one) if one.access < asked.effect && !found.open.contains(id) => {
            Error::usage(format!("the header asks for `{asked}`, and `{}` is enough", one.access))
                .fix(format!("write \"{}\"", access(one)))
        }
        Some(_) => return None,
    };
    Some(match world.header.place_of(asked) {
        Some(place) => error.at(place.clone()),
        None => error,
    })
}
