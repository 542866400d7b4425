//! Every bound of the sandbox: operations, depths, sizes, time and memory.

use std::sync::Arc;

use rhai::{Dynamic, Engine};

use super::session::Session;
use super::{here, values};
use crate::base::error::{Error, Kind};
use crate::base::text;
use crate::effect::environment::Limits;

/// How often the memory is looked at, in operations: about one call of a function, which can take as much as the limits
/// of sizes allow one value.
const WEIGH_EVERY: u64 = 8;

/// How often the stop is looked at, in operations; a multiple of the other.
const LOOK_EVERY: u64 = 64;

/// The stack of a script's thread, in bytes, for what its memory limit allows: a chain of closures is dropped by
/// recursion, and an overflow there ends the process. The system gives the memory only as it is touched.
#[must_use]
pub fn stack_size(limits: &Limits) -> usize {
    usize::try_from(limits.memory.saturating_mul(8)).unwrap_or(usize::MAX).clamp(256 << 20, 16 << 30)
}

/// Sets every bound, because debug and release builds of Rhai have different ones by default.
pub(super) fn set(engine: &mut Engine, session: &Arc<Session>) {
    let limits = &session.limits;
    engine.set_max_operations(limits.operations);
    engine.set_max_call_levels(limits.call_depth);
    engine.set_max_expr_depths(limits.expression_depth, limits.expression_depth);
    engine.set_max_string_size(usize::try_from(limits.string).unwrap_or(usize::MAX));
    engine.set_max_array_size(limits.array);
    engine.set_max_map_size(limits.map);
    engine.set_max_variables(limits.variables);
    engine.set_max_functions(2_000);
    engine.set_max_modules(limits.modules);
    let most = (session.allocated)().saturating_add(usize::try_from(limits.memory).unwrap_or(usize::MAX));
    let weigh = Weigh { allocated: session.allocated, most, memory: limits.memory };
    // Called at every operation: what is rare stays out of it.
    engine.on_progress(move |operations| {
        if !operations.is_multiple_of(WEIGH_EVERY) && !here::may_have_ended() {
            return None;
        }
        weigh.look(operations)
    });
}

/// The bound of what the process may allocate.
struct Weigh {
    allocated: fn() -> usize,
    most: usize,
    memory: u64,
}

impl Weigh {
    /// Why the script has to end now, if it has to.
    #[cold]
    #[inline(never)]
    fn look(&self, operations: u64) -> Option<Dynamic> {
        if operations.is_multiple_of(WEIGH_EVERY) && (self.allocated)() > self.most {
            let size = text::show_size(self.memory);
            here::end(Error::new(Kind::Limit, format!("the script uses more memory than {size}")).fix(
                "keep bulk data out of the script, or raise `memory` in [env.NAME.limits] of playbook.toml",
            ));
        } else if !operations.is_multiple_of(LOOK_EVERY) && !here::has_ended() {
            return None;
        }
        here::stopped()
            .map(|error| serde_json::to_value(&error).map_or(Dynamic::UNIT, |json| values::from_json(&json)))
    }
}
