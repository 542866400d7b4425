//! A small world and the family that changes it: a map of numbers, and a list of marks that shows what was done twice.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::family::{Families, Family, Settings};
use crate::effect::primitive::{Primitive, entry};

/// What a run changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct World {
    pub(super) numbers: BTreeMap<String, i64>,
    pub(super) marks: Vec<String>,
}

/// How the names of worlds begin in which a mark is never seen, so that it is set twice.
pub(super) const BROKEN: &str = "broken";

type Worlds = Mutex<Option<HashMap<String, (World, Arc<AtomicBool>)>>>;

static WORLDS: Worlds = Mutex::new(None);

/// Makes the world of an environment; nothing happens in it while its process is dead.
pub(super) fn make(environment: &str, dead: Arc<AtomicBool>) {
    WORLDS.lock().unwrap().get_or_insert_default().insert(environment.to_owned(), (World::default(), dead));
}

/// Takes the world away, its marks in order.
pub(super) fn take(environment: &str) -> World {
    let mut world = WORLDS.lock().unwrap().as_mut().unwrap().remove(environment).unwrap().0;
    world.marks.sort();
    world
}

fn within<T>(cx: &Cx, change: impl FnOnce(&mut World) -> T) -> Result<T> {
    let mut worlds = WORLDS.lock().unwrap();
    let (world, dead) = worlds.as_mut().unwrap().get_mut(cx.environment()).unwrap();
    if dead.load(Ordering::SeqCst) {
        return Err(Error::remote("the process is dead"));
    }
    Ok(change(world))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {}

static FAKE: Family = Family {
    name: "fake",
    about: "A world for tests.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<Set>(), entry::<Unset>(), entry::<Get>(), entry::<Mark>(), entry::<Unmark>()],
    store: None,
    sql: None,
    hosts: None,
    health: crate::effect::health::Examine::Never("it is made up"),
};

pub(super) static FAMILIES: Families = &[&FAKE];

fn inverse(cx: &Cx, verb: &str, arguments: &[(&str, Value)]) -> Inverse {
    let arguments: Map<String, Value> =
        arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Inverse::Call(Call { resource: cx.resource().clone(), verb: verb.to_owned(), arguments })
}

#[derive(Deserialize, JsonSchema)]
struct Set {
    key: String,
    value: i64,
}

impl Primitive for Set {
    const NAME: &'static str = "put";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = "";

    fn plan(&self, _: &ResourceId) -> String {
        format!("{} = {}", self.key, self.value)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let was = within(cx, |world| world.numbers.get(&self.key).copied())?;
        Ok(match was {
            Some(was) => inverse(cx, "put", &[("key", self.key.clone().into()), ("value", was.into())]),
            None => inverse(cx, "unset", &[("key", self.key.clone().into())]),
        })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        within(cx, |world| Some(world.numbers.get(&self.key) == Some(&self.value)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        within(&cx, |world| world.numbers.insert(self.key, self.value))?;
        Ok(Value::Null)
    }
}

#[derive(Deserialize, JsonSchema)]
struct Unset {
    key: String,
}

impl Primitive for Unset {
    const NAME: &'static str = "unset";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = "";

    fn plan(&self, _: &ResourceId) -> String {
        format!("no {}", self.key)
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        within(cx, |world| Some(!world.numbers.contains_key(&self.key)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        within(&cx, |world| world.numbers.remove(&self.key))?;
        Ok(Value::Null)
    }
}

#[derive(Deserialize, JsonSchema)]
struct Get {
    key: String,
}

impl Primitive for Get {
    const NAME: &'static str = "get";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = "";

    fn plan(&self, _: &ResourceId) -> String {
        format!("read {}", self.key)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        within(&cx, |world| world.numbers.get(&self.key).copied().unwrap_or(0).into())
    }
}

/// Each mark is set once in a run, so one that is there twice was set twice.
#[derive(Deserialize, JsonSchema)]
struct Mark {
    mark: String,
}

impl Primitive for Mark {
    const NAME: &'static str = "mark";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = "";

    fn plan(&self, _: &ResourceId) -> String {
        format!("mark {}", self.mark)
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        Ok(inverse(cx, "unmark", &[("mark", self.mark.clone().into())]))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        within(cx, |world| Some(world.marks.contains(&self.mark) && !cx.environment().starts_with(BROKEN)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        within(&cx, |world| {
            world.marks.push(self.mark);
            Value::from(world.marks.len())
        })
        .map(|_| Value::Null)
    }
}

#[derive(Deserialize, JsonSchema)]
struct Unmark {
    mark: String,
}

impl Primitive for Unmark {
    const NAME: &'static str = "unmark";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = "";

    fn plan(&self, _: &ResourceId) -> String {
        format!("unmark {}", self.mark)
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        within(cx, |world| Some(!world.marks.contains(&self.mark)))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let found = within(&cx, |world| {
            let at = world.marks.iter().position(|mark| *mark == self.mark);
            at.map(|at| world.marks.remove(at))
        })?;
        // Taken off twice: a rollback that was done twice.
        found.map(|_| Value::Null).ok_or_else(|| Error::remote("no such mark"))
    }
}
