//! What a primitive is: the struct of its arguments and one `impl`; everything else is derived from it.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::cx::Cx;
use super::environment::Resource;
use crate::base::access::{Access, ResourceId};
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;

/// A future of a call, boxed because a register holds primitives of many types.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// One thing a script can do to a resource. The struct holds the arguments; its fields in source order are the
/// positional arguments, and its doc comments are the manual.
pub trait Primitive: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The verb, as a method of the resource's handle.
    const NAME: &'static str;
    /// What it does to the resource.
    const EFFECT: Effect;
    /// One line of a playbook that uses it; the registry test runs it.
    const EXAMPLE: &'static str;
    /// How long it may take unless the call says otherwise.
    const TIMEOUT: Duration = Duration::from_secs(30);
    /// Whether it waits for a state that earlier writes bring about, so that a plan cannot run it although it reads.
    const WAITS: bool = false;
    /// Whether it measures what changes by itself all the time, so that nobody is held to the value that a saved plan saw.
    const MEASURES: bool = false;
    /// Whether doing it twice is the same as doing it once, so that `retry` is safe. Reads always are.
    const IDEMPOTENT: bool = false;
    /// Whether it puts something in the place of all that its resource holds, so that doing it again late would take away
    /// what others wrote since: a run that goes on does not, where a later run changed the same resource.
    const OVERWRITES: bool = false;
    /// Whether each call makes a thing of its own beside those that are there, so that two calls never meet.
    const ADDS: bool = false;
    /// Whether a failure means that nothing was changed, so that there is nothing to take back. An effect in doubt has
    /// not failed.
    const ATOMIC: bool = false;
    /// Of a verb that takes something back: whether it comes after everything else of the run was taken back, because it takes
    /// what that put back into use.
    const LAST: bool = false;
    /// Of a change without a [`Primitive::probe`]: why nothing tells afterwards whether it was done. It stands in the
    /// manual. A `Destroy` that has such a reason, and may not simply be done again, must say at each call what happens
    /// in doubt.
    const NO_PROBE: Option<&'static str> = None;

    /// What it touches; by default its own resource with its own effect.
    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        vec![Access::new(resource.clone(), Self::EFFECT)]
    }

    /// What it will do, in words for a plan; no secret, no full stop.
    fn plan(&self, resource: &ResourceId) -> String;

    /// The one thing of its resource that it changes, by a name that other verbs of the family give the same thing; with a
    /// `/` at its end, or empty, for all that lies below. `None` when it may be any.
    fn touches(&self) -> Option<String> {
        None
    }

    /// The files and folders of the project that it takes what it does from, as a script of SQL: a saved plan holds a run to
    /// what stands in them.
    fn content(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Whether it takes into use what changes before it put there, as a restart does: then it is taken back after them, when
    /// what they replaced is there again.
    fn undone_last(&self) -> bool {
        false
    }

    /// Why the call is refused, as far as that can be told from what it is given and from the resource's table in an
    /// environment, without reaching anything: `playbook check` says so.
    fn forbidden(&self, resource: &Resource, environment: &str) -> Option<Error> {
        let _ = (resource, environment);
        None
    }

    /// Whether its failure fails the run. A notice answers no unless it was told to: the failure is shown and journalled,
    /// and the call gives a receipt with `sent: false`.
    fn must(&self) -> bool {
        true
    }

    /// How it will be taken back, from what is there now. Only reads; asked before the change.
    fn inverse(&self, cx: &Cx) -> impl Future<Output = Result<Inverse>> + Send {
        let _ = cx;
        async { Ok(Inverse::Nothing) }
    }

    /// Whether an effect in doubt did happen: `None` when that cannot be told.
    fn probe(&self, cx: &Cx) -> impl Future<Output = Result<Option<bool>>> + Send {
        let _ = cx;
        async { Ok(None) }
    }

    /// The value of an effect that the probe found done, whose own was lost. By default it cannot be had again: then
    /// what may be done twice is done again for it, and anything else has none.
    fn settled(&self, cx: &Cx) -> impl Future<Output = Result<Option<Value>>> + Send {
        let _ = cx;
        async { Ok(None) }
    }

    /// Whether it has changed nothing, as the value tells that it gave: then there is nothing to take back.
    fn left_nothing(&self, value: &Value) -> bool {
        let _ = value;
        false
    }

    /// Does it, and returns its value or receipt.
    fn run(self, cx: Cx) -> impl Future<Output = Result<Value>> + Send;
}

