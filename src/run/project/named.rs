//! The resources that settings name: an account, a database, a group of hosts. Each has to be there.

use std::ops::Range;

use super::keepers::Mention;
use crate::base::access::ResourceId;
use crate::base::document::Document;
use crate::base::error::Error;
use crate::base::suggest;

/// A resource as the settings of another one name it.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// Where that stands.
    pub(super) span: Range<usize>,
    /// What stands there.
    pub(super) name: String,
}

/// What the settings of resources refer to.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Secrets.
    pub(super) mentions: Vec<Mention>,
    /// Resources.
    pub(super) named: Vec<Named>,
    /// The resources that have a table, be it sound or not.
    pub(super) declared: Vec<ResourceId>,
}

impl Found {
    /// Takes in what another table refers to.
    pub(super) fn extend(&mut self, other: Self) {
        self.mentions.extend(other.mentions);
        self.named.extend(other.named);
        self.declared.extend(other.declared);
    }
}

/// Notes each name of a resource that has no table in this environment.
pub(super) fn check(document: &Document<'_>, environment: &str, found: &Found) {
    for Named { span, name } in &found.named {
        // What is no name at all was refused by its family.
        let Ok(id) = name.parse::<ResourceId>() else { continue };
        if found.declared.contains(&id) {
            continue;
        }
        let of_it = found.declared.iter().filter(|one| one.family == id.family);
        let names: Vec<String> = of_it.map(ToString::to_string).collect();
        let names = || names.iter().map(String::as_str);
        let declare = format!("add [env.{environment}.{name}]");
        let fix = match (suggest::nearest(name, names()), suggest::list(names())) {
            (Some(near), _) => format!("did you mean `{near}`? Otherwise {declare}"),
            (None, all) if all.is_empty() => declare,
            (None, all) => format!("choose one of {all}, or {declare}"),
        };
        let error = Error::usage(format!("`{name}` is no resource of the environment `{environment}`"));
        document.refuse(span, error.fix(fix));
    }
}
