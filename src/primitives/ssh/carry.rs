//! A command carried out on the hosts that a call means.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::answer::{Judge, said};
use super::fan::{self, Deed, Fan};
use super::fleet::Fleet;
use super::settings::Table;
use super::words::Words;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::secret::Revealed;
use crate::effect::cx::Cx;
use crate::effect::output::shown;
use crate::sys::process::{Ended, Line};
use crate::sys::ssh::{Feed, Order};

/// How much is kept of what all hosts of a call say together, in bytes.
const KEEP_ALL: usize = 2 * 1024 * 1024;
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

/// What a command is given.
#[derive(Default)]
pub(super) struct Given {
    pub(super) stdin: Option<String>,
    pub(super) environment: BTreeMap<String, String>,
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
    let one = One { arguments, folder: table.folder, variables, stdin: given.stdin, keep };
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
}

impl One {
    /// What is done on each host: the command, its lines shown as they come.
    fn deed(self, cx: &Cx, within: Duration) -> Deed<Ended> {
        let cx = cx.clone();
        Arc::new(move |fleet: &Fleet, target, patience| {
            let tell = |line: Line<'_>| cx.line_of(&target.name, line.error, &shown(&cx, line));
            fleet
                .with(target, patience, |session| session.run(self.order(), &patience.at_most(within), &tell))
        })
    }

    pub(super) fn order(&self) -> Order {
        Order {
            arguments: self.arguments.clone(),
            folder: self.folder.clone(),
            variables: self.variables.clone(),
            feed: self.stdin.clone().map_or(Feed::Nothing, Feed::Text),
            keep: self.keep,
        }
    }
}

/// The exit code that means success unless the call says others.
pub(super) fn zero() -> Vec<i32> {
    vec![0]
}
