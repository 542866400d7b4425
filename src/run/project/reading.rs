//! `playbook.toml` into environments, every mistake noted at its place.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::named::Found;
use super::serve::{self, Serve};
use super::telemetry::{self, Telemetry};
use super::{LOCAL, keepers, limits, named, pace, people, settings, windows};
use crate::base::access::ResourceId;
use crate::base::document::{self, Document, Field, type_of};
use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::effect::environment::{Environment, OnFailure};
use crate::effect::family::{self, Families, Family};

/// The keys of the file itself.
const TOP: &[&str] = &["default", "env", "people", "groups", "serve", "telemetry"];

/// The keys of an environment that are no family.
const OWN: &[&str] = &[
    "about",
    "on_failure",
    "limits",
    "params",
    "secrets",
    "allow",
    "freeze",
    "self_approval",
    "time_scale",
    "clock",
    "guarded",
    "watch",
];

/// What the file says of the page and of traces.
type Outside = (Serve, Telemetry);

/// The environments of the file by name, and the one that it prefers.
pub(super) fn read(
    file: &str,
    text: &str,
    families: Families,
) -> Result<(BTreeMap<String, Environment>, Option<String>, Outside)> {
    let document = Document::new(file, text);
    let mut reader = Reader { document: &document, families, environments: BTreeMap::new() };
    let (mut default, mut persons, mut groups, mut page) = (None, None, None, None);
    let mut traces = Telemetry::default();
    if let Some(table) = document.parse(text) {
        for field in document::fields(&table) {
            match field.name() {
                "default" => default = Some(field),
                "env" => reader.read_environments(field),
                "people" => persons = Some(field),
                "groups" => groups = Some(field),
                "serve" => page = Some(field),
                "telemetry" => traces = telemetry::read(&document, field),
                _ => reader.document.unknown(field, file, TOP),
            }
        }
        let default = default.and_then(|field| reader.read_default(field));
        let people = Arc::new(people::read(&document, persons, groups));
        let page = page.map(|field| serve::read(&document, field, &people)).unwrap_or_default();
        let mut environments = reader.environments;
        document.finish()?;
        if environments.is_empty() {
            environments
                .insert(LOCAL.to_owned(), Environment { name: LOCAL.to_owned(), ..Environment::default() });
        }
        environments.values_mut().for_each(|environment| environment.people = Arc::clone(&people));
        return Ok((environments, default, (page, traces)));
    }
    document.finish()?;
    Err(Error::bug(format!("{file} was refused without a mistake")))
}

struct Reader<'a> {
    document: &'a Document<'a>,
    families: Families,
    environments: BTreeMap<String, Environment>,
}

impl Reader<'_> {
    fn read_default(&self, field: Field<'_, '_>) -> Option<String> {
        let name = self.document.string(field, LOCAL)?;
        if self.environments.contains_key(name) || name == LOCAL && self.environments.is_empty() {
            return Some(name.to_owned());
        }
        let error = Error::usage(format!("`{name}` is no environment of this file"));
        let names = self.environments.keys().map(String::as_str);
        self.document.refuse(&field.value.span(), error.fix(suggest::advice(name, names)));
        None
    }

    fn read_environments(&mut self, field: Field<'_, '_>) {
        for one in self.document.table(field).unwrap_or_default() {
            self.check_name(one, "an environment");
            let mut environment = Environment { name: one.name().to_owned(), ..Environment::default() };
            let mut found = Found::default();
            let keys = self.document.table(one).unwrap_or_default();
            let before = self.document.mistakes();
            for key in &keys {
                found.extend(self.read_environment(&mut environment, *key));
            }
            if let Some(secrets) = keys.into_iter().find(|key| key.name() == "secrets") {
                keepers::read(self.document, &mut environment, secrets);
            }
            // A keeper with a mistake of its own is not there to be found.
            if self.document.mistakes() == before {
                keepers::check(self.document, self.families, &environment, &found.mentions);
            }
            named::check(self.document, &environment.name, &found);
            self.environments.insert(environment.name.clone(), environment);
        }
    }

    /// Reads one key of an environment; gives the references to secrets and to resources that stand there.
    fn read_environment(&self, environment: &mut Environment, field: Field<'_, '_>) -> Found {
        match field.name() {
            "secrets" => {}
            "about" => environment.about = self.document.string(field, "the live system").map(str::to_owned),
            "on_failure" => environment.on_failure = self.read_on_failure(field).unwrap_or_default(),
            "limits" => environment.limits = limits::read(self.document, field),
            "allow" => environment.windows.allow = windows::allow(self.document, field),
            "freeze" => {
                environment.windows.freezes = windows::freezes(self.document, field, &environment.name);
            }
            "time_scale" | "clock" => pace::read(self.document, environment, field),
            "self_approval" => environment.self_approval = self.document.boolean(field).unwrap_or_default(),
            "guarded" => environment.guarded = self.document.boolean(field).unwrap_or_default(),
            "watch" => environment.watch = self.document.boolean(field).unwrap_or_default(),
            "params" => environment.parameters = self.read_parameters(field),
            name => match family::find(self.families, name) {
                Some(family) => return self.read_family(environment, family, field),
                None => {
                    if let Some(error) = family::lacking(self.families, name) {
                        self.document.refuse(&field.key.span(), error);
                        return Found::default();
                    }
                    let error = Error::usage(format!("`{name}` is no family of resources"));
                    let known = self.families.iter().map(|family| family.name).chain(OWN.iter().copied());
                    self.document.refuse(&field.key.span(), error.fix(suggest::advice(name, known)));
                }
            },
        }
        Found::default()
    }

    fn read_on_failure(&self, field: Field<'_, '_>) -> Option<OnFailure> {
        self.document.parsed(field, "rollback", |word| match word {
            "rollback" => Ok(OnFailure::Rollback),
            "stop" => Ok(OnFailure::Stop),
            _ => Err(Error::usage(format!("`{word}` is nothing to do on failure"))
                .fix(suggest::advice(word, ["rollback", "stop"]))),
        })
    }

    fn read_parameters(&self, field: Field<'_, '_>) -> Map<String, Value> {
        let fields = self.document.table(field).unwrap_or_default();
        fields
            .into_iter()
            .filter_map(|one| Some((one.name().to_owned(), self.document.json(one.value)?)))
            .collect()
    }

    fn read_family(&self, environment: &mut Environment, family: &Family, field: Field<'_, '_>) -> Found {
        let mut all = Found::default();
        let own = format!("env.{}.{}", environment.name, family.name);
        for one in self.document.table(field).unwrap_or_default() {
            if !one.value.get_ref().is_table() {
                let error = Error::usage(format!("a resource of `{}` has no name of its own", family.name))
                    .why(format!(
                        "`{}` stands right in [{own}], and is {}",
                        one.name(),
                        type_of(one.value.get_ref())
                    ))
                    .fix(format!("give the resource a name: [{own}.main]"));
                self.document.refuse(&one.key.span(), error);
                return all;
            }
            self.check_name(one, "a resource");
            let id = ResourceId::new(family.name, one.name());
            let place = format!("{own}.{}", one.name());
            all.declared.push(id.clone());
            let (resource, found) = settings::read(self.document, family, id.clone(), one, &place);
            all.extend(found);
            if let Some(resource) = resource {
                environment.resources.insert(id, resource);
            }
        }
        all
    }

    fn check_name(&self, field: Field<'_, '_>, of: &str) {
        let name = field.name();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
            let error = Error::usage(format!("`{name}` is no name for {of}"));
            self.document.refuse(&field.key.span(), error.fix("use letters, digits, `_` and `-`"));
        }
    }
}
