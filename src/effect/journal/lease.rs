//! Locks on an environment: who holds one, until when by experience, and when a dead holder's may be taken over.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::record::{RunKind, RunRecord, State};
use super::{Facts, Journal, NewRun};
use crate::base::error::{Error, Kind, Result};
use crate::base::event::Event;
use crate::base::outcome::Outcome;
use crate::base::text::show_duration;
use crate::sys::{clock, environment};

/// How often a living run says that it holds its lock.
pub(super) const BEAT: Duration = Duration::from_secs(5);
/// How long a lease is good without a sign of life.
pub(super) const LASTS: Duration = Duration::from_secs(60);
/// The detail of an error: whether the holder lives, so that waiting for it makes sense.
const ALIVE: &str = "alive";
/// The detail of a refusal that says that the run that keeps the lock was cut off.
const CUT_OFF: &str = "cut_off";

/// A lock that a run holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lease {
    /// The lock's name, from the playbook's header.
    pub name: String,
    /// The environment.
    pub environment: String,
    /// The run that holds it.
    pub run: String,
    /// Who began that run.
    pub person: String,
    /// The process of that run, and its machine.
    pub holder: String,
    /// The step it was in at the last sign of life.
    pub step: Option<String>,
    /// When it was taken.
    pub taken: Timestamp,
    /// The last sign of life.
    pub heartbeat: Timestamp,
    /// Until when the last sign of life is good.
    pub expires: Timestamp,
    /// When the run should end, by what earlier runs took.
    pub expected: Option<Timestamp>,
}

/// What a lock that is held means for whoever wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    /// Its run goes on.
    Alive,
    /// Its run waits for time or for people, and no process carries it out meanwhile.
    Waiting,
    /// Its run was cut off after it had begun changes: it waits for `resume` or `rollback`.
    Dead,
    /// Its run is over, or was cut off before it changed anything: whoever comes next may have it.
    Free,
}

/// Whether waiting may help against this error: a living run holds the lock.
#[must_use]
pub fn may_be_waited_for(error: &Error) -> bool {
    error.kind == Kind::Held && error.details.get(ALIVE).is_some_and(|alive| *alive == true)
}

/// The run that keeps the lock although it was cut off, when this error tells of one.
#[must_use]
pub fn cut_off(error: &Error) -> Option<&str> {
    let is_it =
        error.kind == Kind::Held && error.details.get(CUT_OFF).is_some_and(|cut_off| *cut_off == true);
    error.details.get("run").and_then(|run| run.as_str()).filter(|_| is_it)
}

impl Lease {
    /// The lease of a run that begins now.
    pub(super) fn new(name: &str, facts: &Facts, run: &str, expected: Option<Duration>) -> Self {
        let now = clock::now();
        Self {
            name: name.to_owned(),
            environment: facts.environment.clone(),
            run: run.to_owned(),
            person: facts.person.clone(),
            holder: format!("process {} on {}", std::process::id(), environment::host()),
            step: None,
            taken: now,
            heartbeat: now,
            expires: later(now, LASTS),
            expected: expected.map(|length| later(now, length)),
        }
    }

    /// Where its run stands, in words.
    fn told(&self) -> String {
        let mut parts = vec![format!("since {}", self.taken.strftime("%F %T UTC"))];
        parts.extend(self.step.as_ref().map(|step| format!("in the step “{step}”")));
        parts.push(self.holder.clone());
        if let Some(expected) = self.expected {
            parts.push(expectation(expected, clock::now()));
        }
        parts.join(", ")
    }

    /// What is said to whoever wants the lock of a living run.
    fn held(&self) -> Error {
        Error::new(
            Kind::Held,
            format!(
                "the lock `{}` of `{}` is held by run {} of {}",
                self.name, self.environment, self.run, self.person
            ),
        )
        .why(self.told())
        .fix(format!(
            "wait for it with `--wait` or `--wait=10m`; `playbook show {}` tells how far it is",
            self.run
        ))
        .detail(ALIVE, true)
        .detail("run", self.run.clone())
    }

