//! Whether the program is there, whether a list says what it may be run with, and its version where it may be asked.

use super::settings::Table;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::effect::output::kept;
use crate::sys::process::{self, Status, Stdin};

/// The arguments that most programs tell their version for.
const VERSION: &str = "--version";

/// Finds the program. It is run only where its list `read` allows `["--version"]`.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let table: Table = cx.settings()?;
    let path = table.find(&cx)?;
    let mut health = Health::reached().fact(path.display().to_string());
    let asks = vec![VERSION.to_owned()];
    if table.permit(&cx, Effect::Read, &asks).is_ok() {
        let command = table.command(&cx, asks).await?;
        cx.close_gracefully();
        let ended = process::run(&command, Stdin::Null, cx.stop(), &|_| ()).await?;
        health = match ended.status {
            Status::Code(code) if table.ok.contains(&code) => health
                .version(text::headline(kept(&cx, &ended.stdout).lines().next().unwrap_or_default(), 60)),
            status => health.trouble(
                Error::remote(format!("`{} {VERSION}` {status}", cx.resource().name))
                    .why(kept(&cx, &ended.stderr)),
            ),
        };
    } else {
        // Secrets and folder are part of every call.
        table.command(&cx, Vec::new()).await?;
    }
    if table.allows_nothing() {
        let error = Error::usage(format!("`{}` may be run with nothing: it has no list", cx.resource()));
        return Ok(health.refused(
            error.fix(format!(
                "add for example `read = [[\"--version\"]]` to {} of playbook.toml",
                cx.table()
            )),
        ));
    }
    Ok(health.permitted())
}
