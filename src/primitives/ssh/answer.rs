//! What a call on many hosts gives back: who did it, who failed, who could not be reached, and what each said.

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::fan::Went;
use super::trouble::Trouble;
use crate::base::error::{REFUSED, Result};
use crate::effect::cx::Cx;
use crate::effect::output::kept;
use crate::sys::process::{Ended, Status};
use crate::sys::ssh::Target;

/// What a call is judged by.
pub(super) struct Judge<'a> {
    /// The call's context.
    pub(super) cx: &'a Cx,
    /// What was done, in words: "`uptime`".
    pub(super) what: String,
    /// The exit codes that mean success.
    pub(super) ok: Vec<i32>,
    /// With more failures than this the call fails.
    pub(super) max_failures: usize,
    /// How long each host had.
    pub(super) within: std::time::Duration,
}

/// The sets of a result, as they grow.
#[derive(Default)]
struct Sets {
    ok: Vec<String>,
    failed: Vec<String>,
    unreachable: Vec<String>,
    skipped: Vec<String>,
    hosts: Map<String, Value>,
    failures: Vec<Failure>,
}

impl Judge<'_> {
    /// Whether a command ended as it should.
    pub(super) fn is_good(ok: &[i32], ended: &Ended) -> bool {
        matches!(ended.status, Status::Code(code) if ok.contains(&code))
    }

    /// The value of the call, or its error. `tell` makes of a command that ended well what its host's map holds.
    pub(super) fn value(
        &self,
        ends: Vec<(Target, Went<Ended>)>,
        tell: impl Fn(&Ended) -> Map<String, Value>,
    ) -> Result<Value> {
        let mut sets = Sets::default();
        for (target, went) in ends {
            self.sort(&mut sets, target, went, &tell);
        }
        let only = (sets.hosts.len() == 1).then(|| sets.hosts.values().next().cloned()).flatten();
        let mut value = json!({
            "ok": sets.ok, "failed": sets.failed, "unreachable": sets.unreachable, "skipped": sets.skipped,
            "hosts": sets.hosts,
        });
        if sets.failures.len() > self.max_failures {
            return Err(self.failed(&sets.failures, value));
        }
        // With one host, what it said is at hand without its name.
        if let (Some(Value::Object(only)), Some(value)) = (only, value.as_object_mut()) {
            only.into_iter().for_each(|(name, item)| {
                value.entry(name).or_insert(item);
            });
        }
        Ok(value)
    }

    fn sort(
        &self,
        sets: &mut Sets,
        target: Target,
        went: Went<Ended>,
        tell: &impl Fn(&Ended) -> Map<String, Value>,
    ) {
        let name = target.name.clone();
        let (failure, map) = match went {
            Went::Skipped => {
                sets.skipped.push(name);
                return;
            }
            Went::Done(ended) if Self::is_good(&self.ok, &ended) => {
                sets.ok.push(name.clone());
                sets.hosts.insert(name, Value::Object(tell(&ended)));
                return;
            }
            Went::Done(ended) => self.ended_badly(&target, &ended),
            Went::Wrong(Trouble::Unreachable(why)) => {
                sets.unreachable.push(name.clone());
                let error =
                    why.why.as_deref().map_or_else(|| why.what.clone(), |w| format!("{}: {w}", why.what));
                let failure = Failure {
                    host: name.clone(),
                    words: error.clone(),
                    kind: why.kind,
                    fix: why.fix.clone(),
                    began: false,
                    refused: why.details.contains_key(REFUSED),
                    status: None,
                };
                (failure, json!({ "error": error }))
            }
            Went::Wrong(Trouble::Cut(cut)) => self.cut(&target, &cut),
        };
        if failure.began || sets.unreachable.last() != Some(&name) {
            sets.failed.push(name.clone());
        }
        sets.hosts.insert(name, map);
        sets.failures.push(failure);
    }
}

/// What a command said, as its host's map.
pub(super) fn said(cx: &Cx, ended: &Ended) -> Map<String, Value> {
    let code = match ended.status {
        Status::Code(code) => code,
        Status::Signal(number) => 128 + number,
    };
    let mut map = Map::new();
    map.insert("code".to_owned(), code.into());
    map.insert("stdout".to_owned(), kept(cx, &ended.stdout).into());
    map.insert("stderr".to_owned(), kept(cx, &ended.stderr).into());
    map.insert("took_ms".to_owned(), (ended.took.as_millis() as u64).into());
    map
}