    /// What is said to whoever wants the lock of a run that waits.
    fn kept(&self) -> Error {
        let (name, environment, run) = (&self.name, &self.environment, &self.run);
        let what = format!(
            "the lock `{name}` of `{environment}` is kept by run {run} of {}, which waits",
            self.person
        );
        Error::new(Kind::Held, what)
            .why(format!("since {}; no process carries it out meanwhile", self.taken.strftime("%F %T UTC")))
            .fix(format!("wait for it with `--wait`; `playbook runs` shows what it waits for, `playbook rollback {run}` takes it back"))
            .detail(ALIVE, true)
            .detail("run", run.clone())
    }

    /// What is said to whoever wants the lock of a run that was cut off.
    fn left(&self) -> Error {
        let (name, environment, run) = (&self.name, &self.environment, &self.run);
        let step = self.step.as_ref().map(|step| format!(" in the step “{step}”")).unwrap_or_default();
        Error::new(
            Kind::Held,
            format!(
                "the lock `{name}` of `{environment}` is kept by run {run} of {}, which was cut off{step}",
                self.person
            ),
        )
        .why(format!(
            "it had begun to change things, and {} is gone without an end; its last sign of life was {}",
            self.holder,
            self.heartbeat.strftime("%F %T UTC")
        ))
        .fix(format!(
            "go on with `playbook resume {run}`, or take it back with `playbook rollback {run}`;\n\
             where neither is right: `playbook unlock {name} --env {environment} --force --reason \"…\"`"
        ))
        .detail("run", run.clone())
        .detail(CUT_OFF, true)
    }
}

