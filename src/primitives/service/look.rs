//! Whether the service runs, which release, and whether its program is there.

use super::control::Control;
use super::state::State;
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::health::Health;

/// Reads the note of what was started last, and finds the program of that release.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let control = Control::take(&cx).await?;
    let state = control.state()?;
    let release = state.as_ref().and_then(|state| state.release.clone());
    let health = match state.filter(State::runs) {
        Some(state) => Health::reached().fact(format!("runs since {}", state.since)),
        None if release.is_some() => Health::reached().fact("stopped"),
        None => Health::reached().fact("not running"),
    };
    let health = match &release {
        Some(release) => health.version(format!("release {release}")),
        // Which program it is depends on the release, and there is none yet.
        None if control.has_releases() => {
            control.find_program()?;
            return Ok(health.fact("never started").permitted());
        }
        None => health,
    };
    control.command(release.as_deref()).await?;
    Ok(health.permitted())
}
