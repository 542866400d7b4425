//! `playbook new`: writes a project to start from, by four questions or from flags. It runs at once, with nothing but this machine.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::arguments::{Common, Output};
use super::printing::print;
use crate::base::error::{Error, Result};
use crate::base::exit::Exit;
use crate::sys::{files, terminal};

/// What a new project takes; what is not given is asked for at a terminal.
#[derive(Args, Clone, Debug)]
pub struct New {
    /// The folder; it is made where it is not there.
    #[arg(default_value = ".", value_name = "DIR")]
    pub folder: PathBuf,
    /// What the first playbook does: its title.
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// The environments, with commas between them; the first is the default.
    #[arg(long, value_name = "NAMES")]
    pub environments: Option<String>,
    /// What it works on: `database`, `files`, `flags`, with commas between them.
    #[arg(long, value_name = "SYSTEMS")]
    pub systems: Option<String>,
    /// The address at which the service says that it is well; without one, nothing is asked of a service.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// What is to be written.
struct Wish {
    title: String,
    environments: Vec<String>,
    systems: Vec<&'static str>,
    url: Option<String>,
}

/// The systems that need nothing but this machine.
const SYSTEMS: &[&str] = &["database", "files", "flags"];

/// Writes the project.
pub fn new(common: &Common, wanted: &New) -> Result<Exit> {
    if files::exists(&wanted.folder.join("playbook.toml")) {
        return Err(Error::usage(format!("{} is a project already", wanted.folder.display()))
            .fix("choose another folder, or remove its playbook.toml"));
    }
    let wish = wish(common, wanted)?;
    let all = [
        ("playbook.toml", settings(&wish)),
        ("deploy.rhai", playbook(&wish)),
        ("tests/deploy.test.rhai", test(&wish)),
        (".gitignore", "/.playbook/\n/data/\n".to_owned()),
    ];
    for (name, _) in &all {
        if files::exists(&wanted.folder.join(name)) {
            return Err(Error::usage(format!("{name} is there already")).fix("choose an empty folder"));
        }
    }
    for (name, text) in &all {
        files::write_public(&wanted.folder.join(name), text.as_bytes())?;
    }
    let folder = wanted.folder.display();
    let first = if wanted.folder == Path::new(".") { String::new() } else { format!("cd {folder}\n") };
    if common.output == Output::Text {
        print(&format!(
            "made {}\n\n{first}playbook plan deploy.rhai     what it would do\nplaybook exec deploy.rhai     do it\nplaybook test                 what its tests say\n",
            all.map(|(name, _)| name).join(", ")
        ));
    }
    Ok(Exit::Done)
}

/// What the flags say, and for the rest what the person says.
fn wish(common: &Common, wanted: &New) -> Result<Wish> {
    let is_asked = std::io::stdin().is_terminal() && terminal::is_there() && !common.no_input;
    let ask = |given: &Option<String>, question: &str, usual: &str| -> String {
        let answer = || {
            let shown = if usual.is_empty() { "none" } else { usual };
            terminal::answer(&format!("{question} [{shown}] "), &|| false).unwrap_or_default()
        };
        let said = given.clone().unwrap_or_else(|| if is_asked { answer() } else { String::new() });
        let said = said.trim();
        if said.is_empty() { usual.to_owned() } else { said.to_owned() }
    };
    let title = ask(&wanted.title, "What does it do?", "Deploy the service");
    let environments = ask(&wanted.environments, "Which environments are there?", "local, production");
    let systems =
        ask(&wanted.systems, "What does it work on: database, files, flags?", "database, files, flags");
    let url = ask(&wanted.url, "Where does the service say that it is well (a URL)?", "");
    let environments = listed(&environments);
    for name in &environments {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
            return Err(Error::usage(format!("`{name}` is no name for an environment"))
                .fix("use letters, digits, `_` and `-`"));
        }
    }
    let mut chosen = Vec::new();
    for name in listed(&systems) {
        let known = SYSTEMS.iter().find(|system| **system == name).ok_or_else(|| {
            Error::usage(format!("`{name}` is nothing to begin with"))
                .fix("choose among database, files and flags; the rest is added in playbook.toml later")
        })?;
        chosen.push(*known);
    }
    if !(url.is_empty() || url.starts_with("http://") || url.starts_with("https://")) {
        return Err(Error::usage(format!("`{url}` is no address of a service"))
            .fix("write for example http://127.0.0.1:8080/health"));
    }
    if chosen.contains(&"flags") && !chosen.contains(&"database") {
        chosen.push("database");
    }
    let title = title.trim_end_matches('.').replace(['\n', '\r'], " ");
    Ok(Wish { title, environments, systems: chosen, url: Some(url).filter(|url| !url.is_empty()) })
}

