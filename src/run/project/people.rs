//! The persons and groups of `playbook.toml`.

use std::collections::BTreeMap;

use crate::base::document::{Document, Field, type_of};
use crate::base::error::Error;
use crate::base::suggest;
use crate::effect::people::{People, Person};
use crate::effect::seal;

/// The keys of a person, and of a group.
const PERSON: &[&str] = &["key", "email", "login"];
const GROUP: &[&str] = &["people"];

/// Takes the tables `[people]` and `[groups]`.
pub(super) fn read(
    document: &Document<'_>,
    people: Option<Field<'_, '_>>,
    groups: Option<Field<'_, '_>>,
) -> People {
    let mut all = People::default();
    for one in people.and_then(|field| document.table(field)).unwrap_or_default() {
        let person = person(document, one, &all.persons);
        all.persons.insert(person.name.clone(), person);
    }
    for one in groups.and_then(|field| document.table(field)).unwrap_or_default() {
        if all.persons.contains_key(one.name()) {
            let error = Error::usage(format!("`{}` is a person and a group", one.name()));
            document
                .refuse(&one.key.span(), error.fix("give the group another name: a gate could mean both"));
        }
        let members = group(document, one, &all.persons);
        all.groups.insert(one.name().to_owned(), members);
    }
    all
}

fn person(document: &Document<'_>, field: Field<'_, '_>, others: &BTreeMap<String, Person>) -> Person {
    let mut person = Person { name: field.name().to_owned(), ..Person::default() };
    for one in document.table(field).unwrap_or_default() {
        match one.name() {
            "email" => person.email = document.string(one, "ada@example.com").map(str::to_owned),
            "login" => person.logins = logins(document, one),
            "key" => {
                person.key = document.parsed(one, "ssh-ed25519 AAAA…", seal::public_key);
                let same = others.values().find(|other| other.key.is_some() && other.key == person.key);
                if let Some(same) = same {
                    let error = Error::usage(format!("this is the key of `{}` too", same.name));
                    document
                        .refuse(&one.value.span(), error.fix("each person signs with a key of their own"));
                }
            }
            _ => document.unknown(one, "a person", PERSON),
        }
    }
    person
}

/// One login name, or several.
fn logins(document: &Document<'_>, field: Field<'_, '_>) -> Vec<String> {
    match field.value.get_ref().as_array() {
        None => document.string(field, "ada").map(str::to_owned).into_iter().collect(),
        Some(_) => {
            strings(document, field, "a login name").into_iter().map(|(text, _)| text.to_owned()).collect()
        }
    }
}

fn group(document: &Document<'_>, field: Field<'_, '_>, persons: &BTreeMap<String, Person>) -> Vec<String> {
    let mut members = Vec::new();
    for one in document.table(field).unwrap_or_default() {
        if one.name() != "people" {
            document.unknown(one, "a group", GROUP);
            continue;
        }
        for (name, span) in strings(document, one, "a person") {
            if persons.contains_key(name) {
                members.push(name.to_owned());
            } else {
                let error = Error::usage(format!("`{name}` is no person of this file"));
                let advice = suggest::advice(name, persons.keys().map(String::as_str));
                document.refuse(&span, error.fix(format!("{advice}, or add [people.{name}]")));
            }
        }
    }
    if members.is_empty() {
        let error = Error::usage(format!("the group `{}` has nobody in it", field.name()));
        document.refuse(&field.key.span(), error.fix("add people = [\"NAME\"]"));
    }
    members
}

type Element<'a> = (&'a str, std::ops::Range<usize>);

/// The strings of an array.
fn strings<'a>(document: &Document<'_>, field: Field<'a, '_>, what: &str) -> Vec<Element<'a>> {
    let Some(items) = field.value.get_ref().as_array() else {
        document.wrong_type(field, "an array", "[\"ada\"]");
        return Vec::new();
    };
    let mut found = Vec::new();
    for value in items.iter() {
        match value.get_ref().as_str() {
            Some(text) => found.push((text, value.span())),
            None => {
                let error = Error::usage(format!("{what} is a string, not {}", type_of(value.get_ref())));
                document.refuse(
                    &value.span(),
                    error.fix(format!("write for example {} = [\"ada\"]", field.name())),
                );
            }
        }
    }
    found
}
