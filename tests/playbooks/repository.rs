//! Git repositories of small applications: where releases are made, what runs, and the remote between them.

use std::path::Path;
use std::process::Command;

/// Runs git in a folder, and gives what it said.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let who = ["-c", "user.name=Rig", "-c", "user.email=rig@example.com", "-c", "init.defaultBranch=main"];
    let mut command = Command::new("git");
    let done = command.args(who).args(arguments).current_dir(folder).env("HOME", folder).output().unwrap();
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// Makes `source` with its remote, one commit for each release, and `live`, a clone that has the first of them checked out,
/// which alone is tagged.
pub fn make(root: &Path, releases: &[(&str, Vec<(String, String)>)]) {
    let (source, remote) = (root.join("source"), root.join("remote.git"));
    std::fs::create_dir_all(&source).unwrap();
    git(root, &["init", "--bare", "-q", "remote.git"]);
    git(&source, &["init", "-q"]);
    git(&source, &["remote", "add", "origin", remote.to_str().unwrap()]);
    for (number, (name, files)) in releases.iter().enumerate() {
        for (path, text) in files {
            let path = source.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        git(&source, &["add", "."]);
        git(&source, &["commit", "-q", "-m", name]);
        if number == 0 {
            git(&source, &["tag", name]);
        }
    }
    for (key, value) in [("user.name", "Rig"), ("user.email", "rig@example.com")] {
        git(&source, &["config", key, value]);
    }
    git(&source, &["push", "-q", "origin", "main", "--tags"]);
    git(root, &["clone", "-q", remote.to_str().unwrap(), "live"]);
    git(&root.join("live"), &["checkout", "-q", releases[0].0]);
}
