//! While planning, what stands for the result of an effect that has not happened: it can be passed on and looked into,
//! but nothing can be decided on it.

use rhai::{Array, Dynamic, Engine, EvalAltResult, Map};

use super::traces;
use crate::base::error::{Error, Kind};

/// The name scripts and error texts know it by.
pub const NAME: &str = "planned result";

/// Whether a text of the engine names the type: sometimes by its name, sometimes by its path.
#[must_use]
pub fn is_named_in(text: &str) -> bool {
    text.contains(NAME) || text.contains(std::any::type_name::<StandIn>())
}

/// Stands for a result that does not exist yet.
#[derive(Clone, Debug)]
pub struct StandIn {
    /// What it stands for, in words: the result of `files.backups.put`.
    pub what: String,
}

impl StandIn {
    fn horizon(&self) -> Box<EvalAltResult> {
        traces::raise(self.error(), rhai::Position::NONE)
    }

    /// That nothing can be decided on it.
    #[must_use]
    pub fn error(&self) -> Error {
        Error::new(Kind::Horizon, format!("beyond here the plan depends on {}", self.what))
    }
}

/// Going through it is deciding on it: the first element is the horizon.
impl IntoIterator for StandIn {
    type Item = traces::Raised<Dynamic>;
    type IntoIter = std::iter::Once<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(Err(self.horizon()))
    }
}

/// Whether `value` is a stand-in or holds one, and then for what.
#[must_use]
pub fn within(value: &Dynamic) -> Option<StandIn> {
    if let Some(stand_in) = value.read_lock::<StandIn>() {
        return Some(stand_in.clone());
    }
    if let Some(items) = value.read_lock::<Array>() {
        return items.iter().find_map(within);
    }
    value.read_lock::<Map>().and_then(|map| map.values().find_map(within))
}

/// Teaches the engine what may be done with a stand-in.
pub fn register(engine: &mut Engine) {
    engine.register_type_with_name::<StandIn>(NAME);
    engine.register_fn("to_string", |it: &mut StandIn| format!("⟨{}⟩", it.what));
    engine.register_fn("to_debug", |it: &mut StandIn| format!("⟨{}⟩", it.what));
    engine.register_iterator_result::<StandIn, Dynamic>();
    engine.register_indexer_get(|it: &mut StandIn, _: &str| it.clone());
    engine.register_indexer_get(|it: &mut StandIn, _: i64| it.clone());
    for operator in ["+", "-", "*", "/", "%"] {
        engine.register_fn(operator, |it: StandIn, _: Dynamic| it);
        engine.register_fn(operator, |_: Dynamic, it: StandIn| it);
        engine.register_fn(operator, |it: StandIn, _: StandIn| it);
    }
    let negated = |it: StandIn| -> Result<bool, Box<EvalAltResult>> { Err(it.horizon()) };
    engine.register_fn("!", negated);
    for operator in ["==", "!=", "<", "<=", ">", ">="] {
        let refuse = |it: &StandIn| -> Result<bool, Box<EvalAltResult>> { Err(it.horizon()) };
        engine.register_fn(operator, move |it: StandIn, _: Dynamic| refuse(&it));
        engine.register_fn(operator, move |_: Dynamic, it: StandIn| refuse(&it));
        engine.register_fn(operator, move |it: StandIn, _: StandIn| refuse(&it));
    }
}
