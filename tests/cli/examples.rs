//! What the repository shows is true: every example plans, those that need no server run, every block of the guide runs.

use std::path::{Path, PathBuf};

use crate::rig::Rig;
#[cfg(feature = "postgres")]
use crate::rig::servers::postgres;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// The exit code of each example that needs no server.
const EMBEDDED: &[(&str, i32)] = &[
    ("hello", 0),
    ("backup", 0),
    ("flag", 0),
    ("rollback", 1),
    ("parallel", 0),
    ("notice", 0),
    ("gate", 0),
    ("lock", 0),
];

fn examples() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(Path::new(REPOSITORY).join("examples"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "rhai"))
        .collect();
    found.sort();
    found
}

fn project() -> Rig {
    let settings = std::fs::read_to_string(Path::new(REPOSITORY).join("examples/playbook.toml")).unwrap();
    examples().into_iter().fold(Rig::new(&settings), |rig, path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        rig.file(&name, &std::fs::read_to_string(path).unwrap())
    })
}

#[test]
fn every_example_is_short_and_plans() {
    let rig = project();
    assert_eq!(examples().len(), 11);
    for path in examples() {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!((10..=30).contains(&lines), "{} has {lines} lines", path.display());
        rig.run(&["plan", path.file_name().unwrap().to_str().unwrap()]).expect(0);
    }
    assert!(!rig.path("var").exists(), "a plan made something");
}

#[test]
fn every_embedded_example_runs_twice() {
    let rig = project();
    for (name, code) in EMBEDDED {
        for _ in 0..2 {
            rig.run(&["exec", &format!("{name}.rhai")]).expect(*code).hides("NOT be taken back");
        }
    }
    rig.run(&["verify"]).expect(0);
}

/// A code block of a page: the words behind its fence, and its text.
struct Block {
    words: Vec<String>,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(Path::new(REPOSITORY).join(page)).unwrap();
    text.split("```")
        .skip(1)
        .step_by(2)
        .map(|block| {
            let (fence, text) = block.split_once('\n').unwrap();
            Block { words: fence.split_whitespace().map(str::to_owned).collect(), text: text.to_owned() }
        })
        .collect()
}

/// The guide is read from top to bottom, and so it is run: one project, to which each `toml` block is added, and in
/// which each `rhai` block ends as its fence says (`exit=1`), or well.
#[test]
fn every_block_of_the_guide_runs() {
    assert!(run_through("docs/guide.md") >= 8);
}

#[test]
fn every_block_of_the_page_on_the_language_runs() {
    assert!(run_through("docs/language.md") >= 12);
}

/// Runs the blocks of a page, and gives how many playbooks it has.
fn run_through(page: &str) -> usize {
    let mut settings = String::new();
    let mut rig = Rig::new("").variable("API_TOKEN", "a-token-that-nobody-shall-see");
    let mut count = 0;
    for block in blocks(page) {
        let word =
            |name: &str| block.words.iter().find_map(|word| word.strip_prefix(name)).map(str::to_owned);
        match block.words.first().map(String::as_str) {
            Some("toml") => {
                settings.push_str(&block.text);
                rig = rig.file("playbook.toml", &settings);
            }
            Some("sql") => rig = rig.file(&word("file=").unwrap(), &block.text),
            Some("rhai") => {
                count += 1;
                let name = word("file=").unwrap_or_else(|| format!("block-{count}.rhai"));
                rig = rig.file(&name, &block.text);
                if !name.starts_with("lib/") {
                    let code = word("exit=").map_or(0, |code| code.parse().unwrap());
                    let mut arguments = vec!["exec".to_owned(), name];
                    if let Some(set) = word("set=") {
                        arguments.extend(["--set".to_owned(), set]);
                    }
                    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                    rig.run(&arguments).expect(code).hides("a-token-that-nobody-shall-see");
                }
            }
            _ => {}
        }
    }
    count
}

/// What these pages show needs servers; that it would run is what the checker says.
#[cfg(all(feature = "postgres", feature = "s3", feature = "redis", feature = "probes"))]
#[test]
fn nothing_is_wrong_with_the_playbooks_of_the_pages_on_data_and_probes() {
    checks("docs/data.md", 4);
    checks("docs/probes.md", 3);
}

#[cfg(all(feature = "postgres", feature = "s3", feature = "redis", feature = "probes"))]
fn checks(page: &str, count: usize) {
    let blocks = blocks(page);
    let text = |word: &str| blocks.iter().filter(|block| block.words[0] == word).collect::<Vec<_>>();
    let settings: String = text("toml").iter().map(|block| block.text.as_str()).collect();
    let playbooks = text("rhai");
    assert_eq!(playbooks.len(), count);
    for block in playbooks {
        let name = block.words[1].strip_prefix("file=").unwrap();
        let rig = Rig::new(&settings).file(name, &block.text);
        rig.run(&["check", name]).expect(0).says("nothing wrong");
    }
}

/// What the page on traffic shows needs a whole site; that it would run is what the checker says.
#[test]
fn nothing_is_wrong_with_the_playbooks_of_the_page_on_traffic() {
    all_are_right("docs/traffic.md", 4);
}

