//! What is no resource: the settings, the journal, and whether the clocks agree.

use std::path::Path;

use jiff::SignedDuration;

use super::finding::Finding;
use crate::base::error::Error;
use crate::base::text::show_duration;
use crate::effect::environment::Environment;
use crate::effect::journal::{Filter, Journal};
use crate::run::project::{FILE, Project};
use crate::sys::files;

/// Clocks that differ by more than this make one doubt times, tokens and signatures.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(5);

/// The settings, which were read whole before.
pub(super) fn project(project: &Project, environment: &Environment) -> Finding {
    let (count, own) = (project.environments.len(), environment.resources.len());
    Finding::new(FILE)
        .fact(format!("{count} environment{}", if count == 1 { "" } else { "s" }))
        .fact(format!("{own} resource{} in `{}`", if own == 1 { "" } else { "s" }, environment.name))
}

/// Whether runs can be recorded: without a journal nothing may be changed.
pub(super) fn journal(project: &Path) -> Finding {
    let folder = project.join(".playbook");
    let finding = Finding::new("journal");
    let place = if files::exists(&folder) { folder.clone() } else { project.to_owned() };
    let database = folder.join("journal.db");
    for path in [&place, &database].into_iter().filter(|path| files::exists(path)) {
        if !files::is_writable(path) {
            let error = Error::remote(format!("{} may not be written by this user", path.display()))
                .why("a change is journalled before it is made, so nothing could be changed from here")
                .fix("change the owner or mode of that path");
            return finding.because(error);
        }
    }
    let newest = || -> crate::base::error::Result<_> {
        let Some(journal) = Journal::find(project)? else { return Ok(None) };
        Ok(journal.runs(&Filter { last: Some(1), ..Filter::default() })?.pop())
    };
    let free = files::free_space(&place).map(crate::base::text::show_size);
    let finding = match free {
        Some(free) => finding.fact(format!("{free} free")),
        None => finding,
    };
    match newest() {
        Ok(Some(run)) => finding.fact(format!("last run {}", run.id)),
        Ok(None) => finding.fact("no runs yet"),
        Err(error) => finding.because(error),
    }
}

/// Whether the clocks of those that told the time agree with ours.
pub(super) fn clocks(seen: &[Finding]) -> Option<Finding> {
    let told: Vec<(&str, SignedDuration)> =
        seen.iter().filter_map(|one| Some((one.name.as_str(), one.ahead?))).collect();
    let furthest = told.iter().max_by_key(|(_, ahead)| ahead.abs())?;
    let shown = |ahead: SignedDuration| show_duration(ahead.unsigned_abs());
    if furthest.1.abs() <= TOLERANCE {
        let with = if told.len() == 1 { told[0].0.to_owned() } else { format!("{} resources", told.len()) };
        return Some(Finding::new("clock").fact(format!("agrees with {with}")));
    }
    let mut finding = Finding::new("clock");
    let all = told.len() > 1 && told.iter().all(|(_, ahead)| ahead.abs() > TOLERANCE);
    for (name, ahead) in told.iter().filter(|(_, ahead)| ahead.abs() > TOLERANCE) {
        let way = if ahead.is_negative() { "behind" } else { "ahead of" };
        let fix = if all {
            "set the clock of this machine: all others differ from it"
        } else {
            "let both machines take their time from the network (NTP)"
        };
        let what = format!("the clock of `{name}` is {} {way} this machine's", shown(*ahead));
        finding = finding.because(Error::remote(what).fix(fix));
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::access::ResourceId;
    use crate::effect::health::Health;

    fn seen(name: &str, ahead: i64) -> Finding {
        let mut finding = Finding::of(&ResourceId::new("http", name), Health::reached());
        finding.ahead = Some(SignedDuration::from_secs(ahead));
        finding
    }

    #[test]
    fn clocks_that_differ_are_named() {
        assert!(clocks(&[]).is_none());
        assert!(!clocks(&[seen("a", 1), seen("b", -3)]).unwrap().is_wrong());
        let finding = clocks(&[seen("a", 1), seen("b", -90)]).unwrap();
        assert_eq!(finding.troubles.len(), 1);
        assert_eq!(finding.troubles[0].what, "the clock of `http.b` is 1m 30s behind this machine's");
        let both = clocks(&[seen("a", 60), seen("b", 61)]).unwrap();
        assert!(both.troubles[0].fix.as_ref().unwrap().contains("this machine"));
    }
}
