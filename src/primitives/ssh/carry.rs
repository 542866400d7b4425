//! A command carried out on the hosts that a call means.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::answer::{Judge, said};
use super::fan::{self, Deed, Fan};
use super::fleet::Fleet;
use super::script;
use super::settings::Table;
use super::words::Words;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::secret::Revealed;
use crate::effect::cx::Cx;
use crate::effect::output::shown;
use crate::sys::process::{Ended, Line, Status};
use crate::sys::ssh::{Feed, Order};

/// How much is kept of what all hosts of a call say together, in bytes.
const KEEP_ALL: usize = 2 * 1024 * 1024;
/// How long ending what an earlier turn left may take.
const ENDING: Duration = Duration::from_secs(30);
/// How much is kept of each output at most, and at least; in bytes.
const KEEP: (usize, usize) = (512 * 1024, 2 * 1024);

/// On which hosts and how, as a call says it.
pub(super) struct How {
    pub(super) hosts: Option<Vec<String>>,
    pub(super) limit: Option<usize>,
    pub(super) serial: Option<usize>,
    pub(super) max_failures: usize,
    pub(super) within: Option<Period>,
    pub(super) ok: Vec<i32>,
}

impl How {
    /// On these hosts, and else as the settings say.
    pub(super) fn on(hosts: Option<Vec<String>>) -> Self {
        Self { hosts, limit: None, serial: None, max_failures: 0, within: None, ok: zero() }
    }
}

/// What a command is given.
#[derive(Default)]
pub(super) struct Given {
    pub(super) stdin: Option<String>,
    pub(super) environment: BTreeMap<String, String>,
    /// A call of which nothing may run any more before this begins.
    pub(super) ends: Option<String>,
}

/// Runs the command on each host, and judges how it went.
pub(super) async fn carry_out(
    cx: Cx,
    effect: Effect,
    command: Words,
    given: Given,
    how: How,
) -> Result<Value> {
    let what = command.spoken();
    let prepared = prepare(&cx, effect, &command, given, &how).await;
    let (fleet, fan, one) = prepared.map_err(Error::unchanged)?;
    let deed = one.deed(&cx, fan.within);
    let judge = Judge { cx: &cx, what, ok: how.ok, max_failures: fan.max_failures, within: fan.within };
    let ends = fan::out(&cx, &fleet, &fan, deed, |ended| Judge::is_good(&judge.ok, ended)).await?;
    judge.value(ends, |ended| said(&cx, ended))
}

/// Everything that can be wrong before a host is asked for anything.
async fn prepare(
    cx: &Cx,
    effect: Effect,
    command: &Words,
    given: Given,
    how: &How,
) -> Result<(Arc<Fleet>, Fan, One)> {
    let table: Table = cx.settings()?;
    let arguments = command.arguments();
    table.allowed().permit(cx, effect, &arguments)?;
    let fleet = super::fleet(cx).await?;
    let fan = Fan {
        hosts: fleet.choose(how.hosts.as_deref())?,
        limit: table.limit(how.limit),
        serial: how.serial,
        max_failures: how.max_failures,
        within: table.within(how.within.as_deref())?,
    };
    let mut variables = table.variables(cx).await?;
    variables.retain(|(name, _)| !given.environment.contains_key(name));
    variables.extend(given.environment.into_iter().map(|(name, value)| (name, Revealed::new(value))));
    let keep = keep(fan.hosts.len());
    let marks = !effect.is_read();
    let mut ends: Vec<String> = given.ends.into_iter().collect();
    // What an earlier try left must not run beside this one.
    ends.extend((marks && cx.is_another_try()).then(|| cx.call_id()));
    let mark = marks.then(|| cx.call_id());
    let one = One { arguments, folder: table.folder, variables, stdin: given.stdin, keep, mark, ends };
    Ok((fleet, fan, one))
}

/// How much of each output is kept, when so many hosts speak.
fn keep(hosts: usize) -> usize {
    (KEEP_ALL / hosts.max(1) / 2).clamp(KEEP.1, KEEP.0)
}

/// One command, as it is run on each host.
pub(super) struct One {
    pub(super) arguments: Vec<String>,
    pub(super) folder: Option<String>,
    pub(super) variables: Vec<(String, Revealed)>,
    pub(super) stdin: Option<String>,
    pub(super) keep: usize,
    /// The call that it belongs to, where it may have to be found there later.
    pub(super) mark: Option<String>,
    /// Calls of which nothing may run any more before it begins.
    pub(super) ends: Vec<String>,
}

impl One {
    /// What is done on each host: the command, its lines shown as they come.
    fn deed(self, cx: &Cx, within: Duration) -> Deed<Ended> {
        let cx = cx.clone();
        Arc::new(move |fleet: &Fleet, target, patience| {
            let tell = |line: Line<'_>| cx.line_of(&target.name, line.error, &shown(&cx, line));
            fleet.with(target, patience, |session| {
                for call in &self.ends {
                    let arguments = script::end(&marked(call, &target.name));
                    let end = Order {
                        arguments,
                        folder: None,
                        variables: Vec::new(),
                        feed: Feed::Nothing,
                        keep: KEEP.1,
                        mark: None,
                    };
                    let ended = session.run(end, &patience.at_most(ENDING), &tell)?;
                    if ended.status != Status::Code(0) {
                        return Ok(ended);
                    }
                }
                session.run(self.order(&target.name), &patience.at_most(within), &tell)
            })
        })
    }

    pub(super) fn order(&self, host: &str) -> Order {
        Order {
            arguments: self.arguments.clone(),
            folder: self.folder.clone(),
            variables: self.variables.clone(),
            feed: self.stdin.clone().map_or(Feed::Nothing, Feed::Text),
            keep: self.keep,
            mark: self.mark.as_ref().map(|call| marked(call, host)),
        }
    }
}

/// What names a call on one host, also where two hosts are one machine.
fn marked(call: &str, host: &str) -> String {
    format!("{call}/{host}")
}

/// The exit code that means success unless the call says others.
pub(super) fn zero() -> Vec<i32> {
    vec![0]
}
