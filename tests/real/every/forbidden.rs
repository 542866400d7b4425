//! Another side that refuses: its own words, what to do, and that nothing was changed, for every primitive that asks one.

use super::example::Example;
use super::far::{FORBIDDEN, Gate};
use super::{One, each, error_of, known, world};

/// What the refusals of this test do not reach.
const BEYOND: &[(&str, &str)] = &[
    ("files", "a folder of this machine asks nobody"),
    ("disk", "a disk of this machine asks nobody"),
    ("sqlite", "a file of this machine asks nobody"),
    ("journal", "the record is the run's own file"),
    ("program", "a program of this machine is started or not"),
    ("service", "a program of this machine is started or not"),
    ("pm2", "a program of this machine is started or not"),
    ("nginx", "a program of this machine is started or not"),
    ("git", "a program of this machine is started or not"),
    ("ssh", "its handshake is none of a few lines: its own tests do that"),
    ("mail", "its server speaks first: its own tests do that"),
    ("haproxy", "who may only look is in its own tests"),
    ("amqp", "its handshake is none of a few lines: its own tests do that"),
    ("kafka", "its handshake is none of a few lines: its own tests do that"),
    ("grpc", "the health service lets everybody ask"),
    ("dns", "name servers answer everybody here"),
    ("tcp", "a port is opened and nothing said"),
    ("tls", "only what the server shows is read"),
    ("http.load", "failures are what it counts"),
    ("http.load_changes", "failures are what it counts"),
    ("s3.presign", "a link is made without asking anybody"),
    ("postgres.revert_migrations", "it begins with the files that say how, on this machine"),
    ("postgres.restore_from", "it begins with the dump, which is in a folder here"),
    ("postgres.verify_restore", "it begins with the dump, which is in a folder here"),
];

/// What gets a refusal without words, and tells its number.
const WORDLESS: &[(&str, &str)] = &[
    ("s3", "it looks by HEAD, whose answer has no body"),
    ("registry", "it looks by HEAD, whose answer has no body"),
    ("http.health", "it tells the beginning of several answers"),
];

/// Changes of which a refusal does not say that nothing was changed.
const UNSURE: &[(&str, &str)] = &[("http", "what a refusal has left is the service's own to say")];

fn ask(one: One, gate: &Gate) -> Result<(), String> {
    let example = Example::of(one)?.heeded()?.hurried().option("timeout: \"20s\"")?;
    let rig = world::project(&example, &gate.far, "destroy").file("t.rhai", &example.left("destroy"));
    let seen = rig.run(&["exec", "t.rhai", "--output", "json"]);
    let Some(error) = error_of(&seen) else { return Err(format!("it ends well: {seen}")) };
    let text = error.to_string();
    let says = |key: &str| error[key].as_str().is_some_and(|text| !text.trim().is_empty());
    let is_told = text.contains(FORBIDDEN) || one.is_among(WORDLESS) && text.contains("403");
    if !is_told || !says("what") || !says("fix") || !example.is_named_in(&text) {
        return Err(format!("{} {text}", seen.code));
    }
    let is_unchanged = error["unchanged"] == true || text.contains("was not begun");
    let is_sure = !one.entry.effect.is_read() && !one.is_among(UNSURE);
    if is_sure && (!is_unchanged || error["details"]["in_doubt"] == true) {
        return Err(format!("it is not known that nothing was changed: {} {text}", seen.code));
    }
    if seen.code == 1 { Ok(()) } else { Err(format!("exit code {}: {text}", seen.code)) }
}

#[test]
fn what_the_other_side_refuses_is_told_in_its_words_and_has_changed_nothing() {
    known(&[BEYOND, WORDLESS, UNSURE]);
    let gate = Gate::start();
    each(|one| !one.is_among(BEYOND), |one| ask(one, &gate));
}
