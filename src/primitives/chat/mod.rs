//! A chat that people read: messages, replies in a thread, and changing what was posted.

mod look;
mod post;
mod settings;
mod slack;

use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::entry;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "chat",
    about: "A channel of a chat: Slack, what takes Slack's webhooks (Mattermost, Rocket.Chat), or a receiver of one's \
            own. A message that cannot be posted fails no run unless it `must`.",
    settings: Settings { schema: || schemars::schema_for!(settings::Table), check: settings::check },
    entries: &[entry::<post::Post>(), entry::<post::Update>()],
    health: Examine::By(|cx| Box::pin(look::look(cx))),
    store: None,
    sql: None,
    hosts: None,
};
