//! Kubernetes: one namespace of a cluster. Objects are applied, rolled out, watched and put back; jobs and commands run.

mod apply;
mod change;
mod cluster;
mod delete;
mod difference;
mod errors;
mod events;
mod exec;
mod get;
mod kind;
mod logs;
mod look;
mod manifest;
mod object;
mod patch;
mod pause;
mod pods;
mod restart;
mod revert;
mod rollout;
mod run_job;
mod scale;
mod set_image;
mod settings;
mod shift;
mod silence;
mod target;
mod undo;
mod values;
mod wait_for;

use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "kubernetes",
    about: "One namespace of a Kubernetes cluster: manifests by server-side apply, rollouts judged from their state, jobs, \
            commands, logs and events, traffic between two workloads. What was changed is put back field by field.",
    settings: Settings { schema: || schemars::schema_for!(settings::Table), check: settings::check },
    entries: &[
        entry::<get::Get>(),
        entry::<get::List>(),
        entry::<events::Events>(),
        entry::<logs::Logs>(),
        entry::<rollout::RolloutStatus>(),
        entry::<wait_for::WaitFor>(),
        entry::<shift::Weights>(),
        entry::<apply::Apply>(),
        entry::<patch::Patch>(),
        entry::<set_image::SetImage>(),
        entry::<scale::Scale>(),
        entry::<restart::Restart>(),
        entry::<undo::Undo>(),
        entry::<pause::Pause>(),
        entry::<pause::Resume>(),
        entry::<shift::Shift>(),
        entry::<exec::Exec>(),
        entry::<run_job::RunJob>(),
        entry::<revert::Revert>(),
        entry::<delete::Delete>(),
    ],
    health: Examine::By(|cx| Box::pin(look::look(cx))),
    store: None,
    sql: None,
    hosts: None,
};
