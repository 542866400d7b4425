//! A local process that outlives the run: started, stopped, and replaced by another release of itself.

mod archive;
mod control;
mod look;
mod settings;
mod state;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use self::control::Control;
use self::settings::Table;
use self::state::{State, told};
use crate::base::access::ResourceId;
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::environment::Resource;
use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
use crate::effect::primitive::{Primitive, entry};

/// The register's line.
pub const FAMILY: Family = Family {
    name: "service",
    about: "A local process that outlives the run: the embedded stand-in for a process supervisor. What was started \
            last is noted in `.playbook/services/`; nothing starts it again when it dies.",
    settings: Settings::of::<Table>(),
    entries: &[
        entry::<Start>(),
        entry::<Stop>(),
        entry::<Restart>(),
        entry::<Replace>(),
        entry::<Status>(),
        entry::<archive::ArchiveTo>(),
    ],
    health: Examine::By(|cx| Box::pin(look::look(cx))),
    store: None,
    sql: None,
    hosts: None,
};

/// Long enough for a slow end and a slow start.
const LONG: Duration = Duration::from_secs(60);

/// Starts the service and sees that it stays alive; nothing happens when it runs already. Taken back by stopping it.
/// Gives what `status` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Start {
    /// The release to start, which takes the place of `{release}` in the settings; the one started last when left out
    release: Option<String>,
}

impl Primitive for Start {
    const NAME: &'static str = "start";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"service("app").start("v1")"#;
    const TIMEOUT: Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        let release = self.release.as_ref().map(|release| format!(", release {release}")).unwrap_or_default();
        format!("start {}{release}", resource.name)
    }

    fn forbidden(&self, resource: &Resource, environment: &str) -> Option<Error> {
        Table::forbids(resource, environment, self.release.as_deref()?)
    }

    fn touches(&self) -> Option<String> {
        Some(String::new())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let control = Control::take(cx).await?;
        control.release(self.release.clone())?;
        Ok(match control.state()?.filter(State::runs) {
            Some(_) => Inverse::Nothing,
            None => stop(cx),
        })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        Control::take(cx).await?.state().map(|state| Some(state.is_some_and(|state| state.runs())))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let control = Control::take(&cx).await?;
        let release = control.release(self.release.clone())?;
        if let Some(state) = control.state()?.filter(State::runs) {
            if self.release.is_none() || state.release == release {
                return Ok(told(Some(&state)));
            }
            let running = state.release.as_deref().unwrap_or("without a release");
            return Err(Error::remote(format!("`{}` already runs another release", cx.resource()))
                .why(format!("it runs {running}, since {}", state.since))
                .fix("call `replace` to put another release in its place"));
        }
        let command = control.command(release.as_deref()).await?;
        control.end().await?;
        control.begin(&command, release).await?;
        Ok(told(control.state()?.as_ref()))
    }
}

/// Asks the service to end, and kills it when it does not; nothing happens when it does not run. Taken back by
/// starting the release that ran. Gives what `status` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Stop {}

impl Primitive for Stop {
    const NAME: &'static str = "stop";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"service("app").stop()"#;
    const TIMEOUT: Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("stop {}", resource.name)
    }

    fn touches(&self) -> Option<String> {
        Some(String::new())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let state = Control::take(cx).await?.state()?.filter(State::runs);
        Ok(state.map_or(Inverse::Nothing, |state| start(cx, state.release)))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        Ok(match Control::take(cx).await?.state()? {
            Some(state) if state.runs() => Some(false),
            // It was asked to end, and how it was before is known from the record alone.
            Some(state) if state.living().is_some() => None,
            _ => Some(true),
        })
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let control = Control::take(&cx).await?;
        control.end().await?;
        Ok(told(control.state()?.as_ref()))
    }
}

/// Ends the service and starts the same release again; starts it when it does not run. Taken back by seeing that it
/// is as it was: running, or stopped. Gives what `status` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Restart {}