fn listed(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// The address without its path, and the path.
fn parts(url: &str) -> (&str, &str) {
    let begin = url.find("://").map_or(0, |at| at + 3);
    match url[begin..].find('/') {
        Some(slash) => (&url[..begin + slash], &url[begin + slash..]),
        None => (url, "/"),
    }
}

fn settings(wish: &Wish) -> String {
    let first = wish.environments.first().map_or("local", String::as_str);
    let mut text = format!(
        "# What playbooks can reach here, and how far they may go. `playbook docs` is the reference of every setting.\n\ndefault = \"{first}\"\n"
    );
    let tests = "test".to_owned();
    for name in
        wish.environments.iter().chain([&tests].into_iter().filter(|name| !wish.environments.contains(name)))
    {
        let about = match name.as_str() {
            "local" => "about = \"this machine\"\nwatch = true\n",
            "test" => "about = \"what `playbook test` runs in, with nothing but files\"\n",
            "production" => {
                "about = \"the live system\"\nguarded = true               # `playbook repl` asks before each change\n"
            }
            _ => "",
        };
        text += &format!("\n[env.{name}]\n{about}");
        for system in SYSTEMS.iter().filter(|system| wish.systems.contains(system)) {
            text += &match *system {
                "database" => format!(
                    "\n[env.{name}.sqlite.main]      # or postgres.main, with `url`\npath = \"data/{name}/app.db\"\ncreate = true\naccess = \"write\"\n"
                ),
                "files" => format!(
                    "\n[env.{name}.files.backups]    # or s3.backups, with `bucket`\npath = \"data/{name}/backups\"\naccess = \"write\"\n"
                ),
                _ => format!("\n[env.{name}.flags.main]\ndatabase = \"sqlite.main\"\naccess = \"write\"\n"),
            };
        }
        if let Some(url) = &wish.url {
            text += &format!("\n[env.{name}.http.api]\nurl = \"{}\"\n", parts(url).0);
        }
    }
    text
}

fn playbook(wish: &Wish) -> String {
    let has = |system: &str| wish.systems.contains(&system);
    let mut uses = Vec::new();
    let (mut handles, mut steps) = (String::new(), String::new());
    if has("database") {
        uses.push("sqlite.main:write");
        handles += "let db = sqlite(\"main\");\n";
    }
    if has("flags") {
        uses.push("flags.main:write");
        steps += "\nstep \"Prepare\" {\n    // Done twice it is the same as done once: a run that goes on after a crash may simply do it again.\n    db.execute(\"CREATE TABLE IF NOT EXISTS feature_flags (name TEXT PRIMARY KEY, enabled BOOLEAN NOT NULL)\", #{ stays: true, on_doubt: \"retry\" });\n    \
            db.execute(\"INSERT OR IGNORE INTO feature_flags VALUES ('sync', 1)\", #{ stays: true, on_doubt: \"retry\" });\n}\n\n\
            step \"Stop the sync\" {\n    // What it was is recorded first: a run that fails puts it back by itself.\n    flags(\"main\").disable(\"sync\");\n}\n";
    }
    if has("database") {
        steps += "\nstep \"Migrate\" {\n    db.execute(\"CREATE TABLE IF NOT EXISTS releases (version TEXT PRIMARY KEY, at TEXT)\", #{ stays: true, on_doubt: \"retry\" });\n    \
            db.execute(\"INSERT OR REPLACE INTO releases VALUES (?, ?)\", [params.version, now()], #{ undo: \"DELETE FROM releases WHERE version = ?\", undo_parameters: [params.version], on_doubt: \"retry\" });\n    \
            check \"the release is known\", db.value(\"SELECT count(*) FROM releases WHERE version = ?\", [params.version]) > 0;\n}\n";
    }
    if has("files") {
        uses.push("files.backups:write");
        steps += "\nstep \"Write it down\" {\n    files(\"backups\").put(`release-${params.version}.txt`, `released by ${run.person}`);\n}\n";
    }
    if let Some(url) = &wish.url {
        uses.push("http.api:read");
        steps += &format!(
            "\nstep \"Verify\" {{\n    check \"the service is well\", http(\"api\").get(\"{}\").status == 200;\n}}\n",
            parts(url).1
        );
    }
    if has("flags") {
        steps += "\nstep \"Start the sync\" {\n    flags(\"main\").enable(\"sync\");\n}\n";
    }
    if steps.is_empty() {
        steps += "\nstep \"Say hello\" {\n    log(`hello from ${run.environment}: ${params.version}`);\n}\n";
    }
    let uses: Vec<String> = uses.iter().map(|one| format!("\"{one}\"")).collect();
    format!(
        "//! {}.\n//!\n//! uses = [{}]\n//! lock = \"deploy\"\n//! timeout = \"15m\"\n//!\n//! [params]\n//! version = {{ type = \"string\", default = \"1.0.0\", about = \"what is released\" }}\n\n{handles}{steps}",
        wish.title,
        uses.join(", ")
    )
}

fn test(wish: &Wish) -> String {
    let mut text = "//! A deployment goes through, and one that fails is taken back.\n\n".to_owned();
    if let Some(url) = &wish.url {
        let path = parts(url).1;
        text += &format!(
            "mock(\"http.api.get\", \"{path}\").answers(#{{ status: 200, ok: true, body: \"well\", ms: 1.0, headers: #{{}} }});\n\n"
        );
    }
    text += "let run = exec(\"deploy.rhai\", #{ set: #{ version: \"2.0.0\" } });\ncheck \"it is done\", run.outcome == \"done\";\n";
    if wish.systems.contains(&"files") {
        text += "check \"it was written down\", exists(\"data/test/backups/release-2.0.0.txt\");\n";
    }
    if wish.systems.contains(&"flags") {
        text += "check \"the sync was stopped first\", run.calls.contains(\"flags.main.disable\") && run.calls.index_of(\"flags.main.disable\") < run.calls.index_of(\"flags.main.enable\");\n";
    }
    if let Some(url) = &wish.url {
        let path = parts(url).1;
        text += &format!(
            "\nmock(\"http.api.get\", \"{path}\").answers(#{{ status: 503, ok: false, body: \"\", ms: 1.0, headers: #{{}} }});\nlet run = exec(\"deploy.rhai\", #{{ set: #{{ version: \"3.0.0\" }} }});\ncheck \"it is taken back\", run.outcome == \"taken_back\";\n"
        );
        if wish.systems.contains(&"files") {
            text += "check \"nothing is left of it\", !exists(\"data/test/backups/release-3.0.0.txt\");\n";
        }
    }
    text
}
