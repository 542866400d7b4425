//! `playbook completions`: bash itself completes commands, ids of runs and playbooks.

use std::process::Command;

use crate::rig::Rig;

fn completed(rig: &Rig, words: &[&str]) -> String {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_playbook"));
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let script = format!(
        "source <(playbook completions bash); COMP_WORDS=({}); COMP_CWORD={}; \
         _playbook_and_runs playbook \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; echo \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words.len() - 1
    );
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let seen = Command::new("bash")
        .args(["-c", &script])
        .current_dir(rig.folder())
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(seen.status.success(), "{seen:?}");
    String::from_utf8(seen.stdout).unwrap()
}

#[test]
fn bash_completes_commands_runs_and_playbooks() {
    let rig = Rig::new("[env.local]\n").file("deploy.rhai", "//! T.\nlog(\"x\");\n");
    rig.run(&["exec", "deploy.rhai"]).expect(0);
    let commands = completed(&rig, &["playbook", "re"]);
    assert!(commands.contains("resume") && commands.contains("repl"), "{commands}");
    let runs = rig.run(&["runs", "--output", "json"]).stdout;
    let id = runs.split("\"id\": \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(completed(&rig, &["playbook", "show", ""]).contains(id));
    assert!(completed(&rig, &["playbook", "exec", "de"]).contains("deploy.rhai"));
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        rig.run(&["completions", shell]).expect(0).says("playbook");
    }
}
