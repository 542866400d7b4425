//! `:save FILE.rhai`: the playbook that did what was done here, without the dead ends.

use std::collections::BTreeSet;
use std::path::Path;

use super::talk::Talk;
use crate::base::error::{Error, Result};
use crate::base::event::Event;
use crate::base::outcome::Outcome;
use crate::base::redact::MASK;
use crate::base::text::headline;
use crate::effect::journal::Entry;
use crate::front::assist::discreet::discreet;
use crate::front::assist::scan::{Scan, Sort};
use crate::front::printing::print;
use crate::primitives::FAMILIES;
use crate::run::exec;
use crate::run::exec::prompt::{Prompt, Typed, Variable};
use crate::run::order::Order;
use crate::sys::{clock, environment, files};

/// As much of a plan as is the name of a step.
const LONGEST: usize = 100;

/// Writes the playbook, and checks it.
pub(super) fn save(talk: &mut Talk, file: &Path) -> Result<()> {
    if file.extension().is_none_or(|extension| extension != "rhai") {
        return Err(Error::usage(format!("`{}` is no playbook's name", file.display()))
            .fix("let it end with `.rhai`"));
    }
    if files::exists(file) {
        return Err(Error::usage(format!("{} is there already", file.display())).fix("choose another name"));
    }
    let (environment, folder) = (talk.environment.name.clone(), talk.project.folder.clone());
    let prompt = talk.prompt()?;
    let body = body(&prompt.lines, &prompt.entries()?, &prompt.variables());
    if body.is_empty() {
        return Err(Error::usage("nothing here is worth a playbook")
            .why("no line has changed or checked anything that stands")
            .fix("type what is to be done first"));
    }
    let everything = uses(talk.environment.resources.values().map(|one| format!("{}:{}", one.id, one.grant)));
    let head = head(&environment, talk.prompt()?);
    files::write_public(file, format!("{head}{everything}\n{body}").as_bytes())?;
    let order = Order {
        playbook: file.to_path_buf(),
        project: Some(folder),
        environment: Some(environment),
        ..Order::default()
    };
    let checked = exec::check(&order.read(FAMILIES)?, FAMILIES)?;
    if checked.unfollowed.is_empty() {
        let touched = checked.touched.iter().map(|one| format!("{}:{}", one.resource, one.access));
        files::write_public(file, format!("{head}{}\n{body}", uses(touched)).as_bytes())?;
    }
    let checked = exec::check(&order.read(FAMILIES)?, FAMILIES)?;
    let lines = body.lines().filter(|line| !line.trim().is_empty()).count();
    print(&format!("saved {} ({lines} lines)\n", file.display()));
    if body.contains(MASK) {
        print("a secret that was typed is left out: give it as a parameter `{ type = \"secret\" }`\n");
    }
    checked.into_program().map(drop)
}

fn head(environment: &str, prompt: &Prompt) -> String {
    let date = clock::now().strftime("%Y-%m-%d");
    let (person, id) = (environment::person(), prompt.id());
    format!(
        "//! What was done by hand in {environment} on {date}.\n//!\n//! Typed by {person} in the run {id}.\n//!\n"
    )
}

fn uses(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.map(|access| format!("\"{access}\"")).collect();
    format!("//! uses = [{}]\n", all.join(", "))
}

/// What a line did that stands.
#[derive(Debug, Default)]
struct Deeds {
    /// The first change, in words.
    change: Option<String>,
    /// Whether it checked something.
    judged: bool,
}

/// The lines that are kept, in their order.
fn body(lines: &[Typed], entries: &[Entry], variables: &[Variable]) -> String {
    let mut needed: BTreeSet<String> = BTreeSet::new();
    let mut kept: Vec<String> = Vec::new();
    for line in lines.iter().rev().filter(|line| line.error.is_none()) {
        let (deeds, made) = (deeds(entries, &line.position), makes(&line.text));
        let is_needed = made.as_ref().is_some_and(|(name, _)| needed.contains(name));
        if deeds.change.is_none() && !deeds.judged && !is_needed {
            continue;
        }
        let own = made.as_ref().filter(|(_, is_new)| *is_new).map(|(name, _)| name);
        needed.extend(words(&line.text));
        own.map(|name| needed.remove(name));
        kept.push(written(&line.text, &deeds, made.is_some()));
    }
    if kept.is_empty() {
        return String::new();
    }
    let before = variables.iter().filter(|variable| needed.contains(&variable.name)).filter_map(declared);
    let before: String = before.collect();
    kept.reverse();
    before + &kept.concat()
}

