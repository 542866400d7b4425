//! What the engine itself has: each built-in function with the numbers of values it takes.

use std::any::TypeId;
use std::collections::HashMap;

use rhai::{Dynamic, Engine, FuncInfo};

use crate::effect::family::Families;
use crate::script::forms::gone::GONE;
use crate::script::handle::Handle;

/// Functions that the engine resolves by itself and lists nowhere.
const KEYWORDS: &[&str] =
    &["Fn", "call", "curry", "is_def_fn", "is_def_var", "is_shared", "type_of", "print", "debug", "this"];

/// The built-in functions.
pub(super) struct Natives {
    by_name: HashMap<String, Native>,
}

#[derive(Clone, Copy, Default)]
struct Native {
    /// Bit N: it takes N values.
    counts: u32,
    /// Bit N: it takes N values, and the first may be a handle.
    of_handles: u32,
}

impl Natives {
    /// Asks the engine. The verbs of the families, which it lists as well, are left out.
    pub(super) fn of(engine: &Engine, families: Families) -> Self {
        let (any, handle) = (TypeId::of::<Dynamic>(), TypeId::of::<Handle>());
        let of = |info: FuncInfo<'_>| {
            let types = &info.metadata.param_types;
            let takes = types.first().is_none_or(|first| *first == any || *first == handle);
            let is_verb = types.first() == Some(&handle) && entry_exists(families, &info.metadata.name);
            (!is_verb && family_of(families, &info.metadata.name).is_none())
                .then(|| (info.metadata.name.to_string(), info.metadata.num_params, takes))
        };
        let mut by_name: HashMap<String, Native> = HashMap::new();
        for (name, count, takes_handles) in engine.collect_fn_metadata(None, of, true) {
            let native = by_name.entry(name).or_default();
            let bit = 1_u32 << count.min(31);
            native.counts |= bit;
            if takes_handles {
                native.of_handles |= bit;
            }
        }
        Self { by_name }
    }

    /// Whether there is a function of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        KEYWORDS.contains(&name) || self.by_name.contains_key(name)
    }

    /// Whether there is one that takes `count` values.
    pub(super) fn takes(&self, name: &str, count: usize) -> bool {
        let bit = 1_u32 << count.min(31);
        KEYWORDS.contains(&name) || self.by_name.get(name).is_some_and(|native| native.counts & bit != 0)
    }

    /// Whether there is one whose first of `count` values may be a handle.
    pub(super) fn takes_handle(&self, name: &str, count: usize) -> bool {
        let bit = 1_u32 << count.min(31);
        KEYWORDS.contains(&name) || self.by_name.get(name).is_some_and(|native| native.of_handles & bit != 0)
    }

    /// The numbers of values that it takes.
    pub(super) fn counts(&self, name: &str) -> Vec<usize> {
        let counts = self.by_name.get(name).map_or(0, |native| native.counts);
        (0..31).filter(|count| counts & (1 << count) != 0).collect()
    }

    /// Every name that a script can write.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let own = self.by_name.keys().map(String::as_str).filter(is_name);
        own.filter(|name| gone(name).is_none()).chain(KEYWORDS.iter().copied())
    }
}

/// What to write instead of a function that is gone.
pub(super) fn gone(name: &str) -> Option<&'static str> {
    GONE.iter().find(|(gone, _)| *gone == name).map(|(_, instead)| *instead)
}

fn entry_exists(families: Families, verb: &str) -> bool {
    families.iter().any(|family| family.entry(verb).is_some())
}

fn family_of(families: Families, name: &str) -> Option<&'static str> {
    families.iter().find(|family| family.name == name).map(|family| family.name)
}
