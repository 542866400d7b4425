//! pm2, the process manager of Node applications: here or on each host of a group, and never believed before the
//! processes are seen to stay up.

mod archive;
mod change;
mod daemon;
mod door;
mod fresh;
mod logs;
mod process;
mod restore;
mod settings;
mod settle;
mod start;
mod withdraw;

use std::time::Duration;

use self::settings::Table;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::health::{Examine, Health};
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "pm2",
    about: "pm2, the process manager of Node applications, on this machine or on the hosts of an `ssh` resource. A change \
            is done when the processes are online, with new pids where they were started anew, and stay so for a while.",
    settings: Settings { schema: || schemars::schema_for!(Table), check: settings::check },
    entries: &[
        entry::<logs::List>(),
        entry::<logs::Describe>(),
        entry::<start::Start>(),
        entry::<change::Stop>(),
        entry::<change::Reload>(),
        entry::<change::Restart>(),
        entry::<change::Delete>(),
        entry::<restore::Restore>(),
        entry::<withdraw::Withdraw>(),
        entry::<logs::Logs>(),
        entry::<archive::ArchiveTo>(),
    ],
    health: Examine::By(|cx| Box::pin(look(cx))),
    store: None,
    sql: None,
    hosts: None,
};

/// How long a change may take, on all hosts together.
const LONG: Duration = Duration::from_secs(600);

/// Asks every place for its processes, and the first for the version.
async fn look(cx: Cx) -> Result<Health> {
    let pm2 = door::Pm2::open(&cx, Effect::Read).await?;
    let all = pm2.list_running().await?;
    let version = match pm2.places.first() {
        Some(host) => pm2.version(host).await?,
        None => String::new(),
    };
    let online = all.iter().filter(|process| process.status == "online").count();
    let health = Health::reached().fact(format!("{online} of {} processes are online", all.len()));
    let health = if version.is_empty() { health } else { health.version(format!("pm2 {version}")) };
    Ok(if pm2.places.len() > 1 { health.fact(format!("on {} hosts", pm2.places.len())) } else { health })
}
