//! The header of a playbook: its `//!` lines, read without running it.

mod lines;
mod parameter;

use std::time::Duration;

use crate::base::access::Access;
use crate::base::document::{self, Document, Field};
use crate::base::error::{Error, Result};
use crate::base::place::Place;
use crate::base::suggest;
use crate::effect::environment::OnFailure;

pub use parameter::{Parameter, Type, bare};

/// The keys that a header may have, in the order of the manual.
pub const KEYS: &[&str] = &["params", "uses", "lock", "timeout", "on_failure"];

/// What a playbook says about itself.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// The first paragraph, without its full stop; the file's name where there is none.
    pub title: String,
    /// The paragraphs below the title; empty where there are none.
    pub about: String,
    /// What must or may be given to a run, in the order of the header.
    pub parameters: Vec<Parameter>,
    /// What the playbook may touch, and how far.
    pub uses: Vec<Access>,
    /// The name of the lock that a run holds.
    pub lock: Option<String>,
    /// How long a run may take at most.
    pub timeout: Option<Duration>,
    /// What happens when a run fails and nobody is at the terminal to decide.
    pub on_failure: Option<OnFailure>,
    uses_at: Vec<Place>,
}

impl Header {
    /// Reads the header of the playbook `file`, whose whole text is `text`. All its mistakes come as one error.
    pub fn read(file: &str, text: &str) -> Result<Self> {
        let lines = lines::split(text);
        let document = Document::new(file, text);
        let title = match lines.title.strip_suffix('.').filter(|title| !title.ends_with('.')) {
            Some(title) => title.to_owned(),
            None if lines.title.is_empty() => file.to_owned(),
            None => lines.title,
        };
        let mut header = Self { title, about: lines.about, ..Self::default() };
        if let Some(table) = document.parse(&lines.toml) {
            for field in document::fields(&table) {
                header.take(&document, field);
            }
        }
        for line in &lines.stray {
            let error = Error::usage("this line of the header stands behind code, and is not read");
            document.refuse(line, error.fix("put it at the top of the file, above all but other comments"));
        }
        document.finish()?;
        Ok(header)
    }

    /// The place of an entry of `uses`.
    #[must_use]
    pub fn place_of(&self, access: &Access) -> Option<&Place> {
        self.uses.iter().position(|used| used == access).and_then(|index| self.uses_at.get(index))
    }

    fn take(&mut self, document: &Document<'_>, field: Field<'_, '_>) {
        match field.name() {
            "params" => {
                for one in document.table(field).unwrap_or_default() {
                    if !KEYS.contains(&one.name()) || Parameter::is_one(one) {
                        self.parameters.extend(Parameter::read(document, one));
                    } else {
                        let error = Error::usage(format!("`{}` stands inside `params`", one.name()));
                        document.refuse(&one.key.span(), error.fix("put it above the line [params]"));
                    }
                }
            }
            "uses" => self.take_uses(document, field),
            "lock" => {
                self.lock = document.parsed(field, "api", |name| match name.trim() {
                    "" => Err(Error::usage("a lock needs a name").fix("write for example lock = \"api\"")),
                    name => Ok(name.to_owned()),
                });
            }
            "timeout" => self.timeout = document.duration(field),
            "on_failure" => {
                self.on_failure = document.parsed(field, "stop", |word| match word {
                    "rollback" => Ok(OnFailure::Rollback),
                    "stop" => Ok(OnFailure::Stop),
                    other => Err(Error::usage(format!("`{other}` is no way to go on after a failure"))
                        .fix("write \"rollback\" or \"stop\"")),
                });
            }
            _ => document.unknown(field, "the header", KEYS),
        }
    }

    fn take_uses(&mut self, document: &Document<'_>, field: Field<'_, '_>) {
        const EXAMPLE: &str = "[\"postgres.main:write\"]";
        let Some(items) = field.value.get_ref().as_array() else {
            return document.wrong_type(field, "an array of strings", EXAMPLE);
        };
        for item in items.iter() {
            let Some(text) = item.get_ref().as_str() else {
                let found = document::type_of(item.get_ref());
                let error = Error::usage(format!("`uses` takes an array of strings, and this is {found}"));
                document.refuse(&item.span(), error.fix(format!("write for example uses = {EXAMPLE}")));
                continue;
            };
            match text.parse::<Access>() {
                Ok(access) if self.uses.contains(&access) => {
                    let error = Error::usage(format!("`{access}` stands here for the second time"));
                    document.refuse(&item.span(), error.fix("keep one of the two"));
                }
                Ok(access) => {
                    self.uses.push(access);
                    self.uses_at.push(document.place(&item.span()));
                }
                Err(error) => document.refuse(&item.span(), nearer(text, error)),
            }
        }
    }
}

/// The error with a nearer guess for a misspelt effect: `postgres.main:wirte`.
fn nearer(text: &str, error: Error) -> Error {
    let effect = text.split_once(':').map_or("", |(_, effect)| effect);
    match suggest::nearest(effect, ["read", "write", "destroy"]) {
        Some(near) => error.fix(format!("did you mean `{near}`?")),
        None => error,
    }
}

#[cfg(test)]
mod tests;
