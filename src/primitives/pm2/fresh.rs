//! Which processes there were before a change that starts some anew, so that it can be told afterwards whether it was made.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::door::Pm2;
use super::process::Process;
use super::settle;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;

/// The field of a witness that holds the pids that there were, by place.
const PIDS: &str = "pids";

/// The processes of each place, in the order in which the places are taken.
pub(super) type Listed = Vec<(String, Vec<Process>)>;

/// Lists every place, and keeps which pids there are, just before any process is started anew.
pub(super) async fn keep(pm2: &Pm2) -> Result<Listed> {
    let mut listed = Listed::new();
    for host in &pm2.places {
        listed.push((host.clone(), pm2.list(host).await?));
    }
    let pids: BTreeMap<&String, Vec<u64>> =
        listed.iter().map(|(host, all)| (host, all.iter().map(|one| one.pid).collect())).collect();
    pm2.cx.witness(json!({ PIDS: pids }))?;
    Ok(listed)
}

/// Whether the processes of `names` were started anew everywhere since [`keep`], and stay up; `None` when it cannot be
/// told.
pub(super) async fn are_there(cx: &Cx, names: &[String]) -> Result<Option<bool>> {
    if !cx.is_settling() || names.is_empty() {
        return Ok(None);
    }
    let Some(told) = cx.witnessed() else { return Ok(Some(false)) };
    let pm2 = Pm2::open(cx, Effect::Read).await?;
    for host in &pm2.places {
        let old: Vec<u64> =
            told[PIDS][host].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        let all = pm2.list(host).await?;
        let is_new = |name: &String| {
            let mut ours = all.iter().filter(|one| one.name == *name).peekable();
            ours.peek().is_some() && ours.all(|one| one.is_online() && !old.contains(&one.pid))
        };
        if !names.iter().all(is_new) || settle::online(&pm2, host, names, &[]).await.is_err() {
            return Ok(Some(false));
        }
    }
    Ok(Some(true))
}

/// The processes of `names`, as the call would have given them.
pub(super) async fn receipt(cx: &Cx, names: &[String]) -> Result<Option<Value>> {
    let all = Pm2::open(cx, Effect::Read).await?.list_all().await?;
    Ok(Some(all.iter().filter(|one| names.contains(&one.name)).map(Process::value).collect()))
}
