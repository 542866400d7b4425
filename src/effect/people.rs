//! Who is who: the persons and groups of `playbook.toml`, and who may decide at a gate.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::gate::{Answer, Asked};

/// A person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The name in `playbook.toml`.
    pub name: String,
    /// Their address.
    pub email: Option<String>,
    /// The login names by which machines know them; their own name when none is listed.
    pub logins: Vec<String>,
    /// Their public ssh key. Who has one signs.
    pub key: Option<String>,
}

impl Person {
    /// Whether the machine's `login@host` is this person: the login alone, or the whole, or their address.
    #[must_use]
    pub fn is(&self, login: &str) -> bool {
        let own = std::slice::from_ref(&self.name);
        let names = if self.logins.is_empty() { own } else { &self.logins };
        let bare = login.split_once('@').map_or(login, |(bare, _)| bare);
        names.iter().any(|name| name == login || name == bare) || self.email.as_deref() == Some(login)
    }
}

/// Everybody, and the groups they are in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    /// The persons by name.
    pub persons: BTreeMap<String, Person>,
    /// The members of the groups by name.
    pub groups: BTreeMap<String, Vec<String>>,
}

impl People {
    /// The person that the machine's `login@host` is.
    #[must_use]
    pub fn known(&self, login: &str) -> Option<&Person> {
        self.persons.values().find(|person| person.is(login))
    }

    /// The people that a name means: a person, or the members of a group; `None` when there is neither.
    #[must_use]
    pub fn meant(&self, name: &str) -> Option<Vec<&str>> {
        match (self.groups.get(name), self.persons.get(name)) {
            (Some(members), _) => Some(members.iter().map(String::as_str).collect()),
            (None, Some(person)) => Some(vec![&person.name]),
            (None, None) => None,
        }
    }

    /// Every name that a gate may ask.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.groups.keys().chain(self.persons.keys()).map(String::as_str)
    }

    /// Whether `person` began the run of `requester` (`login@host`).
    #[must_use]
    pub fn is_requester(&self, person: &Person, requester: &str) -> bool {
        person.is(requester) || self.known(requester).is_some_and(|known| known.name == person.name)
    }

    /// How far a gate is with these answers, each of them valid and the last of its person.
    #[must_use]
    pub fn judge<'a>(&self, asked: &Asked, answers: &'a [Answer]) -> Standing<'a> {
        if let Some(no) = answers.iter().find(|answer| !answer.approved) {
            return Standing::Declined(no);
        }
        let approved: BTreeSet<&str> = answers.iter().map(|answer| answer.person.as_str()).collect();
        let open: Vec<String> = if asked.quorum >= asked.approvers.len() {
            self.uncovered(&asked.approvers, &approved)
        } else {
            Vec::new()
        };
        let missing = asked.quorum.saturating_sub(approved.len()).max(open.len());
        if missing == 0 { Standing::Approved } else { Standing::Open { missing, of: open } }
    }

    /// The names for which nobody is left, when each needs somebody of its own.
    fn uncovered(&self, names: &[String], approved: &BTreeSet<&str>) -> Vec<String> {
        let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
        let mut open = Vec::new();
        for (index, name) in names.iter().enumerate() {
            if !self.seat(names, index, approved, (&mut taken, &mut BTreeSet::new())) {
                open.push(name.clone());
            }
        }
        open
    }

    /// Finds somebody for the name at `index`, moving others to their other names where that helps.
    fn seat<'a>(
        &'a self,
        names: &[String],
        index: usize,
        approved: &BTreeSet<&str>,
        (taken, tried): (&mut BTreeMap<&'a str, usize>, &mut BTreeSet<&'a str>),
    ) -> bool {
        let Some(meant) = names.get(index).and_then(|name| self.meant(name)) else { return false };
        for person in meant {
            if !approved.contains(person) || !tried.insert(person) {
                continue;
            }
            let before = taken.get(person).copied();
            if before.is_none_or(|other| self.seat(names, other, approved, (&mut *taken, &mut *tried))) {
                taken.insert(person, index);
                return true;
            }
        }
        false
    }
}

/// How far a gate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// People are still asked.
    Open {
        /// How many more have to approve.
        missing: usize,
        /// The names for which nobody has approved yet, where each needs somebody.
        of: Vec<String>,
    },
    /// Enough have approved.
    Approved,
    /// This one declined.
    Declined(&'a Answer),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> People {
        let person = |name: &str| (name.to_owned(), Person { name: name.to_owned(), ..Person::default() });
        let group =
            |name: &str, of: &[&str]| (name.to_owned(), of.iter().map(|one| (*one).to_owned()).collect());
        People {
            persons: ["ada", "bob", "cy"].map(person).into(),
            groups: [group("owners", &["ada"]), group("leads", &["ada", "bob"])].into(),
        }
    }

    fn judged(approvers: &[&str], quorum: usize, answers: &[(&str, bool)]) -> String {
        let asked = Asked {
            name: "Go".into(),
            approvers: approvers.iter().map(|one| (*one).to_owned()).collect(),
            people: Vec::new(),
            quorum,
            until: None,
            on_timeout: crate::base::gate::OnTimeout::Fail,
            binding: String::new(),
        };
        let answer = |(person, approved): &(&str, bool)| Answer {
            run: String::new(),
            gate: String::new(),
            name: String::new(),
            binding: String::new(),
            person: (*person).to_owned(),
            login: String::new(),
            approved: *approved,
            comment: String::new(),
            at: String::new(),
            key: None,
            signature: None,
        };
        let answers: Vec<Answer> = answers.iter().map(answer).collect();
        match people().judge(&asked, &answers) {
            Standing::Open { missing, of } => format!("{missing} {}", of.join(" ")),
            Standing::Approved => "approved".to_owned(),
            Standing::Declined(no) => format!("no of {}", no.person),
        }
    }

    #[test]
    fn each_name_needs_somebody_of_its_own_unless_fewer_are_asked_for() {
        let both: &[&str] = &["owners", "leads"];
        assert_eq!(judged(both, 2, &[]), "2 owners leads");
        // Ada is in both groups and counts once; with Bob as a lead she is the owner.
        assert_eq!(judged(both, 2, &[("ada", true)]), "1 leads");
        assert_eq!(judged(both, 2, &[("bob", true)]), "1 owners");
        assert_eq!(judged(&["leads", "owners"], 2, &[("ada", true), ("bob", true)]), "approved");
        assert_eq!(judged(both, 1, &[("bob", true)]), "approved");
        assert_eq!(judged(&["leads"], 2, &[("bob", true)]), "1 ");
        assert_eq!(judged(&["leads"], 2, &[("bob", true), ("ada", true)]), "approved");
        assert_eq!(judged(both, 1, &[("bob", true), ("ada", false)]), "no of ada");
    }

    #[test]
    fn a_login_is_a_person_by_name_login_or_address() {
        let person = Person {
            name: "ada".into(),
            email: Some("ada@example.com".into()),
            logins: vec!["al".into(), "root@ci".into()],
            key: None,
        };
        assert!(person.is("al@laptop") && person.is("root@ci") && person.is("ada@example.com"));
        assert!(!person.is("ada@laptop") && !person.is("root@laptop"));
        assert!(people().known("bob@anywhere").is_some_and(|person| person.name == "bob"));
    }
}
