//! Whether the pager can be reached, and as far as it tells without an incident, whether its key is good.

use super::settings::{Kind, Pager};
use crate::base::error::{Error, Result};
use crate::effect::api::Ask;
use crate::effect::cx::Cx;
use crate::effect::health::Health;

/// The length of PagerDuty's integration keys.
const KEY: usize = 32;

/// Asks Opsgenie how many alerts there are; PagerDuty only whether it is there.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let pager = Pager::of(&cx).await?;
    if pager.table.kind == Kind::Opsgenie {
        return match pager.api.ask(&cx, &Ask::get(&["v2", "alerts", "count"]), "count the alerts").await {
            Ok(reply) => {
                Ok(Health::reached().version("Opsgenie API v2").date(reply.header("date")).permitted())
            }
            Err(error) => Health::or_refused(error),
        };
    }
    let reply = pager.api.send(&cx, &Ask::get(&[])).await?;
    let health = Health::reached()
        .version("PagerDuty Events API v2")
        .date(reply.header("date"))
        .fact("only an incident could tell whether its key is good");
    if pager.key.expose().len() == KEY {
        return Ok(health);
    }
    let error = Error::remote(format!("the key of `{}` is no integration key of PagerDuty", cx.resource()))
        .why(format!("it has {} characters, not {KEY}", pager.key.expose().len()));
    Ok(health.trouble(error.fix("make an integration `Events API v2` for the service, and take its key")))
}
