//! The arguments of a primitive's call: too many, missing, misspelt, given twice, of a type that it cannot take.

use std::time::Duration;

use rhai::{Expr, Position};
use serde_json::{Map, Value};

use super::kind::{Kind, Target};
use super::literals;
use super::types;
use super::verbs::Arguments;
use super::walk::Walk;
use crate::base::effect::Effect;
use crate::base::error::Error;
use crate::base::{suggest, text};
use crate::effect::options::{Options, SHARED};
use crate::effect::primitive::Entry;
use crate::script::forms::retry::no_pause;
use crate::script::own::{Own, Wants};
use crate::script::session::Signature;

/// The values of a call, parted as the binding parts them.
struct Given<'e> {
    positional: &'e [Expr],
    /// Names of the trailing map, where each stands, and its value where it stands there too.
    named: Vec<(String, Position, Option<&'e Expr>)>,
    /// Whether every name is known.
    is_complete: bool,
}

impl<'e> Given<'e> {
    fn part((values, kinds): Arguments<'e>, signature: &Signature) -> Self {
        let all = Self { positional: values, named: Vec::new(), is_complete: true };
        let (Some((last, rest)), Some(kind)) = (values.split_last(), kinds.last()) else { return all };
        if kind.may_be_map() && literals::is_value(signature, rest.len(), last, kind) {
            return all;
        }
        match (last, kind) {
            (Expr::Map(map, _), _) => {
                let named = map.0.iter().map(|(key, value)| (key.name.to_string(), key.pos, Some(value)));
                Self { positional: rest, named: named.collect(), is_complete: true }
            }
            (_, Kind::Map(fields)) => {
                let at = last.start_position();
                let named = fields.keys().map(|name| (name.clone(), at, None));
                Self { positional: rest, named: named.collect(), is_complete: false }
            }
            (_, kind) if kind.may_be_map() => {
                Self { positional: rest, named: Vec::new(), is_complete: false }
            }
            _ => all,
        }
    }
}

