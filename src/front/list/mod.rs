//! What `playbook` alone shows: the playbooks of the project with their titles and parameters, and how to run one.

use std::path::Path;

use serde_json::{Value, json};

use super::style::{Line, Paint, Style};
use crate::base::error::Result;
use crate::run::project::Project;
use crate::script::header::{Header, Parameter, bare};
use crate::sys::{files, search};

/// Folders in which other programs keep what is theirs.
const FOREIGN: &[&str] = &["target", "node_modules", "vendor"];

/// Longer titles are cut in the list.
const LONGEST: usize = 100;

/// A playbook of the project.
#[derive(Debug)]
pub struct Listed {
    /// Its file, from the project's folder.
    pub file: String,
    /// Its header, or what is wrong with it.
    pub header: Result<Header>,
}

/// The playbooks below the project's folder, by their files' names. Modules, which only define functions, are none.
#[must_use]
pub fn find(project: &Project) -> Vec<Listed> {
    let largest = project.environments.values().map(|one| one.limits.source).max().unwrap_or_default();
    let skip = |name: &str| name.starts_with('.') || FOREIGN.contains(&name);
    let mut found = Vec::new();
    for path in search::below(&project.folder, "rhai", skip) {
        let file = path.strip_prefix(&project.folder).unwrap_or(&path).display().to_string();
        match files::read_text(&path, largest) {
            Ok(text) if is_module(&text) => {}
            Ok(text) => found.push(Listed { header: Header::read(&file, &text), file }),
            Err(error) => found.push(Listed { file, header: Err(error) }),
        }
    }
    found
}

/// Whether a text does nothing by itself: at its top level there are only functions, imports and comments.
fn is_module(text: &str) -> bool {
    let mut in_comment = false;
    !text.lines().any(|line| {
        let was_in_comment = in_comment;
        in_comment = (in_comment || line.starts_with("/*")) && !line.contains("*/");
        let is_inside =
            was_in_comment || in_comment || line.is_empty() || line.starts_with([' ', '\t', '}', '/', '#']);
        let begins = ["fn ", "private fn ", "import ", "export ", "const "];
        !is_inside && !begins.iter().any(|word| line.starts_with(word))
    })
}

/// What leads from the folder `here` to the files of the project, so that what is listed can be run from there.
#[must_use]
pub fn way(project: &Path, here: &Path) -> String {
    if let Ok(below) = here.strip_prefix(project) {
        return "../".repeat(below.components().count());
    }
    format!("{}/", project.strip_prefix(here).unwrap_or(project).display())
}

/// The list as people read it; `way` leads from where they stand to the project's folder.
#[must_use]
pub fn draw(project: &Project, way: &str, listed: &[Listed], style: Style) -> String {
    let mut lines =
        vec![Line::default().with(Paint::Bold, format!("Playbooks of {}", project.folder.display()))];
    lines.push(environments(project));
    if listed.is_empty() {
        lines.extend(nothing());
    }
    for one in listed {
        lines.push(Line::default());
        lines.extend(playbook(way, one));
    }
    if let Some((file, header)) = listed.iter().find_map(|one| Some((&one.file, one.header.as_ref().ok()?))) {
        let given = given(&format!("{way}{file}"), header);
        lines.push(Line::default());
        lines.push(command("Run one:", "exec", &given));
        lines.push(command("Look first:", "plan", &given));
    }
    lines.iter().map(|line| line.show(style).trim_end().to_owned() + "\n").collect()
}

fn environments(project: &Project) -> Line {
    let default = project.environment(None).map(|one| one.name).ok();
    let names = project.environments.values().map(|one| {
        let mark = if default.as_ref() == Some(&one.name) { " (default)" } else { "" };
        let about = one.about.as_ref().map(|about| format!(" ({about})")).unwrap_or_default();
        format!("{}{mark}{about}", one.name)
    });
    Line::default().with(Paint::Dim, format!("Environments: {}", names.collect::<Vec<_>>().join(", ")))
}

fn nothing() -> Vec<Line> {
    let text = [
        "",
        "There is no playbook yet. A first one, hello.rhai:",
        "",
        "  //! Say hello.",
        "",
        "  step \"Greet\" {",
        "      log(\"hello from playbook\");",
        "  }",
        "",
        "Run it: playbook exec hello.rhai",
    ];
    text.into_iter().map(|line| Line::default().with(Paint::Plain, line)).collect()
}

