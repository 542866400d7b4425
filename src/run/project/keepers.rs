//! Where the secrets of an environment are kept: `[env.NAME.secrets]`, and whether each reference has its keeper.

use std::ops::Range;

use crate::base::access::ResourceId;
use crate::base::document::{Document, Field};
use crate::base::error::Error;
use crate::base::secret::Reference;
use crate::base::suggest;
use crate::effect::environment::Environment;
use crate::effect::family::{self, Families};

/// The families that keep secrets for others.
const FAMILIES: &[&str] = &["vault", "aws"];

/// A reference in the settings of a resource.
#[derive(Clone, Debug)]
pub(super) struct Mention {
    /// The resource in whose settings it stands.
    pub(super) resource: ResourceId,
    /// Where it stands.
    pub(super) span: Range<usize>,
    /// The reference.
    pub(super) reference: Reference,
}

/// Takes the table `[env.NAME.secrets]`, after all the resources of the environment.
pub(super) fn read(document: &Document<'_>, environment: &mut Environment, field: Field<'_, '_>) {
    for one in document.table(field).unwrap_or_default() {
        let family = one.name();
        if !FAMILIES.contains(&family) {
            document.unknown(one, "`secrets`", FAMILIES);
            continue;
        }
        let named = document.parsed(one, &format!("{family}.main"), |text| {
            let mine = || environment.resources.keys().filter(|id| id.family == family);
            let names: Vec<String> = mine().map(ToString::to_string).collect();
            match mine().find(|id| id.to_string() == text) {
                Some(id) => Ok(id.clone()),
                None if names.is_empty() => {
                    Err(Error::usage(format!("there is no `{text}` in this environment"))
                        .fix(format!("add [env.{}.{family}.main]", environment.name)))
                }
                None => Err(Error::usage(format!("`{text}` is no resource of `{family}`"))
                    .fix(suggest::advice(text, names.iter().map(String::as_str)))),
            }
        });
        if let Some(id) = named {
            environment.keepers.insert(family.to_owned(), id);
        }
    }
}

/// Notes each reference that has no keeper, or whose keeper would have to ask itself.
pub(super) fn check(
    document: &Document<'_>,
    families: Families,
    environment: &Environment,
    mentions: &[Mention],
) {
    for mention in mentions {
        if let Some(error) = mistake(families, environment, mentions, mention) {
            document.refuse(&mention.span, error);
        }
    }
}

fn mistake(
    families: Families,
    environment: &Environment,
    mentions: &[Mention],
    mention: &Mention,
) -> Option<Error> {
    let Mention { resource, reference, .. } = mention;
    let family = reference.family()?;
    let (name, all) = (&environment.name, environment.resources.keys().filter(|id| id.family == family));
    let all: Vec<String> = all.map(ToString::to_string).collect();
    if family::find(families, family).is_none() {
        let error =
            Error::usage(format!("this build of playbook has no `{family}` to ask for `{reference}`"));
        return Some(error.fix(format!("use one that was built with the feature `{family}`")));
    }
    let Some(keeper) = environment.keeper(family) else {
        let error = Error::usage(format!("nothing here keeps `{reference}`"));
        return Some(match all.is_empty() {
            true => error.fix(format!("declare the `{family}` that does: [env.{name}.{family}.main]")),
            false => error
                .why(format!("this environment has {}", suggest::list(all.iter().map(String::as_str))))
                .fix(format!("say which one does, in [env.{name}.secrets]: {family} = \"{}\"", all[0])),
        });
    };
    let asks = |id: &ResourceId, of: &ResourceId| {
        let mut own = mentions.iter().filter(|one| one.resource == *id);
        own.any(|one| one.reference.family().and_then(|family| environment.keeper(family)) == Some(of))
    };
    let is_keeper = FAMILIES.iter().any(|family| environment.keeper(family) == Some(resource));
    (is_keeper && (keeper == resource || asks(keeper, resource))).then(|| {
        Error::usage(format!("`{keeper}` cannot be asked for what is needed to reach it"))
            .fix("keep it on this machine: \"env:NAME\" or \"file:PATH\"")
    })
}