impl Walk<'_> {
    /// Holds the arguments of a call against what the primitive takes.
    pub(super) fn arguments(
        &mut self,
        (target, entry): (&Target, &'static Entry),
        arguments: Arguments<'_>,
        position: Position,
    ) {
        if !self.is_telling() {
            return;
        }
        let signature = self.world.session.signature(target.family, entry);
        let given = Given::part(arguments, &signature);
        let whole = match &target.name {
            Some(name) => format!("{}.{name}.{}", target.family, entry.name),
            None => format!("{}.{}", target.family, entry.name),
        };
        let wrong = |what: String| Error::usage(what).fix(format!("for example: {}", entry.example));
        if let Some(extra) = given.positional.get(signature.len()) {
            let takes = suggest::list(signature.iter().map(|(name, _)| name.as_str()));
            let (most, count) = (signature.len(), given.positional.len());
            let takes = if takes.is_empty() { takes } else { format!(" ({takes})") };
            let what = format!("`{whole}` takes at most {most} values{takes}, and it is given {count}");
            self.tell(extra.start_position(), 1, |_| wrong(what));
        }
        self.names(&given, &signature, (&whole, entry));
        self.doubt(entry, &given, &whole, position);
        self.forbidden((target, entry), &given, &signature, position);
        let has = |name: &String| given.named.iter().any(|(named, _, _)| named == name);
        let missing =
            signature.iter().skip(given.positional.len()).filter(|(name, must)| *must && !has(name));
        let missing = suggest::list(missing.map(|(name, _)| name.as_str()));
        if given.is_complete && !missing.is_empty() {
            self.tell(position, entry.name.len(), |_| wrong(format!("`{whole}` needs {missing}")));
        }
        let positional =
            given.positional.iter().zip(signature.iter()).map(|(value, (name, _))| (name, value));
        let named = given.named.iter().filter_map(|(name, _, value)| Some((name, (*value)?)));
        self.types(positional.chain(named), &whole, entry);
    }

    /// What the call itself says against it, where all that it is given stands there.
    fn forbidden(
        &mut self,
        (target, entry): (&Target, &'static Entry),
        given: &Given<'_>,
        signature: &Signature,
        position: Position,
    ) {
        let environment = self.world.environment;
        let Some(resource) = target.id().and_then(|id| environment.resources.get(&id)) else { return };
        let positional = given.positional.iter().zip(signature.iter());
        let positional = positional.map(|(value, (name, _))| (name, Some(value)));
        let named = given.named.iter().map(|(name, _, value)| (name, *value));
        let literal =
            |(name, value): (&String, Option<&Expr>)| Some((name.clone(), literals::literal(value?)?));
        let arguments: Option<Map<String, Value>> = positional.chain(named).map(literal).collect();
        let Some(mut arguments) = arguments.filter(|_| given.is_complete) else { return };
        if Options::take(&mut arguments).is_ok()
            && let Ok(bound) = entry.bind(&arguments)
            && let Some(error) = bound.forbidden(resource, &environment.name)
        {
            self.tell(position, entry.name.len(), |_| error);
        }
    }

    /// What destroys and cannot be looked at afterwards must say what happens when a crash leaves it in doubt.
    fn doubt(&mut self, entry: &Entry, given: &Given<'_>, whole: &str, position: Position) {
        let settles_itself = entry.effect != Effect::Destroy || entry.no_probe.is_none() || entry.idempotent;
        if settles_itself || !given.is_complete || given.named.iter().any(|(name, ..)| name == "on_doubt") {
            return;
        }
        let what = format!("`{whole}` does not say what happens when a crash leaves it in doubt");
        self.tell(position, entry.name.len(), |_| {
            Error::usage(what)
                .why("it destroys, and afterwards nobody can tell whether it was done")
                .fix("add `on_doubt: \"ask\"`; or \"retry\", \"skip\" or \"fail\"")
        });
    }

    fn names(&mut self, given: &Given<'_>, signature: &Signature, (whole, entry): (&str, &Entry)) {
        let own = || signature.iter().map(|(name, _)| name.as_str());
        for (name, at, value) in &given.named {
            let width = name.chars().count();
            if own().take(given.positional.len()).any(|have| have == name) {
                let what = format!("`{name}` is given twice to `{whole}`");
                self.tell(*at, width, |_| {
                    Error::usage(what).fix("it stands among the values already: keep one of the two")
                });
            } else if let Some(value) = value.and_then(literals::literal)
                && SHARED.iter().any(|(shared, _)| shared == name)
            {
                let mut options = Map::from_iter([(name.clone(), value)]);
                match Options::take(&mut options) {
                    Err(error) => self.tell(*at, width, |_| error),
                    Ok(options) => {
                        if let Some(error) = options.refused(entry, whole) {
                            self.tell(*at, width, |_| error);
                        }
                    }
                }
            } else if !own().chain(SHARED.iter().map(|(name, _)| *name)).any(|have| have == name) {
                let known = own().skip(given.positional.len()).chain(SHARED.iter().map(|(name, _)| *name));
                let known: Vec<&str> = known.collect();
                self.tell(*at, width, |_| {
                    Error::usage(format!("`{whole}` has no option `{name}`"))
                        .fix(suggest::advice(name, known))
                });
            }
        }
    }

    /// A literal duration of a form, or of one of the language's own functions.
    pub(super) fn duration(&mut self, value: &Expr, of: Option<(&'static Own, usize)>) {
        if let Expr::StringConstant(duration, position) = value {
            if let Err(error) = text::parse_duration(duration).map(|_: Duration| ()) {
                self.tell(*position, duration.chars().count() + 2, |_| error);
            }
            return;
        }
        let Some(found) = types::found(value).map(types::spoken) else { return };
        let number = if let Expr::IntegerConstant(number, _) = value { Some(*number) } else { None };
        let error = match of {
            Some((own, place)) => own.refuses(place, found, number),
            None => Some(no_pause(found, number)),
        };
        if let Some(error) = error {
            self.tell(value.start_position(), 1, |_| error);
        }
    }

    /// The literal values that one of the language's own functions is given.
    pub(super) fn own(&mut self, own: &'static Own, values: &[Expr]) {
        for (place, (value, wants)) in values.iter().zip(own.takes).enumerate() {
            if *wants == Wants::Duration {
                self.duration(value, Some((own, place)));
            } else if let Some(found) = types::found(value).map(types::spoken)
                && let Some(error) = own.refuses(place, found, None)
            {
                self.tell(value.start_position(), 1, |_| error);
            }
        }
    }
}