/// A primitive with its arguments bound.
pub trait Bound: Send + Sync {
    /// See [`Primitive::needs`].
    fn needs(&self, resource: &ResourceId) -> Vec<Access>;
    /// See [`Primitive::plan`].
    fn plan(&self, resource: &ResourceId) -> String;
    /// See [`Primitive::touches`].
    fn touches(&self) -> Option<String>;
    /// See [`Primitive::content`].
    fn content(&self) -> Vec<&str>;
    /// See [`Primitive::undone_last`].
    fn undone_last(&self) -> bool;
    /// See [`Primitive::forbidden`].
    fn forbidden(&self, resource: &Resource, environment: &str) -> Option<Error>;
    /// See [`Primitive::must`].
    fn must(&self) -> bool;
    /// See [`Primitive::inverse`].
    fn inverse<'a>(&'a self, cx: &'a Cx) -> Work<'a, Inverse>;
    /// See [`Primitive::probe`].
    fn probe<'a>(&'a self, cx: &'a Cx) -> Work<'a, Option<bool>>;
    /// See [`Primitive::settled`].
    fn settled<'a>(&'a self, cx: &'a Cx) -> Work<'a, Option<Value>>;
    /// See [`Primitive::left_nothing`].
    fn left_nothing(&self, value: &Value) -> bool;
    /// See [`Primitive::run`].
    fn run(self: Box<Self>, cx: Cx) -> Work<'static, Value>;
}

impl<P: Primitive> Bound for P {
    fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        Primitive::needs(self, resource)
    }

    fn plan(&self, resource: &ResourceId) -> String {
        Primitive::plan(self, resource)
    }

    fn touches(&self) -> Option<String> {
        Primitive::touches(self)
    }

    fn content(&self) -> Vec<&str> {
        Primitive::content(self)
    }

    fn undone_last(&self) -> bool {
        Primitive::undone_last(self)
    }

    fn forbidden(&self, resource: &Resource, environment: &str) -> Option<Error> {
        Primitive::forbidden(self, resource, environment)
    }

    fn must(&self) -> bool {
        Primitive::must(self)
    }

    fn inverse<'a>(&'a self, cx: &'a Cx) -> Work<'a, Inverse> {
        Box::pin(Primitive::inverse(self, cx))
    }

    fn probe<'a>(&'a self, cx: &'a Cx) -> Work<'a, Option<bool>> {
        Box::pin(Primitive::probe(self, cx))
    }

    fn settled<'a>(&'a self, cx: &'a Cx) -> Work<'a, Option<Value>> {
        Box::pin(Primitive::settled(self, cx))
    }

    fn left_nothing(&self, value: &Value) -> bool {
        Primitive::left_nothing(self, value)
    }

    fn run(self: Box<Self>, cx: Cx) -> Work<'static, Value> {
        Box::pin(Primitive::run(*self, cx))
    }
}

/// A primitive as its family lists it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The verb.
    pub name: &'static str,
    /// What it does to the resource.
    pub effect: Effect,
    /// One line of a playbook that uses it.
    pub example: &'static str,
    /// How long it may take unless the call says otherwise.
    pub timeout: Duration,
    /// Whether it waits for a state that earlier writes bring about.
    pub waits: bool,
    /// Whether it measures what changes by itself all the time.
    pub measures: bool,
    /// Whether doing it twice is the same as doing it once.
    pub idempotent: bool,
    /// Whether doing it again late would take away what others wrote since.
    pub overwrites: bool,
    /// Whether each call makes a thing of its own.
    pub adds: bool,
    /// Whether a failure means that nothing was changed.
    pub atomic: bool,
    /// Whether what it takes back comes last.
    pub last: bool,
    /// Why nothing tells afterwards whether it was done, where nothing does.
    pub no_probe: Option<&'static str>,
    /// The JSON schema of its arguments: names, types, docs, in source order.
    pub schema: fn() -> Schema,
    bind: Bind,
}

type Bind = fn(&Map<String, Value>) -> Result<Box<dyn Bound>, String>;

