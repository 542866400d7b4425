//! The house rules, held by tests: who may import whom, how long things are, what the register promises, and that
//! nothing is forgotten.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use playbook::base::effect::Effect;
use playbook::effect::health::Examine;
use playbook::effect::options::SHARED;
use playbook::primitives::FAMILIES;
use playbook::script::handle::MOST_VALUES;

const FLOORS: [&str; 7] = ["base", "sys", "effect", "primitives", "script", "run", "front"];

/// Words that Rhai keeps for itself: neither a family nor a verb may be one.
const RESERVED: &[&str] = &[
    "until", "match", "case", "go", "spawn", "call", "sync", "async", "await", "with", "is", "new", "use",
    "import", "export", "print", "debug", "shared", "thread", "goto", "yield", "default", "module",
    "package", "static", "public", "super", "var", "void", "null", "nil", "try", "catch", "throw", "do",
    "switch", "this", "curry", "type_of", "Fn", "eval", "if", "else", "loop", "for", "in", "while",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `folder`, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no sources below {folder}");
    found
}

fn floor(path: &Path) -> Option<usize> {
    let relative = path.strip_prefix(root().join("src")).ok()?;
    let first = relative.components().next()?.as_os_str().to_str()?;
    FLOORS.iter().position(|floor| *floor == first)
}

/// The code of a file without its inline tests, which may reach wherever they like.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn a_floor_imports_only_the_floors_before_it() {
    for (path, text) in sources("src") {
        let Some(own) = floor(&path) else { continue };
        for (number, line) in code(&text).lines().enumerate() {
            for (other, name) in FLOORS.iter().enumerate().skip(own + 1) {
                let wrong =
                    line.contains(&format!("crate::{name}::")) || line.contains(&format!("crate::{name};"));
                assert!(
                    !wrong,
                    "{}:{}: {} may not import {}",
                    path.display(),
                    number + 1,
                    FLOORS[own],
                    FLOORS[other]
                );
            }
        }
    }
}

#[test]
fn families_do_not_import_each_other() {
    for (path, text) in sources("src/primitives") {
        let relative = path.strip_prefix(root().join("src/primitives")).unwrap();
        let own = relative
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        if own == "mod" {
            continue;
        }
        for family in FAMILIES {
            let wrong = family.name != own && code(&text).contains(&format!("primitives::{}", family.name));
            assert!(!wrong, "{} imports the family {}", path.display(), family.name);
        }
    }
}

#[test]
fn files_stay_within_their_budget_and_open_with_what_they_are_for() {
    let mut lengths = Vec::new();
    for (path, text) in sources("src") {
        let lines = text.lines().count();
        assert!(lines <= 400, "{} has {lines} lines: the design wants a new room", path.display());
        let first = text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("//! ") && first.len() > 20,
            "{} does not open with what it is for",
            path.display()
        );
        lengths.push(lines);
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 120, "the median file has {median} lines");
}

#[test]
fn the_lints_that_hold_the_other_rules_are_on() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for lint in [
        "unsafe_code = \"forbid\"",
        "unwrap_used = \"deny\"",
        "panic = \"deny\"",
        "todo = \"deny\"",
        "disallowed_methods = \"deny\"",
        "too_many_lines = \"deny\"",
        "too_many_arguments = \"deny\"",
    ] {
        assert!(manifest.contains(lint), "Cargo.toml lost the lint {lint}");
    }
    let settings = std::fs::read_to_string(root().join("clippy.toml")).unwrap();
    assert!(
        settings.contains("too-many-lines-threshold = 60")
            && settings.contains("too-many-arguments-threshold = 5")
    );
}

#[test]
fn every_family_file_is_registered_and_has_its_tests() {
    let registered: BTreeSet<&str> = FAMILIES.iter().map(|family| family.name).collect();
    assert_eq!(registered.len(), FAMILIES.len(), "a family is registered twice");
    for folder in ["src/primitives", "tests/real"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            // What goes from one family to another.
            assert!(
                name == "mod"
                    || (folder == "tests/real"
                        && matches!(name.as_str(), "dumps" | "archives" | "every" | "survival"))
                    || registered.contains(name.as_str()),
                "{} is not in the register",
                path.display()
            );
        }
        for name in &registered {
            let path = root().join(folder).join(name);
            assert!(
                path.with_extension("rs").exists() || path.join("mod.rs").exists(),
                "{folder} has nothing on {name}"
            );
        }
    }
}

