//! The list of a small project.

use std::path::PathBuf;

use super::*;
use crate::sys::files::write_public;

fn project(settings: &str, playbooks: &[(&str, &str)]) -> (tempfile::TempDir, Project) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in playbooks {
        write_public(&folder.path().join(name), text.as_bytes()).unwrap();
    }
    let project = Project::read(folder.path().to_owned(), settings, &[]).unwrap();
    (folder, project)
}

/// The same project, as if it lay in a folder that has the same name on every machine.
fn drawn(settings: &str, playbooks: &[(&str, &str)]) -> String {
    let (_folder, mut project) = project(settings, playbooks);
    let listed = find(&project);
    project.folder = PathBuf::from("/srv/shop");
    draw(&project, "", &listed, Style::default())
}

#[test]
fn playbooks_are_listed_with_what_they_take_and_modules_are_not() {
    let deploy = r#"//! Deploy the API: back up, migrate, restart.
//!
//! [params]
//! version = { type = "string", about = "what to deploy", pattern = "[0-9.]+" }
//! color = { type = "string", choices = ["blue", "green"], default = "blue" }
//! wait = { type = "duration", default = "15m", max = "1h" }
//! greeting = { default = "it's done" }
//! token = { type = "string", secret = true }
step "x" {}
"#;
    let playbooks = [
        ("deploy.rhai", deploy),
        ("tools/no header.rhai", "step \"x\" {}\n"),
        ("broken.rhai", "//! Broken.\n//!\n//! use = []\nlet x = 1;\n"),
        ("lib/module.rhai", "//! Only functions.\n\n/*\nlet x\n*/\nfn one() {\n    1\n}\n"),
        (".playbook/kept.rhai", deploy),
        ("target/kept.rhai", deploy),
    ];
    insta::assert_snapshot!(drawn("[env.local]\n[env.production]\nabout = \"the live system\"\n", &playbooks), @r#"
    Playbooks of /srv/shop
    Environments: local (default), production (the live system)

    broken.rhai  ✘ `use` is no key of the header (broken.rhai:3:5)

    deploy.rhai  Deploy the API: back up, migrate, restart
      --set version=STRING           what to deploy (required; matching [0-9.]+)
      --set color=blue               one of blue, green
      --set wait=15m                 at most 1h
      --set greeting='it'\''s done'
      --set token=env:NAME           required; a secret's reference

    tools/no header.rhai

    Run one:    playbook exec deploy.rhai --set version=… --set token=…
    Look first: playbook plan deploy.rhai --set version=… --set token=…
    "#);
}

#[test]
fn an_empty_project_says_how_to_write_the_first() {
    insta::assert_snapshot!(drawn("", &[]), @r#"
    Playbooks of /srv/shop
    Environments: local (default)

    There is no playbook yet. A first one, hello.rhai:

      //! Say hello.

      step "Greet" {
          log("hello from playbook");
      }

    Run it: playbook exec hello.rhai
    "#);
}

#[test]
fn machines_get_the_same() {
    let (_folder, project) = project("", &[("a.rhai", "//! A.\n//!\n//! params = { n = \"int\" }\nn();\n")]);
    let seen = json(&project, &find(&project));
    assert_eq!(seen["playbooks"][0]["title"], "A");
    assert_eq!(
        seen["playbooks"][0]["parameters"][0],
        json!({ "name": "n", "type": "int", "required": true, "secret": false })
    );
}
