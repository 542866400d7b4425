//! `playbook doctor` on every family: pointed at silence and at nobody, it says so with what to do.

use playbook::primitives::FAMILIES;
use serde_json::Value;

use super::far::{Far, Silence, nobody};
use super::world;

/// What needs no other side.
const ALONE: &[&str] = &["files", "disk", "journal"];

/// What is looked at without waiting for the other side: a file, a process of this machine, or that somebody accepts.
const WITHOUT: &[&str] = &["sqlite", "program", "service", "nginx", "tcp"];

fn look(far: &Far, within: &str, but: &[&str], wanted: &[&str]) {
    let families: Vec<&str> = FAMILIES
        .iter()
        .map(|family| family.name)
        .filter(|name| !ALONE.contains(name) && !but.contains(name))
        .collect();
    let mut text: String = families
        .iter()
        .filter(|family| !matches!(**family, "aws" | "postgres"))
        .map(|family| {
            format!("[env.local.{family}.main]\n{}\naccess = \"destroy\"\n", world::settings(family, far))
        })
        .collect();
    text += &world::beside(&["flags", "ecs"], far);
    let rig = world::rig(&text, far);
    let seen = rig.run(&["doctor", "--timeout", within, "--output", "json"]).expect(1);
    let all: Vec<Value> = seen.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut wrong = Vec::new();
    for family in families {
        let name = format!("{family}.main");
        let Some(found) = all.iter().find(|one| one["name"] == name.as_str()) else {
            wrong.push(format!("{name}: nothing"));
            continue;
        };
        let state = found["state"].as_str().unwrap_or_default();
        let has_fix = found["troubles"][0]["fix"].as_str().is_some_and(|fix| !fix.is_empty());
        let has_what = found["troubles"][0]["what"].as_str().is_some_and(|what| {
            what.contains(&name) || (family == "flags" && what.contains("postgres.main"))
        });
        if !wanted.contains(&state) || !has_fix || !has_what {
            wrong.push(found.to_string());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_doctor_says_of_every_family_that_it_is_silent() {
    look(&Silence::start().far, "2s", WITHOUT, &["no_answer"]);
}

#[test]
fn the_doctor_says_of_every_family_that_nobody_is_there() {
    // A name server that is gone is as silent as one whose answer was lost.
    look(&nobody(), "30s", &["dns"], &["unreachable", "missing"]);
}
