//! What is not granted is refused by `check` and by `exec`, before anything is connected to or started.

use super::example::Example;
use super::far::Silence;
use super::{One, below, each, world};

fn refuse(one: One, silence: &Silence) -> Result<(), String> {
    let example = Example::of(one)?;
    // A write under an environment that lets it read; and a playbook that does not ask for what it does.
    let lower = below(one.entry.effect);
    let given = lower.map(|access| (access.word(), "destroy"));
    let asked = lower.map(|access| ("destroy", access.word()));
    for (access, uses) in given.into_iter().chain(asked) {
        let rig = world::project(&example, &silence.far, access).file("t.rhai", &example.script(uses));
        refused(&rig, access)?;
    }
    // What nobody asked for at all.
    let script = format!("//! T.\n{};\n", example.line);
    let rig = world::project(&example, &silence.far, "destroy").file("t.rhai", &script);
    refused(&rig, "nothing")
}

fn refused(rig: &crate::rig::Rig, access: &str) -> Result<(), String> {
    for command in ["check", "plan", "exec"] {
        let seen = rig.run(&[command, "t.rhai"]);
        let told = ["does not grant", "does not ask for", "does not say what the playbook uses"];
        let is_told = told.iter().any(|words| seen.all().contains(words));
        if seen.code != 3 || !is_told || !seen.all().contains("fix: ") {
            return Err(format!("`{command}` with {access} is not refused:\n{seen}"));
        }
        if rig.path("called").exists() {
            return Err(format!("`{command}` with {access} started the program"));
        }
    }
    Ok(())
}

#[test]
fn what_is_not_granted_is_refused_before_anything_is_connected_to() {
    let silence = Silence::start();
    each(|_| true, |one| refuse(one, &silence));
    assert_eq!(silence.calls(), 0, "something was connected to");
}
