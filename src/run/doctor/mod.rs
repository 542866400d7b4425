//! Looks at an environment without a playbook: each resource, the secrets, the journal, the clocks. It changes nothing.

mod finding;
mod machine;
mod secrets;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

pub use finding::{Finding, State};

use super::project::Project;
use crate::base::access::ResourceId;
use crate::base::error::{Error, Result};
use crate::base::exit::Exit;
use crate::base::suggest;
use crate::effect::cx::Host;
use crate::effect::environment::{Environment, Resource};
use crate::effect::family::{self, Families};
use crate::effect::health::Examine;
use crate::effect::ledger::Ledger;
use crate::effect::pipeline::{Mode, Pipeline};
use crate::effect::policy::Grants;
use crate::effect::recall::Recall;
use crate::sys::stop::Stop;
use crate::sys::{clock, runtime};

/// What is to be looked at.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The environment.
    pub environment: Environment,
    /// The resources by name; all of them when empty.
    pub only: Vec<String>,
    /// How long each may take to answer.
    pub within: Duration,
}

/// Who is told of what was found, and of what is still waited for.
pub type Told<'a> = &'a mut dyn FnMut(&Finding, &[String]);

/// Looks at everything, all at the same time. The findings come in the order of their names, the machine's first.
pub fn examine(
    project: &Project,
    visit: &Visit,
    families: Families,
    told: Told<'_>,
) -> Result<(Vec<Finding>, Exit)> {
    let runtime = runtime::start()?;
    let resources = wanted(&visit.environment, &visit.only)?;
    let found = runtime.block_on(all(project, visit, resources, (families, told)));
    // A look that does not end in time holds no one up.
    runtime.shutdown_timeout(Duration::from_millis(200));
    let (findings, stopped) = found?;
    let exit = match findings.iter().any(Finding::is_wrong) {
        _ if stopped => Exit::Interrupted,
        true => Exit::Failed,
        false => Exit::Done,
    };
    Ok((findings, exit))
}

fn wanted(environment: &Environment, only: &[String]) -> Result<Vec<Resource>> {
    let names: Vec<String> = environment.resources.keys().map(ToString::to_string).collect();
    if let Some(stranger) = only.iter().find(|name| !names.contains(name)) {
        let what = format!("`{stranger}` is no resource of the environment `{}`", environment.name);
        return Err(Error::missing(what).fix(suggest::advice(stranger, names.iter().map(String::as_str))));
    }
    let is_wanted = |id: &ResourceId| only.is_empty() || only.contains(&id.to_string());
    Ok(environment.resources.values().filter(|one| is_wanted(&one.id)).cloned().collect())
}

async fn all(
    project: &Project,
    visit: &Visit,
    resources: Vec<Resource>,
    (families, told): (Families, Told<'_>),
) -> Result<(Vec<Finding>, bool)> {
    let stop = Stop::default();
    let pipeline = Arc::new(looking(project, &visit.environment, families));
    let mut looks = tokio::task::JoinSet::new();
    let mut waiting: Vec<String> = resources.iter().map(|one| one.id.to_string()).collect();
    let mut findings = vec![machine::project(project, &visit.environment), machine::journal(&project.folder)];
    let secrets = secrets::Secrets::of(&resources, families);
    for resource in resources {
        let (pipeline, stop, within) = (Arc::clone(&pipeline), stop.clone(), visit.within);
        looks.spawn(async move { look(&pipeline, &resource, within, &stop).await });
    }
    findings.iter().for_each(|finding| told(finding, &waiting));
    let secrets = secrets.resolve(&pipeline, visit.within, &stop).await;
    findings.extend(secrets.inspect(|finding| told(finding, &waiting)));
    let mut seen: Vec<Finding> = Vec::new();
    loop {
        tokio::select! {
            next = looks.join_next() => match next {
                Some(done) => {
                    let finding = done.map_err(|why| Error::bug("a look ended without a word").why(why.to_string()))?;
                    waiting.retain(|name| *name != finding.name);
                    told(&finding, &waiting);
                    seen.push(finding);
                }
                None => break,
            },
            Ok(()) = tokio::signal::ctrl_c(), if !stop.is_given() => stop.give(Error::cancelled("interrupted")),
        }
    }
    seen.sort_by(|one, other| one.name.cmp(&other.name));
    let clock = machine::clocks(&seen);
    findings.extend(clock.inspect(|finding| told(finding, &waiting)));
    findings.extend(seen);
    Ok((findings, stop.is_given()))
}

/// A pipeline that can only plan: it has no journal, so nothing in it can be licensed to change anything.
fn looking(project: &Project, environment: &Environment, families: Families) -> Pipeline {
    Pipeline {
        known_as: String::new(),
        host: Arc::new(Host::new(project.folder.clone(), environment.clone(), families, Vec::new())),
        grants: Grants::all_of(environment),
        mode: Mode::Plan,
        recall: Recall::default(),
        ledger: Ledger::default(),
        planned: Mutex::default(),
    }
}

async fn look(pipeline: &Pipeline, resource: &Resource, within: Duration, stop: &Stop) -> Finding {
    let begin = clock::instant();
    let seen = pipeline.examine(&resource.id, within, stop).await;
    let never =
        family::find(pipeline.host.families, &resource.id.family).and_then(|family| match family.health {
            Examine::Never(why) => Some(why),
            Examine::By(_) | Examine::Reading(..) => None,
        });
    let mut finding = match seen {
        Ok(Some(health)) => Finding::of(&resource.id, health),
        Ok(None) => Finding::unseen(&resource.id, never.unwrap_or_default()),
        Err(error) => Finding::failed(&resource.id, error),
    };
    finding.access = Some(resource.grant);
    finding.took_ms = Value::from(begin.elapsed().as_millis() as u64);
    finding
}
