//! What a running primitive is handed: its resource's settings, and the doors to the outside that its permit opens.

use std::any::{Any, TypeId};
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::family;
pub use super::host::Host;
use super::hosts::Hosts;
use super::inside::{inside, present};
use super::journal::{Journal, RunJournal, State};
use super::policy::Permit;
use super::secrets;
use super::sql::Sql;
use super::store::Store;
use super::witness::Witness;
use crate::base::access::{Access, ResourceId};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::event::{Event, Position};
use crate::base::redact::Redactor;
use crate::base::secret::{Revealed, Secret, Setting};
use crate::sys::stop::Stop;
use crate::sys::{blocking, clock};

/// What a running primitive is handed. Clones are the same call.
#[derive(Clone, Debug)]
pub struct Cx {
    host: Arc<Host>,
    resource: ResourceId,
    permit: Permit,
    stop: Stop,
    graceful: Arc<AtomicBool>,
    pub(super) run: Option<RunJournal>,
    /// The run of the past whose call it is.
    past: Option<String>,
    pub(super) position: Position,
    ends: Option<Instant>,
    pub(super) witness: Witness,
    pub(super) settling: bool,
}

impl Cx {
    /// The context of one call; only the pipeline makes one.
    pub(super) fn new(host: Arc<Host>, resource: ResourceId, permit: Permit, stop: Stop) -> Self {
        Self {
            host,
            resource,
            permit,
            stop,
            graceful: Arc::default(),
            run: None,
            past: None,
            position: Position::default(),
            ends: None,
            witness: Witness::default(),
            settling: false,
        }
    }

    /// The same context, of a call of that run.
    pub(super) fn of_run(self, journal: RunJournal) -> Self {
        Self { run: Some(journal), ..self }
    }

    /// The same context, of a call that a run of the past has made: what carries a mark of its run carries that one's.
    pub(super) fn of_past(self, run: &str) -> Self {
        Self { past: Some(run.to_owned()), ..self }
    }

    /// The same context, of a call whose time is over then.
    pub(super) fn ending(self, at: Instant) -> Self {
        Self { ends: Some(at), ..self }
    }