fn playbook(way: &str, one: &Listed) -> Vec<Line> {
    let begin = Line::default().with(Paint::Bold, format!("{way}{}", one.file)).with(Paint::Plain, "  ");
    match &one.header {
        Ok(header) => {
            let title = if header.title == one.file { "" } else { &header.title };
            let title = crate::base::text::headline(title, LONGEST);
            let mut lines = vec![begin.with(Paint::Plain, title)];
            let widest =
                header.parameters.iter().map(|one| written(one).chars().count()).max().unwrap_or_default();
            lines.extend(header.parameters.iter().map(|one| {
                Line::indented(1)
                    .with(Paint::Plain, format!("--set {}", written(one)))
                    .padded(widest + 10)
                    .with(Paint::Dim, described(one))
            }));
            lines
        }
        Err(error) => {
            let at = error.at.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
            vec![begin.with(Paint::Bad, "✘ ").with(Paint::Plain, format!("{}{at}", error.what))]
        }
    }
}

/// `wait=15m` with the default, or `version=STRING` where a value must be given.
fn written(parameter: &Parameter) -> String {
    let value = match &parameter.default {
        Some(default) => bare(default),
        None if parameter.secret => "env:NAME".to_owned(),
        None => parameter.kind.word().to_uppercase(),
    };
    format!("{}={}", parameter.name, quoted(&value))
}

/// The value as a shell takes it.
fn quoted(value: &str) -> String {
    let is_plain = value.chars().all(|c| c.is_alphanumeric() || "_-./:,@%+".contains(c));
    if is_plain { value.to_owned() } else { format!("'{}'", value.replace('\'', "'\\''")) }
}

fn described(parameter: &Parameter) -> String {
    let mut parts = Vec::new();
    if parameter.default.is_none() {
        parts.push("required".to_owned());
    }
    if !parameter.choices.is_empty() {
        parts.push(format!("one of {}", parameter.choices.iter().map(bare).collect::<Vec<_>>().join(", ")));
    }
    parts.extend(parameter.min.as_ref().map(|least| format!("at least {}", bare(least))));
    parts.extend(parameter.max.as_ref().map(|most| format!("at most {}", bare(most))));
    parts.extend(parameter.pattern.as_ref().map(|pattern| format!("matching {pattern}")));
    if parameter.secret {
        parts.push("a secret's reference".to_owned());
    }
    match (&parameter.about, parts.is_empty()) {
        (Some(about), true) => about.clone(),
        (Some(about), false) => format!("{about} ({})", parts.join("; ")),
        (None, _) => parts.join("; "),
    }
}

/// The playbook with the parameters that must be given.
fn given(file: &str, header: &Header) -> String {
    let must = header.parameters.iter().filter(|one| one.default.is_none());
    let set: Vec<String> = must.map(|one| format!(" --set {}=…", one.name)).collect();
    format!("{}{}", quoted(file), set.concat())
}

fn command(what: &str, verb: &str, rest: &str) -> Line {
    Line::default().with(Paint::Dim, what).padded(12).with(Paint::Plain, format!("playbook {verb} {rest}"))
}

/// The list for machines.
#[must_use]
pub fn json(project: &Project, listed: &[Listed]) -> Value {
    let playbooks: Vec<Value> = listed
        .iter()
        .map(|one| match &one.header {
            Ok(header) => json!({
                "playbook": one.file,
                "title": header.title,
                "about": header.about,
                "parameters": header.parameters.iter().map(parameter).collect::<Vec<_>>(),
                "uses": header.uses.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "lock": header.lock,
            }),
            Err(error) => json!({ "playbook": one.file, "error": error }),
        })
        .collect();
    json!({
        "project": project.folder.display().to_string(),
        "environments": project.environments.keys().collect::<Vec<_>>(),
        "playbooks": playbooks,
    })
}

fn parameter(one: &Parameter) -> Value {
    let mut value = json!({
        "name": one.name,
        "type": one.kind.word(),
        "required": one.default.is_none(),
        "secret": one.secret,
    });
    let more = [
        ("about", one.about.clone().map(Value::from)),
        ("default", one.default.clone()),
        ("min", one.min.clone()),
        ("max", one.max.clone()),
        ("pattern", one.pattern.clone().map(Value::from)),
        ("choices", (!one.choices.is_empty()).then(|| one.choices.clone().into())),
    ];
    for (name, given) in more {
        if let Some(given) = given {
            value[name] = given;
        }
    }
    value
}

#[cfg(test)]
mod tests;