fn deeds(entries: &[Entry], position: &str) -> Deeds {
    let within = |at: &str| at.strip_prefix(position).is_some_and(|rest| rest.starts_with('/'));
    let undone = |at: &str| {
        entries.iter().any(|entry| {
            matches!(&entry.event, Event::Unwound { position, outcome: Outcome::Done, .. }
            if position == at || at.strip_prefix(position.as_str()).is_some_and(|rest| rest.starts_with('/')))
        })
    };
    let done = |at: &str| {
        entries.iter().any(|entry| matches!(&entry.event, Event::EffectEnded { position, outcome: Outcome::Done, .. } if position == at))
    };
    let mut deeds = Deeds::default();
    for entry in entries {
        match &entry.event {
            Event::EffectBegan { position, effect, plan, .. }
                if within(position) && !effect.is_read() && done(position) && !undone(position) =>
            {
                deeds.change.get_or_insert_with(|| plan.clone());
            }
            Event::Judged { position, .. } if within(position) => deeds.judged = true,
            _ => {}
        }
    }
    deeds
}

/// The name that a line makes or changes, and whether it makes it.
fn makes(text: &str) -> Option<(String, bool)> {
    let words = words(text);
    let first = words.first()?.clone();
    match first.as_str() {
        "let" | "const" | "fn" => words.get(1).map(|name| (name.clone(), true)),
        "import" => words.last().map(|name| (name.clone(), true)),
        _ => {
            let rest = text.trim_start().strip_prefix(first.as_str())?.trim_start();
            let is_set = rest.starts_with('=') && !rest.starts_with("==")
                || ["+=", "-=", "*=", "/="].iter().any(|sign| rest.starts_with(sign));
            is_set.then_some((first, false))
        }
    }
}

/// The words of a line, those in texts with `${…}` among them.
fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (sort, range) in Scan::of(text).parts {
        let part = &text[range];
        match sort {
            Sort::Word => found.push(part.to_owned()),
            Sort::Text if part.starts_with('`') => {
                found.extend(
                    part.split("${").skip(1).filter_map(|inner| inner.split('}').next()).flat_map(words),
                );
            }
            _ => {}
        }
    }
    found
}

/// A line as it stands in the playbook; what changes something is a step.
fn written(text: &str, deeds: &Deeds, makes: bool) -> String {
    let text = discreet(text.trim());
    let is_block = ["step", "if", "for", "while", "retry"].iter().any(|word| text.starts_with(word));
    let end = if text.ends_with([';', '}']) { "" } else { ";" };
    match &deeds.change {
        Some(plan) if !makes && !is_block => {
            let name = serde_json::Value::from(headline(plan, LONGEST));
            let inner = text.replace('\n', "\n    ");
            format!("\nstep {name} {{\n    {inner}{end}\n}}\n")
        }
        _ => format!("{text}{end}\n"),
    }
}

/// The line that makes a variable which no kept line makes: it came from the run that was opened.
fn declared(variable: &Variable) -> Option<String> {
    let (name, text) = (&variable.name, variable.value.to_string());
    match (&variable.family, variable.value.as_str()) {
        (Some(family), Some(resource)) => {
            let own = resource.split_once('.').map_or(resource, |(_, own)| own);
            Some(format!("let {name} = {family}({});\n", serde_json::Value::from(own)))
        }
        _ if text.contains(MASK) => None,
        _ => Some(format!("let {name} = {};\n", literal(&variable.value))),
    }
}

/// A value as it is written in a script.
fn literal(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "()".to_owned(),
        serde_json::Value::Array(items) => {
            format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        serde_json::Value::Object(map) => {
            let pairs = map
                .iter()
                .map(|(key, value)| format!("{}: {}", serde_json::Value::from(key.as_str()), literal(value)));
            format!("#{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_line_makes_are_known() {
        for (line, made) in [
            ("let db = postgres(\"main\");", Some(("db", true))),
            ("fn twice(x) { x * 2 }", Some(("twice", true))),
            ("import \"std/health\" as health;", Some(("health", true))),
            ("count += 1", Some(("count", false))),
            ("count == 1", None),
            ("db.execute(\"x = 1\")", None),
        ] {
            assert_eq!(makes(line), made.map(|(name, is_new)| (name.to_owned(), is_new)), "{line}");
        }
        assert!(words("log(`n = ${count + 1}`)").contains(&"count".to_owned()));
    }

    #[test]
    fn a_value_is_written_as_the_language_has_it() {
        assert_eq!(literal(&serde_json::json!({ "a": [1, null, "x"] })), "#{ \"a\": [1, (), \"x\"] }");
    }
}
