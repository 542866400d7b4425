//! A change of objects: foreseen by a dry run of the server itself, shown, carried out, and taken back field by field.

use serde_json::{Value, json};

use super::cluster::{Cluster, Way};
use super::difference;
use super::kind::Kind;
use super::object;
use super::revert::{Back, Revert};
use super::rollout;
use crate::base::call::{Call, Inverse};
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive as _;

/// What is asked to be different about one object.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// The kind of the object.
    pub(super) kind: Kind,
    /// Its name.
    pub(super) name: String,
    /// How the body is meant.
    pub(super) way: Way,
    /// What is to be so.
    pub(super) body: Value,
    /// It depends on what another change of the same call makes first, so that no dry run can tell.
    pub(super) is_unborn: bool,
    /// The file that asks for it, where it is one of several.
    pub(super) place: Option<String>,
}

/// What a change would do.
struct Foreseen {
    /// The object as it is; `None` when there is none.
    before: Option<Value>,
    /// The object as it would be; an error when the server cannot tell.
    after: Result<Value>,
    /// Whether it is a workload that has rolled out well.
    is_settled: bool,
}

impl Change {
    /// A patch of an object that is there.
    pub(super) fn patch(kind: Kind, name: &str, way: Way, body: Value) -> Self {
        Self { kind, name: name.to_owned(), way, body, is_unborn: false, place: None }
    }

    /// What people call the object: `deployment/web`.
    pub(super) fn spoken(&self) -> String {
        format!("{}/{}", self.kind.spoken(), self.name)
    }

    /// The error with the file that the change stands in.
    fn placed(&self, mut error: Error) -> Error {
        if let Some(place) = &self.place {
            error.what = format!("{place}: {}", error.what);
        }
        error
    }

    async fn foresee(&self, cluster: &Cluster) -> Result<Foreseen> {
        if self.is_unborn {
            let after = Ok(object::decided(&self.body));
            return Ok(Foreseen { before: None, after, is_settled: false });
        }
        let before = cluster.find(&self.kind, &self.name).await?;
        let after = cluster.patch((&self.kind, &self.name), &self.way, &self.body, true).await;
        let after = match after {
            // A webhook that knows no dry run is no fault of the change.
            Err(error)
                if error.why.as_deref().is_some_and(|why| why.contains("does not support dry run")) =>
            {
                Err(error)
            }
            Err(error) => return Err(self.placed(error)),
            Ok(after) => Ok(object::decided(&after)),
        };
        let is_settled = self.kind.rolls() && before.as_ref().is_some_and(rollout::is_settled);
        Ok(Foreseen { before: before.as_ref().map(object::decided), after, is_settled })
    }

    /// What leads back; `None` when nothing would change.
    fn back(&self, foreseen: &Foreseen) -> Option<Back> {
        let target = format!("{}/{}", self.kind.exact(), self.name);
        let lost = |why: String| Back { target: target.clone(), patch: None, waits: false, lost: Some(why) };
        match foreseen {
            Foreseen { before: None, .. } => Some(Back { target, patch: None, waits: false, lost: None }),
            Foreseen { after: Err(why), .. } => {
                let why = why.why.as_deref().unwrap_or(&why.what);
                Some(lost(format!(
                    "the server cannot tell beforehand what changes of {}: {why}",
                    self.spoken()
                )))
            }
            Foreseen { before: Some(before), after: Ok(after), is_settled } => {
                let patch = object::merge_patch(after, before)?;
                match self.kind.is_secret() {
                    true => {
                        Some(lost(format!("what {} held is not written into the journal", self.spoken())))
                    }
                    false => Some(Back { target, patch: Some(patch), waits: *is_settled, lost: None }),
                }
            }
        }
    }
}

/// How the changes are taken back, from what the server says that they would do. A plan shows what they would do.
pub(super) async fn inverse(cx: &Cx, cluster: &Cluster, changes: &[Change]) -> Result<Inverse> {
    let mut backs = Vec::new();
    for change in changes {
        let foreseen = change.foresee(cluster).await?;
        if cx.run() == "plan" {
            show(cx, change, &foreseen);
        }
        backs.extend(change.back(&foreseen));
    }
    let lost = backs.iter().find_map(|back| back.lost.clone());
    match lost {
        None if backs.is_empty() => Ok(Inverse::Nothing),
        Some(why) if backs.iter().all(|back| back.lost.is_some()) => Ok(Inverse::none(why)),
        _ => {
            let objects =
                serde_json::to_value(backs).map_err(|why| Error::bug("an inverse").why(why.to_string()))?;
            Ok(Inverse::Call(Call::new(cx.resource().clone(), Revert::NAME).with("objects", objects)))
        }
    }
}

/// Whether what the changes ask for is so already; `None` when the server cannot tell.
pub(super) async fn probe(cluster: &Cluster, changes: &[Change]) -> Result<Option<bool>> {
    for change in changes {
        let Foreseen { before, after, .. } = change.foresee(cluster).await?;
        match (before, after) {
            (None, _) => return Ok(Some(false)),
            (Some(_), Err(_)) => return Ok(None),
            (Some(before), Ok(after)) if before != after => return Ok(Some(false)),
            _ => {}
        }
    }
    Ok(Some(true))
}

/// Carries one change out. Gives `target`, `result` and `generation`.
pub(super) async fn carry_out(cluster: &Cluster, change: &Change) -> Result<Value> {
    let before = match change.is_unborn {
        true => None,
        false => cluster.find(&change.kind, &change.name).await.map_err(Error::unchanged)?,
    };
    let after = cluster.patch((&change.kind, &change.name), &change.way, &change.body, false).await;
    let after = after.map_err(|error| change.placed(error))?;
    let version = |object: &Value| object::text(object, "/metadata/resourceVersion").to_owned();
    let result = match before {
        None => "created",
        Some(before) if version(&before) == version(&after) => "unchanged",
        Some(_) => "changed",
    };
    Ok(json!({
        "target": change.spoken(), "result": result, "generation": object::number(&after, "/metadata/generation"),
    }))
}

fn show(cx: &Cx, change: &Change, foreseen: &Foreseen) {
    let masked = |object: &Value| match change.kind.is_secret() {
        true => difference::masked(object, foreseen.before.as_ref()),
        false => object.clone(),
    };
    let spoken = change.spoken();
    match foreseen {
        Foreseen { after: Err(why), .. } => {
            cx.line(false, &format!("{spoken}: the server cannot tell what would change: {}", why.what));
        }
        Foreseen { before: None, after: Ok(after), .. } => {
            difference::tell(cx, &format!("{spoken} would be created"), None, &masked(after));
        }
        Foreseen { before: Some(before), after: Ok(after), .. } if before == after => {
            cx.line(false, &format!("{spoken} is like that already"));
        }
        Foreseen { before: Some(before), after: Ok(after), .. } => {
            difference::tell(cx, &format!("{spoken} would change"), Some(&masked(before)), &masked(after));
        }
    }
}
