//! Functions of Rhai that no playbook has, and what is written instead of them.

use rhai::{Dynamic, Engine, NativeCallContext};

use crate::base::error::Error;
use crate::script::traces;

/// What is gone, and what to write instead. `exit` would end a run as done, whatever is given to it.
pub const GONE: &[(&str, &str)] = &[
    ("sleep", "write `wait(\"5s\")`, which is journalled and can be stopped"),
    ("timestamp", "write `now()`, which is journalled"),
    ("exit", "write `fail(\"why\")`, which takes the run back, or put what may be left out into an `if`"),
];

/// Puts a refusal in the place of each: where the engine has a function for a kind of number, for that kind too.
pub(super) fn register(engine: &mut Engine) {
    for (name, instead) in GONE {
        let refuse = move |context: &NativeCallContext| -> traces::Raised<()> {
            let error = Error::usage(format!("`{name}` is not part of the language")).fix(*instead);
            Err(traces::raise(error, context.call_position()))
        };
        engine.register_fn(*name, move |context: NativeCallContext| refuse(&context));
        engine.register_fn(*name, move |context: NativeCallContext, _: i64| refuse(&context));
        engine.register_fn(*name, move |context: NativeCallContext, _: f64| refuse(&context));
        engine.register_fn(*name, move |context: NativeCallContext, _: Dynamic| refuse(&context));
    }
}