#[test]
fn every_primitive_is_well_named_and_documented() {
    for family in FAMILIES {
        assert!(is_plain(family.name) && !family.about.is_empty(), "family {}", family.name);
        assert!(!family.entries.is_empty(), "family {} can do nothing", family.name);
        let settings = (family.settings.schema)();
        documented(&format!("the settings of {}", family.name), settings.as_value(), false);
        let mut verbs = BTreeSet::new();
        for entry in family.entries {
            let name = format!("{}.{}", family.name, entry.name);
            assert!(is_plain(entry.name) && verbs.insert(entry.name), "{name} is no good name");
            assert!(
                entry.example.contains(&format!(".{}(", entry.name))
                    || entry.example.contains(&format!(" {}(", entry.name)),
                "{name} has no example of itself: {}",
                entry.example
            );
            assert!(!entry.timeout.is_zero(), "{name} has no time");
            let schema = (entry.schema)();
            documented(&name, schema.as_value(), true);
            for (argument, _) in entry.arguments() {
                assert!(
                    SHARED.iter().all(|(shared, _)| *shared != argument),
                    "{name} has an argument named like the shared option {argument}"
                );
            }
        }
    }
}

#[test]
fn the_doctor_looks_at_every_family_or_is_told_why_not() {
    let unseen: Vec<_> = FAMILIES
        .iter()
        .filter_map(|family| match family.health {
            Examine::By(_) => None,
            Examine::Reading(verb, _) => {
                let read = family.entry(verb).unwrap();
                assert!(read.effect.is_read() && !read.waits, "{}.{verb} is no look", family.name);
                None
            }
            Examine::Never(why) => Some((family.name, why)),
        })
        .collect();
    for (name, why) in &unseen {
        assert!(why.split_whitespace().count() >= 4, "{name} says no reason: `{why}`");
    }
    // A new name here wants a good reason: what nobody can look at fails for the first time in a deployment.
    let names: Vec<&str> = unseen.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["journal"]);
}

#[test]
fn every_change_can_be_looked_at_after_a_crash_or_says_why_not() {
    let mut changes = 0;
    for (path, text) in sources("src/primitives") {
        for block in code(&text).split("impl Primitive for ").skip(1) {
            let block = block.split("\n}\n").next().unwrap_or_default();
            if block.contains("Effect = Effect::Read;") {
                continue;
            }
            changes += 1;
            let name = block.split_whitespace().next().unwrap_or_default();
            assert!(
                block.contains("fn probe(") != block.contains("const NO_PROBE"),
                "{}: {name} needs either a `probe`, or a `NO_PROBE` that says why there is none",
                path.display()
            );
        }
    }
    assert!(changes > 80, "only {changes} were found");
    for entry in FAMILIES.iter().flat_map(|family| family.entries) {
        assert!(entry.no_probe.is_none_or(|why| why.split(' ').count() > 4), "{} says no reason", entry.name);
        assert!(entry.no_probe.is_none() || !entry.effect.is_read(), "{} only reads", entry.name);
    }
}

fn is_plain(name: &str) -> bool {
    name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
        && !RESERVED.contains(&name)
}

fn documented(name: &str, schema: &serde_json::Value, itself: bool) {
    if itself {
        assert!(schema["description"].is_string(), "{name} has no manual");
    }
    assert_eq!(schema["additionalProperties"], serde_json::Value::Bool(false), "{name} takes unknown names");
    for (field, of) in schema["properties"].as_object().into_iter().flatten() {
        assert!(of["description"].is_string(), "`{field}` of {name} has no manual");
    }
}

#[test]
fn required_arguments_come_first() {
    for family in FAMILIES {
        for entry in family.entries {
            let arguments = entry.arguments();
            let optional = arguments.iter().position(|(_, required)| !required).unwrap_or(arguments.len());
            assert!(
                arguments[optional..].iter().all(|(_, required)| !required),
                "{}.{}: {arguments:?}",
                family.name,
                entry.name
            );
            assert!(
                arguments.len() < MOST_VALUES,
                "{}.{} cannot be called by position",
                family.name,
                entry.name
            );
        }
    }
}

