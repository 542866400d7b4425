//! Handles: `postgres("main")` and its methods. A script holds a name, never an address or a password.

use std::any::TypeId;
use std::collections::BTreeSet;
use std::sync::Arc;

use rhai::{Dynamic, Engine, ImmutableString, NativeCallContext};
use serde_json::Value;

use super::session::Session;
use super::{here, stand_in, traces, values};
use crate::base::access::ResourceId;
use crate::base::call::Call;
use crate::base::error::{Error, Result};
use crate::base::place::Place;
use crate::base::suggest;
use crate::effect::family::{Families, Family};
use crate::effect::journal;
use crate::effect::pipeline::{Reply, Request};
use crate::effect::primitive::Entry;

/// The most values a verb may be called with: every argument of the longest primitive by position, and a map. One
/// number for all, because to ask each primitive for its arguments would take longer than all else at the start of a run.
pub const MOST_VALUES: usize = 11;

/// One resource in a script.
#[derive(Clone, Debug)]
pub struct Handle {
    /// Its name.
    pub id: ResourceId,
    family: &'static Family,
}

/// Gives the engine a constructor for each family and a method for each verb.
pub fn register(engine: &mut Engine, session: &Arc<Session>, families: Families) {
    engine.register_type_with_name::<Handle>("resource");
    engine.register_fn("to_string", |handle: &mut Handle| handle.id.to_string());
    engine.register_fn("to_debug", |handle: &mut Handle| handle.id.to_string());
    engine.register_fn("==", |one: Handle, other: Handle| one.id == other.id);
    let own = journal::own();
    for &family in families {
        if family.name == own.family {
            let id = own.clone();
            engine.register_fn(family.name, move || Handle { id: id.clone(), family });
            continue;
        }
        let session = Arc::clone(session);
        engine.register_fn(family.name, move |context: NativeCallContext, name: ImmutableString| {
            let id = ResourceId::new(family.name, name.as_str());
            let reached = session.pipeline.grants.reach(&id);
            reached.map_err(|error| refuse(error.at(place_of(&session, &context)), &context))?;
            Ok::<_, Box<rhai::EvalAltResult>>(Handle { id, family })
        });
    }
    // Of a family that the header does not use no handle can come to be, and some hundred verbs less are a shorter start.
    let used = families.iter().filter(|family| {
        family.name == own.family || session.pipeline.grants.families().any(|name| name == family.name)
    });
    let verbs: BTreeSet<_> = used.flat_map(|family| family.entries).map(|entry| entry.name).collect();
    for verb in verbs {
        for count in 0..=MOST_VALUES {
            let mut types = vec![TypeId::of::<Handle>()];
            types.resize(count + 1, TypeId::of::<Dynamic>());
            let session = Arc::clone(session);
            engine.register_raw_fn(
                verb,
                types,
                move |context: NativeCallContext, arguments: &mut [&mut Dynamic]| {
                    let arguments: Vec<Dynamic> =
                        arguments.iter_mut().map(|one| one.flatten_clone()).collect();
                    invoke(&session, &context, verb, &arguments)
                },
            );
        }
    }
}

fn place_of(session: &Session, context: &NativeCallContext) -> Place {
    session.sources.place(context.call_source().unwrap_or_default(), context.call_position())
}

/// One call of a primitive, from the script's values to the script's value.
fn invoke(
    session: &Session,
    context: &NativeCallContext,
    verb: &'static str,
    arguments: &[Dynamic],
) -> traces::Raised<Dynamic> {
    let module = context.call_source().unwrap_or_default();
    let place = session.sources.place_of_call(module, context.call_position(), verb);
    call(session, &place, verb, arguments).map_err(|error| refuse(error.at(place), context))
}

/// Raises an error; one that may not be caught ends the script.
fn refuse(error: Error, context: &NativeCallContext) -> Box<rhai::EvalAltResult> {
    if !error.is_catchable() {
        here::end(error.clone());
    }
    traces::raise(error, context.call_position())
}

fn call(session: &Session, place: &Place, verb: &'static str, arguments: &[Dynamic]) -> Result<Dynamic> {
    let handle = arguments.first().and_then(|first| first.read_lock::<Handle>().map(|handle| handle.clone()));
    let Some(handle) = handle else { return Err(Error::bug(format!("`{verb}` was called on no resource"))) };
    let entry = handle.family.entry(verb).ok_or_else(|| unknown(&handle, verb))?;
    let depends = arguments.iter().find_map(stand_in::within);
    let named = if depends.is_some() {
        serde_json::Map::new()
    } else {
        bind(session, &handle, entry, &arguments[1..])?
    };
    let request = Request {
        call: Call { resource: handle.id.clone(), verb: verb.to_owned(), arguments: named },
        position: here::next(),
        at: Some(place.clone()),
        stop: here::stop(),
        depends: depends.is_some(),
        unwinding: here::is_unwinding(),
    };
    if request.unwinding {
        session.may_take_back(&request.call)?;
    }
    match session.runtime.block_on(session.pipeline.call(request))? {
        Reply::Value(value) => Ok(values::from_json(&value)),
        Reply::StandIn(what) => {
            Ok(Dynamic::from(stand_in::StandIn { what: format!("{what} in line {}", place.line) }))
        }
    }
}

fn unknown(handle: &Handle, verb: &str) -> Error {
    let verbs = handle.family.entries.iter().map(|entry| entry.name);
    Error::usage(format!("`{}` has no method `{verb}`", handle.id)).fix(suggest::advice(verb, verbs))
}

/// Gives each positional argument its name. A trailing map is named options, unless it stands in the place of a map that
/// must be given.
fn bind(
    session: &Session,
    handle: &Handle,
    entry: &'static Entry,
    arguments: &[Dynamic],
) -> Result<serde_json::Map<String, Value>> {
    let signature = session.signature(handle.family.name, entry);
    let has =
        |map: &Dynamic, name: &str| map.read_lock::<rhai::Map>().is_some_and(|map| map.contains_key(name));
    let (positional, named) = match arguments.split_last() {
        Some((last, rest))
            if last.is_map() && !signature.takes_map_at(rest.len(), |name| has(last, name)) =>
        {
            (rest, Some(last))
        }
        _ => (arguments, None),
    };
    let wrong = |what: String| Error::usage(what).fix(format!("for example: {}", entry.example));
    if positional.len() > signature.len() {
        let takes = suggest::list(signature.iter().map(|(name, _)| name.as_str()));
        return Err(wrong(format!(
            "`{}.{}` takes at most {} values ({takes}), and it was given {}",
            handle.id,
            entry.name,
            signature.len(),
            positional.len()
        )));
    }
    let mut all = match named.map(values::to_json).transpose()? {
        Some(Value::Object(map)) => map,
        _ => serde_json::Map::new(),
    };
    for (value, (name, _)) in positional.iter().zip(signature.iter()) {
        if all.insert(name.clone(), values::to_json(value)?).is_some() {
            return Err(wrong(format!("`{name}` is given twice to `{}.{}`", handle.id, entry.name)));
        }
    }
    Ok(all)
}
