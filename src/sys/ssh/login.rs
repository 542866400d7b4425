//! Logging in: keys, then an agent's, then a password; what was tried is told when nothing of it was good.

use super::session::unreachable;
use super::{Broken, Patience, Session, Target};
use crate::base::error::{Error, REFUSED, Result};

/// Logs in by whatever the target has.
pub(super) fn log_in(session: &mut Session, target: &Target, patience: &Patience) -> Result<()> {
    let mut tried = Tried::default();
    let by = |way: fn(&Session, &Target, &Patience, &mut Tried) -> Result<bool, Broken>,
              tried: &mut Tried| {
        way(session, target, patience, tried).map_err(|broken| unreachable(target, &broken))
    };
    if by(keys, &mut tried)? || by(agent, &mut tried)? || by(password, &mut tried)? {
        return Ok(());
    }
    let accepted =
        match session.patiently(patience, || session.inner.auth_methods(target.user()).map(str::to_owned)) {
            Ok(methods) => format!("it accepts {methods}"),
            Err(broken) => broken.words(),
        };
    let mut why = tried.words;
    if why.is_empty() {
        why.push("there was nothing to try: no key, no agent, no password".to_owned());
    }
    why.push(accepted);
    Err(Error::new(
        crate::base::error::Kind::Remote,
        format!("{} does not let the user `{}` in", target.shown(), target.user()),
    )
    .why(why.join("\n"))
    .detail(REFUSED, true)
    .fix("check `user`, and that `key`, the agent or `password` is one that this machine accepts (its authorized_keys)"))
}

/// What was tried, in words.
#[derive(Default)]
struct Tried {
    words: Vec<String>,
}

impl Tried {
    /// Notes how a try ended; a broken connection ends all of them.
    fn note(&mut self, what: String, ended: Result<(), Broken>) -> Result<bool, Broken> {
        match ended {
            Ok(()) => Ok(true),
            Err(Broken::Failed(why)) => {
                self.words.push(format!("{what}: {why}"));
                Ok(false)
            }
            Err(broken) => Err(broken),
        }
    }
}

fn keys(session: &Session, target: &Target, patience: &Patience, tried: &mut Tried) -> Result<bool, Broken> {
    let login = &target.login;
    let passphrase = login.passphrase.as_ref().map(|passphrase| passphrase.expose());
    for (name, key) in &login.keys {
        let ended = session.patiently(patience, || {
            session.inner.userauth_pubkey_memory(target.user(), None, key.expose(), passphrase)
        });
        if tried.note(format!("the key {name}"), ended)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn agent(session: &Session, target: &Target, patience: &Patience, tried: &mut Tried) -> Result<bool, Broken> {
    let Some(path) = &target.login.agent else { return Ok(false) };
    let open = || -> Result<_, ssh2::Error> {
        let mut agent = session.inner.agent()?;
        agent.set_identity_path(path)?;
        agent.connect()?;
        agent.list_identities()?;
        let keys = agent.identities()?;
        Ok((agent, keys))
    };
    let (agent, keys) = match open() {
        Ok(open) => open,
        Err(why) => return tried.note(format!("the agent {}", path.display()), Err(why.into())),
    };
    if keys.is_empty() {
        return tried.note("the agent".to_owned(), Err(Broken::Failed("it holds no key".to_owned())));
    }
    for key in &keys {
        let ended = session.patiently(patience, || agent.userauth(target.user(), key));
        if tried.note(format!("the agent's key {}", key.comment()), ended)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn password(
    session: &Session,
    target: &Target,
    patience: &Patience,
    tried: &mut Tried,
) -> Result<bool, Broken> {
    let Some(password) = &target.login.password else { return Ok(false) };
    let ended =
        session.patiently(patience, || session.inner.userauth_password(target.user(), password.expose()));
    tried.note("the password".to_owned(), ended)
}