/// Makes the list entry of a primitive.
#[must_use]
pub const fn entry<P: Primitive>() -> Entry {
    let _ = PhantomData::<P>;
    Entry {
        name: P::NAME,
        effect: P::EFFECT,
        example: P::EXAMPLE,
        timeout: P::TIMEOUT,
        waits: P::WAITS,
        measures: P::MEASURES,
        idempotent: P::IDEMPOTENT || P::EFFECT.is_read(),
        overwrites: P::OVERWRITES,
        adds: P::ADDS,
        atomic: P::ATOMIC,
        last: P::LAST,
        no_probe: P::NO_PROBE,
        schema: || schemars::schema_for!(P),
        bind: |arguments| {
            <P as serde::Deserialize>::deserialize(arguments)
                .map(|bound| Box::new(bound) as Box<dyn Bound>)
                .map_err(|why| why.to_string())
        },
    }
}

impl Entry {
    /// Whether it sends a notice, whose failure fails no run unless the call says so.
    #[must_use]
    pub fn is_notice(&self) -> bool {
        self.arguments().iter().any(|(name, _)| name == "must")
    }

    /// Turns arguments by name into the primitive, or says what is wrong with them.
    pub fn bind(&self, arguments: &Map<String, Value>) -> Result<Box<dyn Bound>> {
        (self.bind)(arguments).map_err(|why| {
            Error::usage(self.refused(arguments, &why)).fix(format!("for example: {}", self.example))
        })
    }

    /// Why these arguments are none of this primitive's: which of them it is, and what it takes.
    fn refused(&self, given: &Map<String, Value>, why: &str) -> String {
        let is_it = |name: &&String| {
            let mut others = given.clone();
            others.shift_remove(*name);
            // Without the one that is wrong all is well, or it is only missing.
            (self.bind)(&others).err().is_none_or(|other| other != why)
        };
        let (Some(name), Some((_, wanted))) = (given.keys().find(is_it), why.split_once(", expected "))
        else {
            return format!("wrong arguments for `{}`: {why}", self.name);
        };
        let found = text::headline(&given.get(name).map(Value::to_string).unwrap_or_default(), 60);
        format!("`{name}` of `{}` takes {}, and this is {found}", self.name, spoken(wanted))
    }

    /// The names of the arguments in their positional order, and whether each must be given.
    #[must_use]
    pub fn arguments(&self) -> Vec<(String, bool)> {
        let schema = (self.schema)();
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        schema
            .get("properties")
            .and_then(Value::as_object)
            .map(|fields| {
                fields.keys().map(|name| (name.clone(), required.contains(&name.as_str()))).collect()
            })
            .unwrap_or_default()
    }

    /// The place of the first argument that must be given and is a map.
    #[must_use]
    pub fn place_of_map(&self) -> Option<usize> {
        let schema = (self.schema)();
        self.arguments().iter().position(|(name, required)| {
            let argument = schema.get("properties").and_then(|all| all.get(name));
            let argument = argument.map(|argument| match argument.get("$ref").and_then(Value::as_str) {
                Some(path) => schema.pointer(path.trim_start_matches('#')).unwrap_or(argument),
                None => argument,
            });
            *required && argument.and_then(|argument| argument.get("type")?.as_str()) == Some("object")
        })
    }
}

/// What the binding wants, in words.
fn spoken(wanted: &str) -> &str {
    match wanted {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a string" => "a text",
        "a sequence" => "an array",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    /// Waits.
    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its binding is of interest")]
    struct Rows {
        sql: String,
        #[serde(default)]
        most: Option<u64>,
    }

    impl Primitive for Rows {
        const NAME: &'static str = "rows";
        const EFFECT: Effect = Effect::Read;
        const EXAMPLE: &'static str = "x.rows(\"y\")";

        fn plan(&self, _: &ResourceId) -> String {
            String::new()
        }

        async fn run(self, _: Cx) -> Result<Value> {
            Ok(Value::Null)
        }
    }

    #[test]
    fn a_wrong_argument_is_named() {
        let said = |arguments: Value| {
            let bound = entry::<Rows>().bind(arguments.as_object().unwrap());
            bound.err().map(|error| error.what.clone()).unwrap_or_default()
        };
        assert_eq!(
            said(json!({ "sql": "SELECT", "most": "many" })),
            "`most` of `rows` takes a whole number from 0 on, and this is \"many\""
        );
        assert_eq!(said(json!({ "sql": 7, "most": 3 })), "`sql` of `rows` takes a text, and this is 7");
        assert!(said(json!({ "most": 3 })).contains("missing field `sql`"));
    }
}
