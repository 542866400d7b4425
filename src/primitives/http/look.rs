//! Whether the service answers at its base address, whatever it answers there.

use super::service;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::sys::http::Request;

/// Asks for the base address. A path that is not there answers as well as any other.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let service = service(&cx).await?;
    let answer = service.client.send(Request::get(service.client.base().clone()), 0).await?;
    let header =
        |name: &str| answer.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str());
    let health = Health::reached().date(header("date")).version(header("server").unwrap_or_default());
    let what = format!("`{}` answers {} at its base address", cx.resource(), answer.status_line);
    Ok(match answer.status {
        401 => health.refused(
            Error::remote(what)
                .fix(format!("set `token`, or `user` and `password`, of {} in playbook.toml", cx.table())),
        ),
        403 => health
            .fact("it refuses its base address itself")
            .trouble(Error::remote(what).fix("check what its token may do, or correct `url`")),
        500.. => health.trouble(Error::remote(what).fix("look at the server's log")),
        _ => health.fact(format!("answers {}", answer.status)),
    })
}
