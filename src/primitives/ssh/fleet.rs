//! The hosts of a group and their sessions: one for each host and the whole run, lent to one call at a time; a second
//! one is made only while the first is in use.

use std::sync::{Arc, Mutex};

use super::idle::Idle;
use super::trouble::Trouble;
use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::sys::ssh::{Broken, Cut, Jump, Patience, Session, Target};

/// The hosts of a group.
#[derive(Clone, Debug)]
pub(super) struct Fleet(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    targets: Vec<Target>,
    jump: Option<Target>,
    idle: Arc<Idle>,
    led: Mutex<Option<Arc<Jump>>>,
}

impl Fleet {
    pub(super) fn new(targets: Vec<Target>, jump: Option<Target>) -> Self {
        Self(Arc::new(Inner { targets, jump, idle: Idle::begin(), led: Mutex::default() }))
    }

    /// All hosts, in order.
    pub(super) fn all(&self) -> &[Target] {
        &self.0.targets
    }

    /// The hosts of these names; all of them when none are given.
    pub(super) fn choose(&self, names: Option<&[String]>) -> Result<Vec<Target>> {
        let Some(names) = names else { return Ok(self.0.targets.clone()) };
        let find = |name: &String| {
            self.0.targets.iter().find(|target| target.name == *name).cloned().ok_or_else(|| {
                let known = self.0.targets.iter().map(|target| target.name.as_str());
                Error::usage(format!("the group has no host `{name}`")).fix(suggest::advice(name, known))
            })
        };
        names.iter().map(find).collect()
    }

    /// Does `work` in a session with a host. It blocks its thread. A session that lay idle and turns out to be lost is
    /// replaced once, when nothing had begun.
    pub(super) fn with<T>(
        &self,
        target: &Target,
        patience: &Patience,
        mut work: impl FnMut(&Session) -> Result<T, Cut>,
    ) -> Result<T, Trouble> {
        let idle = self.0.idle.take(&target.name);
        let mut is_used = idle.is_some();
        let mut session = match idle {
            Some(session) => session,
            None => self.connect(target, patience).map_err(Trouble::Unreachable)?,
        };
        loop {
            match work(&session) {
                Ok(done) => {
                    self.0.idle.put(&target.name, session);
                    return Ok(done);
                }
                Err(Cut { why: Broken::Failed(_), began: false, .. }) if is_used => {
                    session = self.connect(target, patience).map_err(Trouble::Unreachable)?;
                    is_used = false;
                }
                Err(cut) => return Err(Trouble::Cut(cut)),
            }
        }
    }

    fn connect(&self, target: &Target, patience: &Patience) -> Result<Session> {
        match &self.0.jump {
            None => Session::connect(target, None, patience),
            Some(jump) => Session::connect(target, Some(&*self.jump(jump, patience)?), patience),
        }
    }

    /// The session with the host that leads to the others, made once; others wait for it.
    fn jump(&self, target: &Target, patience: &Patience) -> Result<Arc<Jump>> {
        let mut led = self.0.led.lock().map_err(|_| Error::bug("the way through a host is poisoned"))?;
        if let Some(jump) = led.as_ref().filter(|jump| jump.is_open()) {
            return Ok(Arc::clone(jump));
        }
        let jump = Arc::new(Jump::begin(target, patience)?);
        *led = Some(Arc::clone(&jump));
        Ok(jump)
    }
}
