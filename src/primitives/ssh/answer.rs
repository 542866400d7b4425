//! What a call on many hosts gives back: who did it, who failed, who could not be reached, and what each said.

use serde_json::{Map, Value, json};

use super::fan::Went;
use super::fleet::Trouble;
use crate::base::error::{Error, Kind, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::output::{kept, last_words};
use crate::sys::process::{Ended, Status};
use crate::sys::ssh::{Broken, Cut, Target};

/// How many hosts an error quotes; the rest are in its details.
const QUOTED: usize = 5;

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

/// One host that did not do it.
struct Failure {
    host: String,
    words: String,
    kind: Kind,
    fix: Option<String>,
    /// Whether anything may have happened there.
    began: bool,
    /// Code or signal, for machines.
    status: Option<Status>,
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

    fn ended_badly(&self, target: &Target, ended: &Ended) -> (Failure, Value) {
        let map = Value::Object(said(self.cx, ended));
        let words = last_words(&kept(self.cx, &ended.stdout), &kept(self.cx, &ended.stderr));
        let words = format!("{} {}\n{words}", target.name, ended.status);
        let failure = Failure {
            host: target.name.clone(),
            words: words.trim_end().to_owned(),
            kind: Kind::Remote,
            fix: None,
            began: true,
            status: Some(ended.status),
        };
        (failure, map)
    }

    fn cut(&self, target: &Target, cut: &Cut) -> (Failure, Value) {
        let within = text::show_duration(self.within);
        let (kind, mut words, fix) = match &cut.why {
            Broken::Late => (
                Kind::Timeout,
                format!("{} gave no answer within {within}", target.name),
                Some("give it longer with `#{ within: \"…\" }`, or look at why it is slow".to_owned()),
            ),
            broken => (Kind::Remote, format!("{}: {}", target.name, broken.words()), None),
        };
        words.push_str(&match (cut.left, cut.began) {
            (Some(group), _) => format!("; its process group {group} may still run there"),
            (None, true) if kind == Kind::Timeout => "; it was ended there".to_owned(),
            _ => String::new(),
        });
        let map = json!({ "error": words, "began": cut.began });
        let host = target.name.clone();
        (Failure { host, words, kind, fix, began: cut.began, status: None }, map)
    }

    fn failed(&self, failures: &[Failure], value: Value) -> Error {
        let count =
            value["hosts"].as_object().map_or(0, Map::len) + value["skipped"].as_array().map_or(0, Vec::len);
        let resource = self.cx.resource();
        let what = match failures {
            [only] if count == 1 => format!("{} failed on {} of `{resource}`", self.what, only.host),
            _ => format!("{} failed on {} of {count} hosts of `{resource}`", self.what, failures.len()),
        };
        let mut why: Vec<String> = failures.iter().take(QUOTED).map(|one| one.words.clone()).collect();
        if failures.len() > QUOTED {
            why.push(format!("… and {} more", failures.len() - QUOTED));
        }
        let kind = match failures {
            _ if failures.iter().all(|one| one.kind == Kind::Timeout) => Kind::Timeout,
            [only] => only.kind,
            _ => Kind::Remote,
        };
        let mut error = Error::new(kind, what).why(why.join("\n"));
        if let Some(fix) = failures.iter().find_map(|one| one.fix.clone()) {
            error = error.fix(fix);
        }
        if let [Failure { status: Some(status), .. }] = failures {
            error = match status {
                Status::Code(code) => error.detail("exit_code", *code),
                Status::Signal(number) => error.detail("signal", *number),
            };
        }
        for name in ["ok", "failed", "unreachable", "skipped", "hosts"] {
            error = error.detail(name, value[name].clone());
        }
        let touched =
            failures.iter().any(|one| one.began) || value["ok"].as_array().is_some_and(|ok| !ok.is_empty());
        if touched { error } else { error.unchanged() }
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
