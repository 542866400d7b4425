//! Hosts that did not do what they were to do, and the error that tells of them.

use serde_json::{Map, Value, json};

use super::answer::{Judge, said};
use crate::base::error::{Error, Kind, REFUSED};
use crate::base::text;
use crate::effect::output::{kept, last_words};
use crate::sys::process::{Ended, Status};
use crate::sys::ssh::{Broken, Cut, Target};

/// How many hosts an error quotes; the rest are in its details.
const QUOTED: usize = 5;

/// One host that did not do it.
pub(super) struct Failure {
    pub(super) host: String,
    pub(super) words: String,
    pub(super) kind: Kind,
    pub(super) fix: Option<String>,
    /// Whether anything may have happened there.
    pub(super) began: bool,
    /// Whether it answered, and let nobody in.
    pub(super) refused: bool,
    /// Code or signal, for machines.
    pub(super) status: Option<Status>,
}

impl Judge<'_> {
    /// A command that ended with a wrong code, or by a signal.
    pub(super) fn ended_badly(&self, target: &Target, ended: &Ended) -> (Failure, Value) {
        let map = Value::Object(said(self.cx, ended));
        let words = last_words(&kept(self.cx, &ended.stdout), &kept(self.cx, &ended.stderr));
        let words = format!("{} {}\n{words}", target.name, ended.status);
        let failure = Failure {
            host: target.name.clone(),
            words: words.trim_end().to_owned(),
            kind: Kind::Remote,
            fix: None,
            began: true,
            refused: false,
            status: Some(ended.status),
        };
        (failure, map)
    }

    /// A command whose end is not known.
    pub(super) fn cut(&self, target: &Target, cut: &Cut) -> (Failure, Value) {
        let within = text::show_duration(self.within);
        let (kind, mut words, fix) = match &cut.why {
            Broken::Late => (
                Kind::Timeout,
                format!("{} gave no answer within {within}", target.name),
                Some("give it longer with `#{ within: \"…\" }`, or look at why it is slow".to_owned()),
            ),
            broken => {
                let fix = matches!(broken, Broken::NoShell(_))
                    .then(|| "give the user a login shell there, or log in as another `user`".to_owned());
                (Kind::Remote, format!("{}: {}", target.name, broken.words()), fix)
            }
        };
        words.push_str(&match (cut.left, cut.began) {
            (Some(group), _) => format!("; its process group {group} may still run there"),
            (None, true) if kind == Kind::Timeout => "; it was ended there".to_owned(),
            _ => String::new(),
        });
        let map = json!({ "error": words, "began": cut.began });
        let host = target.name.clone();
        (Failure { host, words, kind, fix, began: cut.began, refused: false, status: None }, map)
    }

    /// The error for more failures than are allowed.
    pub(super) fn failed(&self, failures: &[Failure], value: Value) -> Error {
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
        let done: Vec<&str> =
            value["ok"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !done.is_empty() {
            why.push(format!("it was done on {}", text::headline(&done.join(", "), 160)));
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
        if failures.iter().all(|one| one.refused) {
            error = error.detail(REFUSED, true);
        }
        for name in ["ok", "failed", "unreachable", "skipped", "hosts"] {
            error = error.detail(name, value[name].clone());
        }
        let touched =
            failures.iter().any(|one| one.began) || value["ok"].as_array().is_some_and(|ok| !ok.is_empty());
        if touched { error } else { error.unchanged() }
    }
}
