//! `--crash-everywhere`: the same run once more for each record of its journal, killed there and gone on with.

use std::collections::BTreeMap;
use std::path::Path;

use regex_lite::Regex;

use super::sandbox::{Sandbox, Start};
use crate::base::error::{Error, Result};
use crate::base::exit::Exit;
use crate::effect::mocks::Mock;
use crate::sys::again::Printed;
use crate::sys::copying;

/// The exit code of a process that was killed.
const KILLED: u8 = 137;

/// A run of more records than this is killed at the first ones only.
const MOST: u64 = 2_000;

/// Kills the run that began in `before` everywhere, and compares each end with that of `whole`, the undisturbed one.
/// Gives the number of moments.
pub(super) fn everywhere(
    before: &Path,
    start: &Start,
    mocks: &[Mock],
    (whole, undisturbed): (&Path, &Printed),
) -> Result<u64> {
    let expected = state(whole)?;
    let mut moments = 0;
    for number in 1..=MOST {
        for when in ["before", "after"] {
            let moment = format!("{number}:{when}");
            let sandbox = Sandbox::of(before, true)?;
            sandbox.answer(mocks)?;
            let first = sandbox.exec(start, Some(&moment))?;
            if first.code != KILLED {
                return Ok(moments);
            }
            moments += 1;
            let second = sandbox.resume()?;
            let is_over = second.code == Exit::Usage.code();
            if second.code == Exit::InDoubt.code() && undisturbed.code != second.code {
                let what =
                    "a call is in doubt there: say at the call what happens then, as `on_doubt: \"retry\"`";
                return Err(differs(&moment, what));
            }
            if !is_over && second.code != undisturbed.code {
                return Err(differs(
                    &moment,
                    &format!("exit code {} in place of {}", second.code, undisturbed.code),
                ));
            }
            if let Some(what) = difference(&expected, &state(&sandbox.folder)?) {
                return Err(differs(&moment, &what));
            }
        }
    }
    Ok(moments)
}

fn differs(moment: &str, what: &str) -> Error {
    let (number, when) = moment.split_once(':').unwrap_or((moment, "at"));
    Error::new(
        crate::base::error::Kind::Check,
        format!(
            "killed just {when} record {number} of its journal, the run does not end as it does undisturbed"
        ),
    )
    .why(what)
    .fix("let what the playbook does depend only on its parameters and on what its calls give")
}

/// All that a run can have changed in the copy, without what differs from run to run.
fn state(folder: &Path) -> Result<BTreeMap<String, String>> {
    let rules = [
        (r"\b[0-9]{8}-[0-9]{6}-[0-9a-f]{4,8}\b", "[run]"),
        (r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z?\b", "[time]"),
    ];
    let rules: Vec<(Regex, &str)> =
        rules.iter().filter_map(|(rule, with)| Some((Regex::new(rule).ok()?, *with))).collect();
    let clean = |text: &str| {
        rules.iter().fold(text.to_owned(), |text, (rule, with)| rule.replace_all(&text, *with).into_owned())
    };
    Ok(copying::contents(folder)?.into_iter().map(|(name, text)| (clean(&name), clean(&text))).collect())
}

fn difference(expected: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> Option<String> {
    let missing =
        expected.keys().find(|name| !found.contains_key(*name)).map(|name| format!("{name} is missing"));
    let more =
        || found.keys().find(|name| !expected.contains_key(*name)).map(|name| format!("{name} is there"));
    let other = || {
        let name =
            expected.iter().find(|(name, text)| found.get(*name) != Some(text)).map(|(name, _)| name)?;
        Some(format!("{name} has another content"))
    };
    missing.or_else(more).or_else(other)
}