    /// How much of its time the call has left; `None` where nothing bounds it.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        self.ends.map(|ends| ends.saturating_duration_since(clock::instant()))
    }

    /// The same context, of the call at that position of its run.
    pub(super) fn at(self, position: Position) -> Self {
        Self { position, ..self }
    }

    /// The resource acted on.
    #[must_use]
    pub const fn resource(&self) -> &ResourceId {
        &self.resource
    }

    /// The name of the run's environment.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.host.environment.name
    }

    /// The table of `playbook.toml` that declares the resource.
    #[must_use]
    pub fn table(&self) -> String {
        format!("[env.{}.{}]", self.host.environment.name, self.resource)
    }

    /// The strongest effect that the environment grants on the resource, whatever this call may do.
    #[must_use]
    pub fn granted(&self) -> Effect {
        self.host.resource(&self.resource).map_or(Effect::Read, |resource| resource.grant)
    }

    /// The settings of the resource, secrets still as references.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T> {
        let resource = self.host.resource(&self.resource)?;
        T::deserialize(&resource.settings).map_err(|why| {
            Error::usage(format!("wrong settings of [env.{}.{}]", self.host.environment.name, self.resource))
                .why(why.to_string())
        })
    }

    /// The value of a secret; from now on it is taken out of everything that is shown or kept.
    pub async fn reveal(&self, secret: &Secret) -> Result<Revealed> {
        secrets::read(self, &secret.0).await
    }

    /// The text of a setting; when it is a reference, its value is treated as a secret.
    pub async fn text(&self, setting: &Setting) -> Result<Revealed> {
        match setting {
            Setting::Plain(text) => Ok(Revealed::new(text.clone())),
            Setting::Reference(reference) => secrets::read(self, reference).await,
        }
    }

    /// The same call's context on a resource that keeps secrets, which every resource of the environment may use.
    pub(super) fn on_keeper(&self, keeper: &ResourceId) -> Self {
        Self { resource: keeper.clone(), ..self.clone() }
    }

    /// What all calls of the run share.
    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// What calls on the same resource share for the whole run (a pool, a client), made at the first call.
    pub async fn shared<T, F>(&self, make: F) -> Result<Arc<T>>
    where
        T: Any + Send + Sync,
        F: Future<Output = Result<T>>,
    {
        let pool = {
            let mut pools =
                self.host.pools.lock().map_err(|_| Error::bug("the table of pools is poisoned"))?;
            Arc::clone(pools.entry((TypeId::of::<T>(), self.resource.clone())).or_default())
        };
        let value = pool
            .get_or_try_init(|| async {
                make.await.map(|value| Arc::new(value) as Arc<dyn Any + Send + Sync>)
            })
            .await?;
        Arc::clone(value).downcast::<T>().map_err(|_| Error::bug("a pool has another type than its key"))
    }

    /// Whether this resource is a face of another one: its own settings name it (`database = "sqlite.main"`). Who
    /// wrote that into the environment granted it, as far as the permit goes on the face itself.
    fn stands_before(&self, resource: &ResourceId, effect: Effect) -> bool {
        let name = resource.to_string();
        let named = |value: &serde_json::Value| value.as_str() == Some(&name);
        let settings = self.host.resource(&self.resource).ok().and_then(|face| face.settings.as_object());
        settings.is_some_and(|settings| settings.values().any(named))
            && self.permit.covers(&Access::new(self.resource.clone(), effect))
    }

    /// The same call's context on another resource that its permit lists, or that its own resource is a face of.
    pub fn on(&self, resource: &ResourceId, effect: Effect) -> Result<Self> {
        let access = Access::new(resource.clone(), effect);
        if !self.permit.covers(&access) && !self.stands_before(resource, effect) {
            return Err(Error::bug(format!(
                "a primitive of `{}` reached for `{access}`, which its `needs` do not list",
                self.resource
            )));
        }
        Ok(Self { resource: resource.clone(), ..self.clone() })
    }

    /// Another resource as a store of objects.
    pub async fn store(&self, resource: &ResourceId, effect: Effect) -> Result<Arc<dyn Store>> {
        let cx = self.on(resource, effect)?;
        let open = family::find(self.host.families, &resource.family).and_then(|family| family.store);
        open.ok_or_else(|| {
            Error::usage(format!("`{resource}` is no store of objects"))
                .fix("name a resource of `files` or another store")
        })?(cx)
        .await
    }

    /// Another resource as an SQL database.
    pub async fn sql(&self, resource: &ResourceId, effect: Effect) -> Result<Arc<dyn Sql>> {
        let cx = self.on(resource, effect)?;
        let open = family::find(self.host.families, &resource.family).and_then(|family| family.sql);
        open.ok_or_else(|| {
            Error::usage(format!("`{resource}` is no SQL database"))
                .fix("name a resource of `sqlite` or `postgres`")
        })?(cx)
        .await
    }

    /// Another resource as machines that run commands.
    pub async fn hosts(&self, resource: &ResourceId, effect: Effect) -> Result<Arc<dyn Hosts>> {
        let cx = self.on(resource, effect)?;
        let open = family::find(self.host.families, &resource.family).and_then(|family| family.hosts);
        open.ok_or_else(|| {
            Error::usage(format!("no commands can be run on `{resource}`")).fix("name a resource of `ssh`")
        })?(cx)
        .await
    }

    /// A path of the project. `..`, absolute paths and symbolic links out of the project are refused.
    pub fn path(&self, relative: &str) -> Result<PathBuf> {
        inside(&self.host.project, Path::new(relative))
    }

    /// A file of the project that has to be there.
    pub fn file(&self, relative: &str) -> Result<PathBuf> {
        present(&self.host.project, relative)
    }

    /// A path from `playbook.toml`, which may lie anywhere: relative ones begin at the project.
    #[must_use]
    pub fn trusted_path(&self, path: &str) -> PathBuf {
        self.host.project.join(path)
    }

    /// The id of the run that the call belongs to; `plan` while planning.
    #[must_use]
    pub fn run(&self) -> &str {
        let own = || self.run.as_ref().map_or("plan", RunJournal::id);
        self.past.as_deref().unwrap_or_else(own)
    }

    /// Names this one call, the same each time that it is tried: for systems that tell a second try by such a name.
    #[must_use]
    pub fn call_id(&self) -> String {
        format!("{}/{}", self.run(), self.position)
    }

    /// Writes what the run has journalled so far, each entry as a line of JSON, without secrets as they are kept. It
    /// blocks its thread.
    pub fn write_journal(&self, to: &mut dyn Write) -> Result<()> {
        let none = || Error::bug("a plan has no journal");
        let run = self.run.as_ref().ok_or_else(none)?;
        run.flush()?;
        Journal::find(&self.host.project)?.ok_or_else(none)?.write_entries(run.id(), to)
    }

    /// Whether a run of this project has ended or was cut off; `None` when the project knows no such run.
    pub async fn is_over(&self, run: &str) -> Result<Option<bool>> {
        let (project, run) = (self.host.project.clone(), run.to_owned());
        blocking::run(move || {
            let state = Journal::find(&project)?.map(|journal| journal.state(&run)).transpose()?.flatten();
            Ok(state.map(|state| !matches!(state, State::Running | State::Waiting)))
        })
        .await
    }

    /// The newest of the runs that began after this one and changed the same resource, in words; `None` when there is none.
    pub(super) async fn changed_by_later(&self) -> Result<Option<String>> {
        let (project, run) = (self.host.project.clone(), self.run().to_owned());
        let (resource, families) = (self.resource.to_string(), self.host.families);
        blocking::run(move || {
            let Some(journal) = Journal::find(&project)? else { return Ok(None) };
            for later in journal.later(&journal.run(&run)?)? {
                if journal.changed(families, &later.id, |_| true)?.contains(&resource) {
                    return Ok(Some(format!("the run {} of {}", later.id, later.facts.playbook)));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Shows a line of output as it comes, without secrets.
    pub fn line(&self, error: bool, text: &str) {
        let text = self.host.redactor.text(text);
        self.host.tell(&Event::Line { from: self.resource.to_string(), error, text });
    }

    /// The same of one part of the resource: of one host of a group.
    pub fn line_of(&self, part: &str, error: bool, text: &str) {
        let text = self.host.redactor.text(text);
        self.host.tell(&Event::Line { from: format!("{} {part}", self.resource), error, text });
    }

    /// Shows how far a long transfer is.
    pub fn progress(&self, what: &str, done: u64, total: Option<u64>) {
        self.host.tell(&Event::Progress { what: format!("{} {what}", self.resource), done, total });
    }

    /// Knows the secrets revealed so far.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.host.redactor
    }

    /// The signal to stop: given on Ctrl-C, on a deadline, when a sibling failed.
    #[must_use]
    pub const fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Asks for time to close properly after a stop: whoever calls this ends by itself soon after the signal.
    pub fn close_gracefully(&self) {
        self.graceful.store(true, Ordering::Release);
    }

    /// The same call under another stop, for a second try.
    pub(super) fn with_stop(&self, stop: Stop) -> Self {
        Self { stop, graceful: Arc::default(), ..self.clone() }
    }

    /// Whether [`Cx::close_gracefully`] was called.
    pub(super) fn is_graceful(&self) -> bool {
        self.graceful.load(Ordering::Acquire)
    }

    /// Waits between two looks at something; ends early, with an error, on a stop.
    pub async fn pause(&self, duration: Duration) -> Result<()> {
        self.stop.pause(duration).await
    }

    /// The steady clock.
    #[must_use]
    pub fn instant(&self) -> Instant {
        clock::instant()
    }

    /// The wall clock, RFC 3339.
    #[must_use]
    pub fn now(&self) -> String {
        clock::now().to_string()
    }

    /// What the wall clock will show after a while, RFC 3339.
    #[must_use]
    pub fn after(&self, duration: Duration) -> String {
        clock::after(duration).to_string()
    }

    /// The wall clock, in seconds since 1970.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        clock::now().as_millisecond() as f64 / 1e3
    }
}
