//! The language's own functions: what each takes and how it is written, for an error and for `playbook check`.

use crate::base::error::Error;

/// What a value given to one of them has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Any text.
    Text,
    /// A text such as "5s".
    Duration,
    /// A map of options.
    Map,
    /// An array.
    Array,
}

impl Wants {
    /// In words.
    const fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Duration => "a duration in quotes",
            Self::Map => "a map",
            Self::Array => "an array",
        }
    }

    /// Whether a value of this type, as people call it, will do.
    fn takes(self, found: &str) -> bool {
        match self {
            Self::Text | Self::Duration => found == "a text",
            Self::Map => found == "a map",
            Self::Array => found == "an array",
        }
    }
}

/// One of them.
#[derive(Debug)]
pub struct Own {
    /// Its name.
    pub name: &'static str,
    /// What it takes, in order.
    pub takes: &'static [Wants],
    /// A line that uses it.
    pub example: &'static str,
}

/// All that take something of a certain type.
const ALL: &[Own] = &[
    Own { name: "wait", takes: &[Wants::Duration], example: "wait(\"5s\")" },
    Own {
        name: "wait_until",
        takes: &[Wants::Text, Wants::Duration],
        example: "wait_until(\"09:00 Europe/Berlin\") or wait_until(deployed, \"15m\")",
    },
    Own { name: "seconds", takes: &[Wants::Duration], example: "seconds(\"5m\")" },
    Own {
        name: "seconds_since",
        takes: &[Wants::Text],
        example: "let began = now(); … seconds_since(began)",
    },
    Own { name: "time_passed", takes: &[Wants::Text], example: "let began = now(); … time_passed(began)" },
    Own {
        name: "fail",
        takes: &[Wants::Text, Wants::Map],
        example: "fail(\"what is wrong\", #{ why: \"…\", fix: \"…\" })",
    },
    Own {
        name: "gate",
        takes: &[Wants::Text, Wants::Map],
        example: "gate(\"Go / No-Go\", #{ approvers: [\"release\"], within: \"2h\" })",
    },
    Own {
        name: "parallel",
        takes: &[Wants::Array, Wants::Map],
        example: "parallel([|| …, || …], #{ limit: 4 })",
    },
];

/// The function of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Own> {
    ALL.iter().find(|own| own.name == name)
}

impl Own {
    /// What is said of a value that it cannot take, by its place and its type as people call it; `number` is the value
    /// where it is one that stands in the playbook.
    #[must_use]
    pub fn refuses(&self, place: usize, found: &str, number: Option<i64>) -> Option<Error> {
        let wants = *self.takes.get(place)?;
        if wants.takes(found) {
            return None;
        }
        let error = Error::usage(format!("`{}` takes {}, and this is {found}", self.name, wants.words()));
        Some(error.fix(match (wants, number, self.takes) {
            (Wants::Duration, Some(number), [_]) => {
                format!("say the unit, in quotes: {}(\"{number}s\")", self.name)
            }
            (Wants::Duration, Some(number), _) => format!("say the unit, in quotes: \"{number}s\""),
            _ => format!("write for example {}", self.example),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_another_type_is_told_with_what_to_write() {
        let wait = find("wait").unwrap();
        let said = wait.refuses(0, "a whole number", Some(5)).unwrap();
        assert_eq!(said.what, "`wait` takes a duration in quotes, and this is a whole number");
        assert_eq!(said.fix.as_deref(), Some("say the unit, in quotes: wait(\"5s\")"));
        assert!(wait.refuses(0, "a text", None).is_none() && wait.refuses(1, "a map", None).is_none());
    }
}