#[test]
fn the_effects_are_what_was_reviewed() {
    let mut table = String::new();
    for effect in [Effect::Read, Effect::Write, Effect::Destroy] {
        let names: Vec<String> = FAMILIES
            .iter()
            .flat_map(|family| {
                family
                    .entries
                    .iter()
                    .filter(|entry| entry.effect == effect)
                    .map(|entry| format!("{}.{}", family.name, entry.name))
            })
            .collect();
        table.push_str(&format!("{effect}: {}\n", names.join(" ")));
    }
    insta::assert_snapshot!(table, @r"
    read: http.get http.health http.load postgres.query postgres.value postgres.migrations postgres.tables postgres.activity postgres.connections postgres.replication_lag postgres.long_transactions postgres.blocking_locks postgres.would_block postgres.count postgres.orphans postgres.integrity sqlite.query sqlite.value sqlite.verify_restore sqlite.tables sqlite.integrity redis.ping redis.info redis.get redis.exists redis.time_to_live redis.count files.get files.head files.list files.checksum s3.get s3.head s3.exists s3.list s3.count s3.checksum s3.presign kubernetes.get kubernetes.list kubernetes.events kubernetes.logs kubernetes.rollout_status kubernetes.wait_for kubernetes.weights program.read ssh.read ssh.ping ssh.facts service.status pm2.list pm2.describe pm2.logs flags.get flags.list haproxy.weights haproxy.state haproxy.stats nginx.weights prometheus.value prometheus.query prometheus.query_range prometheus.holds prometheus.rules prometheus.targets prometheus.alerts alertmanager.alerts alertmanager.silences grafana.health grafana.dashboards grafana.dashboard statuspage.components statuspage.incidents git.status git.is_clean git.head git.holds git.log github.run github.wait_for_run github.checks github.wait_for_checks github.release registry.digest registry.exists registry.tags registry.wait_for aws.identity cloudfront.status ecs.status ecs.wait_stable ec2.status ec2.wait_healthy ec2.inbound ec2.network_acls alb.exists alb.status alb.health alb.wait_healthy alb.weights route53.record route53.health ecr.image ecr.exists secrets_manager.describe secrets_manager.exists ssm.get vault.status tcp.connect tcp.is_open tcp.wait tls.certificate tls.verify dns.records dns.resolves dns.propagated disk.space disk.has_space grpc.status grpc.health kafka.brokers kafka.topic kafka.lag amqp.server amqp.queue amqp.drained
    write: http.post http.put http.patch http.load_changes postgres.execute postgres.transaction postgres.script postgres.migrate postgres.dump_to postgres.verify_restore sqlite.execute sqlite.transaction sqlite.script sqlite.dump_to redis.set redis.expire redis.persist redis.publish redis.restore files.put files.copy files.restore files.archive_to s3.put s3.copy s3.upload s3.download s3.sync_from s3.restore kubernetes.apply kubernetes.patch kubernetes.set_image kubernetes.scale kubernetes.restart kubernetes.undo kubernetes.pause kubernetes.resume kubernetes.shift kubernetes.exec kubernetes.run_job kubernetes.revert program.run program.archive_to ssh.exec ssh.undo ssh.upload ssh.restore ssh.download service.start service.stop service.restart service.replace service.archive_to pm2.start pm2.stop pm2.reload pm2.restart pm2.restore pm2.withdraw pm2.archive_to flags.enable flags.disable flags.set haproxy.set_weights haproxy.set_weight haproxy.ready haproxy.drain haproxy.maintenance nginx.set_weights nginx.restore alertmanager.silence alertmanager.unsilence grafana.annotate grafana.finish grafana.unannotate chat.post chat.update pager.trigger pager.acknowledge pager.resolve mail.send statuspage.create statuspage.update statuspage.resolve statuspage.component webhook.send git.tag git.push_tag git.restore_tag github.dispatch github.create_release registry.promote cloudfront.invalidate ecs.deploy alb.set_weights route53.set_record ssm.put journal.archive_to
    destroy: http.delete postgres.revert_migrations postgres.restore_from sqlite.restore_from redis.delete redis.invalidate files.delete s3.delete s3.undo_sync kubernetes.delete program.destroy ssh.destroy pm2.delete git.delete_tag git.delete_pushed_tag github.delete_release registry.untag route53.delete_record ssm.delete
    ");
}

#[test]
fn no_test_file_is_forgotten() {
    for (path, _) in sources("tests") {
        let relative = path.strip_prefix(root().join("tests")).unwrap().to_owned();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if stem == "main" || stem == "mod" {
            continue;
        }
        let parent = path.parent().unwrap();
        let owner = match relative.components().count() {
            1 => parent.join("main.rs"),
            _ if parent.join("mod.rs").exists() => parent.join("mod.rs"),
            _ => parent.with_extension("rs"),
        };
        let text = std::fs::read_to_string(&owner).unwrap_or_default();
        assert!(
            text.contains(&format!("mod {stem};")),
            "{} is not in {}",
            relative.display(),
            owner.display()
        );
    }
}

#[test]
fn the_reference_is_current() {
    let written = std::fs::read_to_string(root().join("docs/reference.md")).unwrap_or_default();
    assert!(
        written == playbook::front::docs::reference(FAMILIES),
        "docs/reference.md is old: run `playbook docs --write`"
    );
}