/// When it should end, and how far that is away.
#[must_use]
pub fn expectation(expected: Timestamp, now: Timestamp) -> String {
    let at = expected.strftime("%T UTC");
    match Duration::try_from(expected.duration_since(now)) {
        Ok(left) => format!("should end about {at}, in {}", show_duration(left)),
        Err(_) => format!(
            "should have ended about {at}, {} ago",
            show_duration(now.duration_since(expected).unsigned_abs())
        ),
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| at.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

/// What a living run says of itself from time to time.
#[derive(Clone, Debug)]
pub(super) struct Beat {
    pub(super) step: Option<String>,
    pub(super) at: String,
    pub(super) expires: String,
}

impl Beat {
    pub(super) fn now(step: Option<String>) -> Self {
        let now = clock::now();
        Self { step, at: super::stamp(now), expires: super::stamp(later(now, LASTS)) }
    }
}

impl Journal {
    /// The locks that are held, and what that means.
    pub fn leases(&self) -> Result<Vec<(Lease, Holding)>> {
        let judge = |lease: Lease| self.holding(&lease, None).map(|holding| (lease, holding));
        self.home.leases()?.into_iter().map(judge).collect()
    }

    /// What it means for a run with the parent `parent` that `lease` is there.
    pub(super) fn holding(&self, lease: &Lease, parent: Option<&str>) -> Result<Holding> {
        let Some(row) = self.home.like(&lease.run)?.into_iter().find(|row| row.id == lease.run) else {
            return Ok(Holding::Free);
        };
        let number = row.number;
        Ok(match self.record(row)?.state {
            State::Running => Holding::Alive,
            State::Ended => Holding::Free,
            State::Waiting if parent == Some(&lease.run) => Holding::Free,
            State::Waiting => Holding::Waiting,
            State::Interrupted if parent == Some(&lease.run) || !self.home.has_changed(number)? => {
                Holding::Free
            }
            State::Interrupted => Holding::Dead,
        })
    }

    /// Why the lock cannot be had; no error when it can be taken over from the run that it names.
    pub(super) fn refuse(&self, lease: &Lease, facts: &Facts) -> Result<()> {
        match self.holding(lease, facts.parent.as_deref())? {
            Holding::Alive => Err(lease.held()),
            Holding::Waiting => Err(lease.kept()),
            Holding::Dead => Err(lease.left()),
            Holding::Free => Ok(()),
        }
    }

    /// How long a run of this playbook usually takes there: the median of the last good ones.
    pub fn usual(&self, playbook: &str, environment: &str) -> Result<Option<Duration>> {
        let mut took: Vec<Duration> = self
            .home
            .ended_well(playbook, environment)?
            .into_iter()
            .filter_map(|(began, ended)| Duration::try_from(ended.duration_since(began)).ok())
            .collect();
        took.sort_unstable();
        Ok(took.get(took.len() / 2).copied())
    }

    /// How long the steps of a playbook usually take in an environment, by their names: the median over its last good
    /// runs. Of playbooks with very many steps only the first ones are looked at.
    pub fn usual_steps(&self, playbook: &str, environment: &str) -> Result<BTreeMap<String, Duration>> {
        let mut all: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
        for (name, took) in self.home.steps_of(playbook, environment)? {
            all.entry(name).or_default().push(took);
        }
        let median = |mut took: Vec<Duration>| {
            took.sort_unstable();
            took.get(took.len() / 2).copied().unwrap_or_default()
        };
        Ok(all.into_iter().map(|(name, took)| (name, median(took))).collect())
    }

    /// Takes a lock away from the run that holds it, and records who did it and why. The run that had it begins no
    /// further change.
    pub fn unlock(&self, wanted: (&str, Option<&str>), person: &str, reason: &str) -> Result<Lease> {
        let lease = self.lease(wanted)?;
        let facts = Facts {
            playbook: "unlock".to_owned(),
            title: format!("Take the lock `{}` away", lease.name),
            environment: lease.environment.clone(),
            person: person.to_owned(),
            kind: RunKind::Unlock,
            parent: Some(lease.run.clone()),
            ..Facts::default()
        };
        let run = self.begin_run(&NewRun { facts, ..NewRun::default() })?;
        run.note(&Event::Unlocked {
            name: lease.name.clone(),
            run: lease.run.clone(),
            holder: format!("{}, {}", lease.person, lease.told()),
            person: person.to_owned(),
            reason: reason.to_owned(),
        })?;
        run.flush()?;
        self.home.free(&lease)?;
        run.end(&Event::RunEnded { outcome: Outcome::Done, took: Duration::ZERO, error: None })?;
        Ok(lease)
    }

    /// The lock of that name that is held, in that environment or in the only one where it is.
    pub fn lease(&self, (name, environment): (&str, Option<&str>)) -> Result<Lease> {
        let held = self.home.leases()?;
        let is_meant = |lease: &Lease| {
            lease.name == name && environment.is_none_or(|environment| lease.environment == environment)
        };
        let mut meant: Vec<Lease> = held.into_iter().filter(is_meant).collect();
        match (meant.pop(), meant.first()) {
            (Some(only), None) => Ok(only),
            (None, _) => {
                let within = environment.map(|name| format!(" in `{name}`")).unwrap_or_default();
                Err(Error::missing(format!("the lock `{name}` is not held{within}"))
                    .fix("see `playbook locks`"))
            }
            (Some(one), Some(other)) => Err(Error::usage(format!("the lock `{name}` is held twice"))
                .why(format!("in `{}` and in `{}`", other.environment, one.environment))
                .fix("name the environment with --env NAME")),
        }
    }

    /// Refuses a lock to whoever asks without force: says who holds it and what to do.
    pub fn why_held(&self, lease: &Lease) -> Result<Error> {
        Ok(match self.holding(lease, None)? {
            Holding::Alive => lease.held(),
            Holding::Waiting => lease.kept(),
            Holding::Dead => lease.left(),
            Holding::Free => Error::usage(format!("the lock `{}` need not be taken away", lease.name))
                .why("its run is over or changed nothing: the next run takes it over by itself"),
        })
    }

    /// The run that keeps the lock on `environment` that `record` had, when it is another one.
    pub fn relock(&self, record: &RunRecord) -> Result<()> {
        let Some(name) = record.facts.lock.as_deref() else { return Ok(()) };
        let expected = self.usual(&record.facts.playbook, &record.facts.environment)?;
        let lease = Lease::new(name, &record.facts, &record.id, expected);
        let mut over = None;
        while let Some(other) = self.home.claim(&lease, over.as_deref())? {
            self.refuse(&other, &record.facts)?;
            over = Some(other.run);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expected_end_is_told_before_and_after_it() {
        let now: Timestamp = "2025-11-21T10:00:00Z".parse().unwrap();
        assert_eq!(
            expectation(later(now, Duration::from_secs(90)), now),
            "should end about 10:01:30 UTC, in 1m 30s"
        );
        assert_eq!(
            expectation(now, later(now, Duration::from_secs(3))),
            "should have ended about 10:00:00 UTC, 3.0s ago"
        );
    }
}
