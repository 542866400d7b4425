//! Whether processes really came up: online, with new pids where they were started anew, and so for a while.

use std::time::Duration;

use super::door::Pm2;
use super::process::Process;
use crate::base::error::{Error, Result};
use crate::base::text;

/// Between two looks; each starts Node over there.
const BETWEEN: Duration = Duration::from_millis(300);
/// How many lines of an error log are quoted.
const QUOTED: usize = 15;

/// Waits until every process of `names` on a place is online, none with a pid of `old`, and until they have stayed so for
/// the settle time. Gives them.
pub(super) async fn online(pm2: &Pm2, host: &str, names: &[String], old: &[u64]) -> Result<Vec<Process>> {
    let begin = pm2.cx.instant();
    let mut since = begin;
    let mut before: Vec<Process> = Vec::new();
    loop {
        let all = pm2.list(host).await?;
        for name in names {
            if !all.iter().any(|one| one.name == *name) {
                return Err(Error::remote(format!("pm2 on {host} did not start `{name}`"))
                    .why("it lists no such process, although it gave no error")
                    .fix("check the name, and that the ecosystem file has it"));
            }
        }
        let ours: Vec<Process> = all.into_iter().filter(|one| names.contains(&one.name)).collect();
        if let Some(wrong) = ours.iter().find(|one| matches!(one.status.as_str(), "errored" | "stopped")) {
            return Err(died(pm2, wrong, &format!("is {}", wrong.status)).await);
        }
        if let Some(wrong) = ours.iter().find(|one| has_crashed(one, &before)) {
            return Err(died(pm2, wrong, "does not stay online: pm2 keeps starting it again").await);
        }
        let is_up = |one: &Process| one.is_online() && !old.contains(&one.pid);
        if !ours.iter().all(is_up) {
            since = pm2.cx.instant();
        } else if since.elapsed() >= pm2.settle && !before.is_empty() {
            return Ok(ours);
        }
        if begin.elapsed() > pm2.within + pm2.settle {
            let slow = ours.iter().find(|one| !is_up(one));
            let shown = slow.map_or_else(|| names.join(", "), Process::shown);
            let status = slow.map_or("unsettled", |one| one.status.as_str());
            return Err(Error::timeout(format!(
                "{shown} did not come online within {}",
                text::show_duration(pm2.within)
            ))
            .why(format!("it is {status}"))
            .fix("look at its log, or raise `within` in the settings"));
        }
        before = ours;
        pm2.cx.pause(BETWEEN.min(pm2.settle.max(Duration::from_millis(50)))).await?;
    }
}

/// Whether a process was started again by pm2 itself since the last look.
fn has_crashed(one: &Process, before: &[Process]) -> bool {
    before.iter().any(|old| {
        old.id == one.id
            && old.is_online()
            && (one.restarts > old.restarts || (one.is_online() && one.pid != old.pid))
    })
}

/// The error for a process that did not stay up, with its own last words.
async fn died(pm2: &Pm2, process: &Process, how: &str) -> Error {
    let said = match pm2.tail(&process.host, &process.err_log, QUOTED).await {
        Ok(said) if !said.is_empty() => Ok(said),
        _ => pm2.tail(&process.host, &process.out_log, QUOTED).await,
    };
    let why = match said {
        Ok(said) if !said.is_empty() => {
            // Each start said the same.
            let mut lines: Vec<&str> = said.lines().collect();
            lines.dedup();
            lines.join("\n")
        }
        _ => format!("it has written nothing to {}", process.err_log),
    };
    Error::remote(format!("{} {how}", process.shown()))
        .why(why)
        .fix(format!("see {} on {}", process.err_log, process.host))
        .detail("restarts", process.restarts)
        .detail("status", process.status.clone())
}