/// So do those of the pages on notices and releases, whose systems are in the cloud.
#[cfg(feature = "mail")]
#[test]
fn nothing_is_wrong_with_the_playbooks_of_the_pages_on_notices_and_releases() {
    for page in ["docs/notices.md", "docs/release.md"] {
        let blocks = blocks(page);
        let text = |word: &str| blocks.iter().filter(|block| block.words[0] == word).collect::<Vec<_>>();
        let settings: String = text("toml").iter().map(|block| block.text.as_str()).collect();
        assert_eq!(text("rhai").len(), 1, "{page}");
        for block in text("rhai") {
            let name = block.words[1].strip_prefix("file=").unwrap();
            let rig = Rig::new(&settings).file(name, &block.text);
            rig.run(&["check", name]).expect(0).says("nothing wrong");
        }
    }
}

/// What the page on hosts shows needs hosts; that it would run is what the checker says.
#[cfg(feature = "ssh")]
#[test]
fn nothing_is_wrong_with_the_playbooks_of_the_page_on_hosts() {
    all_are_right("docs/hosts.md", 2);
}

/// What the page on the cloud shows needs an account and a vault; that it would run is what the checker says.
#[cfg(all(feature = "aws", feature = "postgres"))]
#[test]
fn nothing_is_wrong_with_the_playbooks_of_the_page_on_the_cloud() {
    all_are_right("docs/cloud.md", 2);
}

/// Checks each playbook of a page against all settings of the page.
fn all_are_right(page: &str, wanted: usize) {
    let blocks = blocks(page);
    let settings: String =
        blocks.iter().filter(|block| block.words[0] == "toml").map(|block| block.text.as_str()).collect();
    let mut count = 0;
    for block in blocks.iter().filter(|block| block.words[0] == "rhai") {
        count += 1;
        let name = block.words[1].strip_prefix("file=").unwrap();
        let rig = Rig::new(&settings).file(name, &block.text);
        rig.run(&["check", name]).expect(0).says("nothing wrong");
    }
    assert_eq!(count, wanted);
}

/// Likewise for the page on Kubernetes, which needs a cluster.
#[cfg(feature = "kubernetes")]
#[test]
fn nothing_is_wrong_with_the_playbooks_of_the_page_on_kubernetes() {
    let blocks = blocks("docs/kubernetes.md");
    let settings = &blocks.iter().find(|block| block.words[0] == "toml").unwrap().text;
    let playbooks: Vec<&Block> =
        blocks.iter().filter(|block| block.words.first().is_some_and(|word| word == "rhai")).collect();
    assert_eq!(playbooks.len(), 3);
    for block in playbooks {
        let name = block.words[1].strip_prefix("file=").unwrap();
        let rig = Rig::new(settings).file(name, &block.text);
        rig.run(&["check", name, "--env", "production"]).expect(0).says("nothing wrong");
    }
}

#[test]
fn the_table_of_exit_codes_is_that_of_the_program() {
    let page = std::fs::read_to_string(Path::new(REPOSITORY).join("docs/exit-codes.md")).unwrap();
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| code") && !line.starts_with("| ---"))
        .collect();
    let told: Vec<String> = playbook::base::exit::Exit::ALL
        .iter()
        .map(|exit| format!("| {} | {} |", exit.code(), exit.meaning()))
        .collect();
    assert_eq!(rows.len(), told.len());
    for (row, told) in rows.iter().zip(&told) {
        assert!(row.replace('`', "").starts_with(&told.replace('`', "")), "{row}\n{told}");
    }
}

#[test]
fn nothing_is_wrong_with_any_playbook_in_any_environment() {
    let folder = Path::new(REPOSITORY);
    let mut count = 0;
    for (project, environments) in [
        ("playbooks", ["staging", "production"].as_slice()),
        ("playbooks/pfa-vanguard", &["production"]),
        ("playbooks/sprint-001", &["production"]),
        ("playbooks/sprint-20-23", &["production"]),
        ("examples", &["local"]),
        ("examples/shop", &["local"]),
    ] {
        for entry in std::fs::read_dir(folder.join(project)).unwrap().flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|end| end != "rhai") {
                continue;
            }
            for environment in environments {
                Rig::new("").run(&["check", path.to_str().unwrap(), "--env", environment]).expect(0);
                count += 1;
            }
        }
    }
    assert!(count >= 24, "only {count} were checked");
}

#[cfg(feature = "postgres")]
#[test]
fn the_restore_drill_proves_a_backup_and_refuses_a_database_that_lost_a_table() {
    let (Some(live), Some(drill)) = (postgres::database(), postgres::database()) else { return };
    live.sql("CREATE TABLE orders AS SELECT generate_series(1, 50) AS id; CREATE TABLE customers (id int)");
    let settings = format!(
        "{}{}[env.local.files.backups]\npath = \"backups\"\naccess = \"write\"\n",
        live.settings("write"),
        drill.settings("destroy").replace("postgres.main", "postgres.drill"),
    );
    let text = std::fs::read_to_string(Path::new(REPOSITORY).join("playbooks/restore-drill.rhai")).unwrap();
    let rig = Rig::new(&settings).variable("PG_PASSWORD", postgres::PASSWORD).file("drill.rhai", &text);
    rig.run(&["exec", "drill.rhai"]).expect(1).says("✘ there is one: 0");
    let (rig, _) = rig.exec(
        "//! T.\n//!\n//! uses = [\"postgres.main:write\", \"files.backups:write\"]\n\
         postgres(\"main\").dump_to(files(\"backups\"), \"pre-migration-1.dump\");",
    );
    rig.run(&["exec", "drill.rhai"]).expect(0).says("✔ orders: rows: 50 (<= 50)").says("✔ tables");
    live.sql("CREATE TABLE later (id int)");
    rig.run(&["exec", "drill.rhai"]).expect(1).says("✘ tables");
}