impl Primitive for Restart {
    const NAME: &'static str = "restart";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"service("app").restart()"#;
    const TIMEOUT: Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("restart {}", resource.name)
    }

    fn touches(&self) -> Option<String> {
        Some(String::new())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let control = Control::take(cx).await?;
        control.release(None)?;
        let state = control.state()?.filter(State::runs);
        Ok(state.map_or_else(|| stop(cx), |state| start(cx, state.release)))
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        // Whether it is as it was left does not hang on which process it is.
        let state = Control::take(cx).await?.state()?.filter(State::runs);
        if !cx.is_settling() {
            return Ok(Some(state.is_some()));
        }
        let Some(before) = cx.witnessed() else { return Ok(Some(false)) };
        // What does not run may have been ended by it.
        Ok(state.map(|state| before["process"] != json!(state.process)))
    }

    async fn settled(&self, cx: &Cx) -> Result<Option<Value>> {
        Ok(Some(told(Control::take(cx).await?.state()?.as_ref())))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let control = Control::take(&cx).await?;
        let release = control.release(None)?;
        let before = control.state()?.and_then(|state| state.process);
        cx.witness(json!({ "process": before }))?;
        put_in_place(&control, release).await
    }
}

/// Ends the service and starts another release in its place; nothing happens when that release runs already. A release
/// whose program or folder is missing, or that may not be executed, is refused before anything is ended. Taken back by bringing the release back that ran.
/// Gives what `status` gives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Replace {
    /// The release to start, which takes the place of `{release}` in the settings
    release: String,
}

impl Primitive for Replace {
    const NAME: &'static str = "replace";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = r#"service("app").replace("v2")"#;
    const TIMEOUT: Duration = LONG;
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("replace {} by release {}", resource.name, self.release)
    }

    fn forbidden(&self, resource: &Resource, environment: &str) -> Option<Error> {
        Table::forbids(resource, environment, &self.release)
    }

    fn touches(&self) -> Option<String> {
        Some(String::new())
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let control = Control::take(cx).await?;
        control.judge_release(&self.release)?;
        let Some(state) = control.state()?.filter(State::runs) else { return Ok(stop(cx)) };
        Ok(match state.release {
            Some(running) if running == self.release => Inverse::Nothing,
            Some(running) => {
                Inverse::Call(Call::new(cx.resource().clone(), Self::NAME).with("release", running))
            }
            None => Inverse::none("what runs now was started without a release"),
        })
    }

    async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let state = Control::take(cx).await?.state()?.filter(State::runs);
        let runs = state.map(|state| state.release.as_ref() == Some(&self.release));
        // Of what does not run the record alone knows how it was before: this may have ended it.
        Ok(if cx.is_settling() { runs } else { Some(runs == Some(true)) })
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let control = Control::take(&cx).await?;
        control.judge_release(&self.release)?;
        let wanted = |state: &State| state.runs() && state.release.as_ref() == Some(&self.release);
        if let Some(state) = control.state()?.filter(wanted) {
            return Ok(told(Some(&state)));
        }
        put_in_place(&control, Some(self.release)).await
    }
}

/// Tells whether the service runs: `running`, `pid`, `release` (of a stopped one: the last), `since`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Status {}

impl Primitive for Status {
    const NAME: &'static str = "status";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"service("app").status().running"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("look whether {} runs", resource.name)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Ok(told(Control::take(&cx).await?.state()?.as_ref()))
    }
}

async fn put_in_place(control: &Control, release: Option<String>) -> Result<Value> {
    let command = control.command(release.as_deref()).await?;
    control.end().await?;
    // What ran does not any more: now a failure is never without a trace, whatever the start says of itself.
    control.begin(&command, release).await.map_err(|mut error| {
        error.unchanged = false;
        error
    })?;
    Ok(told(control.state()?.as_ref()))
}

fn stop(cx: &Cx) -> Inverse {
    Inverse::Call(Call::new(cx.resource().clone(), Stop::NAME))
}

fn start(cx: &Cx, release: Option<String>) -> Inverse {
    let call = Call::new(cx.resource().clone(), Start::NAME);
    Inverse::Call(match release {
        Some(release) => call.with("release", release),
        None => call,
    })
}
