//! Signatures of answers at gates: made and checked by `ssh-keygen`, with the keys that people have anyway.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD as STANDARD, BASE64_STANDARD_NO_PAD as STANDARD_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::base::error::{Error, Kind, Result};
use crate::base::gate::{Answer, Asked};
use crate::base::secret::Revealed;
use crate::base::text;
use crate::sys::process::{self, Command, Ended, Status, Stdin};
use crate::sys::scratch::Scratch;
use crate::sys::stop::Stop;
use crate::sys::{clock, environment, files};

/// What the signatures are for; one for another purpose does not count.
pub const NAMESPACE: &str = "playbook-approval";

/// How long `ssh-keygen` may take: an agent may ask its owner to touch a key.
const PATIENCE: Duration = Duration::from_secs(60);

/// A key file is small.
const LARGEST: u64 = 64 * 1024;

/// The kinds of keys that ssh signs with.
const KINDS: &[&str] = &[
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// What people decide on at a gate.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    /// The environment's name.
    pub environment: &'a str,
    /// The playbook's file.
    pub playbook: &'a str,
    /// SHA-256 of the playbook and its modules.
    pub script: &'a str,
    /// The hash of the saved plan that the run is held to.
    pub plan: Option<&'a str>,
    /// The parameters.
    pub parameters: &'a Map<String, Value>,
}

impl Bound<'_> {
    /// SHA-256 of it all and of what the gate at `position` asks, hexadecimal: whatever moves, the answers fall.
    #[must_use]
    pub fn hash(&self, asked: &Asked, position: &str) -> String {
        let bound = json!({
            "environment": self.environment, "playbook": self.playbook, "script": self.script, "plan": self.plan,
            "parameters": self.parameters, "position": position, "name": asked.name, "approvers": asked.approvers,
            "people": asked.people, "quorum": asked.quorum,
        });
        text::hexadecimal(&Sha256::digest(bound.to_string().as_bytes()))
    }
}

/// The fingerprint of a public key, as `ssh-keygen -l` prints it.
#[must_use]
pub fn fingerprint(key: &str) -> String {
    let blob = key.split_whitespace().nth(1).and_then(|key| STANDARD.decode(key).ok()).unwrap_or_default();
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&blob)))
}

/// Whether a signature is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is by the key that the answer names.
    Good,
    /// There is none: the answer is as good as the login.
    Unsigned,
    /// It is not by that key, or not of that text.
    Wrong(String),
    /// It cannot be told here.
    Unknown(String),
}

/// A public key without its comment: kind and key, as it is compared; what is none is refused.
pub fn public_key(text: &str) -> Result<String> {
    let mut words = text.split_whitespace();
    match (words.next(), words.next()) {
        (Some(kind), Some(key)) if KINDS.contains(&kind) && key.starts_with("AAAA") => {
            Ok(format!("{kind} {key}"))
        }
        _ => Err(Error::usage("this is no public ssh key").fix(
            "copy the line of a `.pub` file: \"ssh-ed25519 AAAA…\" (`ssh-keygen -t ed25519` makes a pair)",
        )),
    }
}

/// Signs an answer with the private key that belongs to `key`: the one in `file`, or one in `~/.ssh`, or the agent's.
pub async fn sign(answer: &Answer, key: &str, file: Option<&Path>) -> Result<String> {
    let scratch = Scratch::make(None)?;
    let public = scratch.path("key.pub");
    files::replace(&public, format!("{key}\n").as_bytes())?;
    let own = file.map(Path::to_path_buf).or_else(|| own_file(key));
    let by = own.unwrap_or_else(|| public.clone());
    let arguments = ["-Y", "sign", "-q", "-n", NAMESPACE, "-f"].map(str::to_owned);
    let arguments = arguments.into_iter().chain([by.display().to_string()]).collect();
    let ended = keygen(arguments, answer.statement().into_bytes()).await?;
    if ended.status == Status::Code(0) && ended.stdout.text.contains("BEGIN SSH SIGNATURE") {
        return Ok(ended.stdout.text);
    }
    let what = format!("the answer of `{}` could not be signed", answer.person);
    Err(Error::new(Kind::Io, what).why(ended.stderr.text.trim()).fix(if by == public {
        "name the private key with --key FILE (or PLAYBOOK_KEY), or add it to the agent with `ssh-add`"
            .to_owned()
    } else {
        format!("check {}; a key with a passphrase goes through the agent: `ssh-add`", by.display())
    }))
}

/// The private key file in `~/.ssh` whose public half is `key`.
fn own_file(key: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(environment::variable("HOME")?).join(".ssh");
    files::list(&folder, "pub").ok()?.into_iter().find_map(|public| {
        let text = files::read_text(&public, LARGEST).ok()?;
        let private = public.with_extension("");
        (public_key(&text).is_ok_and(|have| have == key) && files::exists(&private)).then_some(private)
    })
}

/// Whether the signature of an answer is by the key that it names.
pub async fn check(answer: &Answer) -> Result<Checked> {
    let (Some(key), Some(signature)) = (&answer.key, &answer.signature) else {
        return Ok(Checked::Unsigned);
    };
    let scratch = Scratch::make(None)?;
    let (allowed, sealed) = (scratch.path("allowed"), scratch.path("signature"));
    files::replace(&allowed, format!("approver namespaces=\"{NAMESPACE}\" {key}\n").as_bytes())?;
    files::replace(&sealed, signature.as_bytes())?;
    let arguments = ["-Y", "verify", "-q", "-n", NAMESPACE, "-I", "approver", "-f"].map(str::to_owned);
    let rest = [allowed.display().to_string(), "-s".to_owned(), sealed.display().to_string()];
    let arguments = arguments.into_iter().chain(rest).collect();
    match keygen(arguments, answer.statement().into_bytes()).await {
        Ok(ended) if ended.status == Status::Code(0) => Ok(Checked::Good),
        Ok(ended) => {
            let said = format!("{} {}", ended.stdout.text.trim(), ended.stderr.text.trim());
            Ok(Checked::Wrong(said.trim().to_owned()))
        }
        Err(error) if error.kind == Kind::Missing => Ok(Checked::Unknown(error.what.clone())),
        Err(error) => Err(error),
    }
}

async fn keygen(arguments: Vec<String>, text: Vec<u8>) -> Result<Ended> {
    let program = process::find_program("ssh-keygen").ok_or_else(|| {
        Error::missing("there is no `ssh-keygen` in PATH")
            .fix("install it (Debian: the package `openssh-client`)")
    })?;
    let passed = ["HOME", "PATH", "SSH_AUTH_SOCK", "DISPLAY", "WAYLAND_DISPLAY", "SSH_SK_PROVIDER"];
    let mut variables: Vec<(String, Revealed)> = passed
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), Revealed::new(environment::variable(name)?))))
        .collect();
    // It runs in a group of its own, which may not read the terminal: a passphrase is asked by a window or not at all.
    let ask = environment::variable("SSH_ASKPASS").unwrap_or_else(|| "/bin/false".to_owned());
    variables.push(("SSH_ASKPASS".to_owned(), Revealed::new(ask)));
    variables.push(("SSH_ASKPASS_REQUIRE".to_owned(), Revealed::new("force".to_owned())));
    let command = Command { program, arguments, variables, folder: environment::current_folder()? };
    let stop = Stop::default();
    let mut work = std::pin::pin!(process::run(&command, Stdin::Bytes(text), &stop, &|_| {}));
    tokio::select! {
        ended = &mut work => ended,
        () = clock::pause(PATIENCE) => {
            stop.give(Error::timeout("`ssh-keygen` gave no answer within a minute"));
            work.await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_what_ssh_keygen_prints() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
        assert_eq!(public_key(&format!(" {key} github.com")).unwrap(), key);
        assert_eq!(fingerprint(key), "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
        assert!(public_key("ssh-ed25519").is_err() && public_key("AAAAC3 ssh-ed25519").is_err());
    }
}
