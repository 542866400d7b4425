//! What a crash in the middle of a change leaves in doubt is settled as the manual says: by the system itself, by doing it
//! again, by asking, or, of a notice, not at all.

use std::sync::Mutex;

use super::example::Example;
use super::far::Recorder;
use super::{One, each, world};
use crate::rig::crash::BEFORE;
use crate::rig::seen::Seen;

/// The changes whose process a test kills just before and just after they are made, against the real system, and the file
/// of that test. A new one wants its test, and its name here.
const CRASHED: &[(&str, &str)] = &[
    ("flags.enable", "real/flags.rs"),
    ("flags.disable", "real/flags.rs"),
    ("flags.set", "real/flags.rs"),
    ("postgres.execute", "real/postgres/doubts.rs"),
    ("postgres.transaction", "real/postgres/doubts.rs"),
    ("postgres.script", "real/postgres/doubts.rs"),
    ("postgres.migrate", "real/postgres/migrations.rs"),
    ("postgres.dump_to", "real/survival"),
    ("sqlite.dump_to", "real/archives.rs"),
    ("files.archive_to", "real/archives.rs"),
    ("program.archive_to", "real/archives.rs"),
    ("service.archive_to", "real/archives.rs"),
    ("journal.archive_to", "real/archives.rs"),
    ("redis.set", "real/redis/inverses.rs"),
    ("redis.expire", "real/redis/inverses.rs"),
    ("redis.persist", "real/redis/inverses.rs"),
    ("redis.delete", "real/redis/inverses.rs"),
    ("files.put", "real/files.rs"),
    ("files.copy", "real/files.rs"),
    ("files.delete", "real/files.rs"),
    ("s3.put", "real/s3/objects.rs"),
    ("s3.copy", "real/s3/objects.rs"),
    ("s3.upload", "real/s3/objects.rs"),
    ("s3.download", "real/s3/objects.rs"),
    ("s3.delete", "real/s3/objects.rs"),
    ("s3.sync_from", "real/s3/objects.rs"),
    ("kubernetes.apply", "real/kubernetes/patch.rs"),
    ("kubernetes.patch", "real/kubernetes/patch.rs"),
    ("kubernetes.scale", "real/kubernetes/patch.rs"),
    ("kubernetes.set_image", "real/kubernetes/patch.rs"),
    ("kubernetes.pause", "real/kubernetes/patch.rs"),
    ("kubernetes.resume", "real/kubernetes/patch.rs"),
    ("kubernetes.restart", "real/kubernetes/patch.rs"),
    ("kubernetes.shift", "real/kubernetes/patch.rs"),
    ("kubernetes.delete", "real/kubernetes/patch.rs"),
    ("kubernetes.undo", "real/kubernetes/patch.rs"),
    ("kubernetes.run_job", "real/kubernetes/jobs.rs"),
    ("ssh.upload", "real/ssh/files.rs"),
    ("ssh.download", "real/ssh/files.rs"),
    ("service.start", "real/service.rs"),
    ("service.stop", "real/service.rs"),
    ("service.restart", "real/service.rs"),
    ("service.replace", "real/service.rs"),
    ("pm2.start", "real/pm2/changes.rs"),
    ("pm2.stop", "real/pm2/changes.rs"),
    ("pm2.reload", "real/pm2/changes.rs"),
    ("pm2.restart", "real/pm2/changes.rs"),
    ("pm2.delete", "real/pm2/changes.rs"),
    ("haproxy.set_weights", "real/haproxy/failures.rs"),
    ("haproxy.set_weight", "real/haproxy/failures.rs"),
    ("haproxy.drain", "real/haproxy/failures.rs"),
    ("haproxy.maintenance", "real/haproxy/failures.rs"),
    ("nginx.set_weights", "real/nginx.rs"),
    ("alertmanager.silence", "real/alertmanager.rs"),
    ("alertmanager.unsilence", "real/alertmanager.rs"),
    ("grafana.annotate", "real/grafana.rs"),
    ("grafana.finish", "real/grafana.rs"),
    ("grafana.unannotate", "real/grafana.rs"),
    ("pager.trigger", "real/pager.rs"),
    ("pager.acknowledge", "real/pager.rs"),
    ("pager.resolve", "real/pager.rs"),
    ("statuspage.create", "real/statuspage.rs"),
    ("statuspage.update", "real/statuspage.rs"),
    ("statuspage.resolve", "real/statuspage.rs"),
    ("statuspage.component", "real/statuspage.rs"),
    ("webhook.send", "real/webhook.rs"),
    ("chat.post", "real/chat.rs"),
    ("chat.update", "real/chat.rs"),
    ("mail.send", "real/mail.rs"),
    ("git.tag", "real/git.rs"),
    ("git.push_tag", "real/git.rs"),
    ("git.delete_tag", "real/git.rs"),
    ("git.delete_pushed_tag", "real/git.rs"),
    ("github.dispatch", "real/github.rs"),
    ("github.create_release", "real/github.rs"),
    ("github.delete_release", "real/github.rs"),
    ("registry.promote", "real/registry.rs"),
    ("cloudfront.invalidate", "real/cloudfront.rs"),
    ("ecs.deploy", "real/ecs.rs"),
    ("alb.set_weights", "real/alb.rs"),
    ("route53.set_record", "real/route53.rs"),
    ("route53.delete_record", "real/route53.rs"),
    ("ssm.put", "real/ssm.rs"),
    ("ssm.delete", "real/ssm.rs"),
    ("haproxy.ready", "real/haproxy/failures.rs"),
    ("registry.untag", "real/registry.rs"),
    ("redis.invalidate", "real/redis/inverses.rs"),
    ("kubernetes.exec", "real/kubernetes/commands.rs"),
    ("pm2.archive_to", "real/pm2/changes.rs"),
    ("postgres.restore_from", "real/postgres/dumps.rs"),
    ("postgres.verify_restore", "real/dumps"),
    ("sqlite.restore_from", "real/sqlite/dump.rs"),
    ("sqlite.verify_restore", "real/sqlite/dump.rs"),
];

/// What takes a change back, with the change: `survives` kills the way back of that one just before and just after it is
/// gone, too.
const BACK: &[(&str, &str)] = &[
    ("redis.restore", "redis.set"),
    ("files.restore", "files.put"),
    ("s3.restore", "s3.put"),
    ("s3.undo_sync", "s3.sync_from"),
    ("ssh.restore", "ssh.upload"),
    ("git.restore_tag", "git.delete_tag"),
    ("pm2.restore", "pm2.stop"),
    ("pm2.withdraw", "pm2.start"),
    ("kubernetes.revert", "kubernetes.scale"),
    ("nginx.restore", "nginx.set_weights"),
    ("postgres.revert_migrations", "postgres.migrate"),
];

#[test]
fn every_change_is_crashed() {
    let doubtful = doubtful();
    each(
        |one| !one.entry.effect.is_read(),
        |one| {
            let name = one.name();
            let is_back = BACK.iter().find(|(of, _)| *of == name).map(|(_, change)| *change);
            let change = is_back.unwrap_or(&name);
            match CRASHED.iter().find(|(of, _)| *of == change) {
                Some((_, file)) => is_crashed_in(change, file, is_back.is_some()),
                None if doubtful.contains(&name) => Ok(()),
                None => Err("no test kills its process around it".to_owned()),
            }
        },
    );
}

/// Whether the file calls it, and kills something; `back` for its way back, too.
fn is_crashed_in(name: &str, file: &str, back: bool) -> Result<(), String> {
    let verb = name.split_once('.').map_or(name, |(_, verb)| verb);
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
    let files: Vec<_> = match std::fs::read_dir(&path) {
        Ok(all) => all.flatten().map(|file| file.path()).collect(),
        Err(_) => vec![path],
    };
    let texts = files.iter().map(std::fs::read_to_string).collect::<Result<Vec<_>, _>>();
    let text = texts.map_err(|why| format!("{file}: {why}"))?.concat();
    let ways = ["survives", ".killed(", "killed(&", "child.kill("];
    let ways = if back { &ways[..1] } else { &ways };
    let kills = ways.iter().any(|word| text.contains(word));
    let calls = text.contains(&format!(".{verb}(")) || text.contains(&format!("\"{verb}\""));
    if kills && calls { Ok(()) } else { Err(format!("{file} does not kill it")) }
}

/// The changes without a probe that could be begun here, each killed and gone on with.
fn doubtful() -> Vec<String> {
    let found = Mutex::new(Vec::new());
    each(
        |one| one.entry.no_probe.is_some(),
        |one| {
            if doubt(one)? {
                found.lock().unwrap().push(one.name());
            }
            Ok(())
        },
    );
    found.into_inner().unwrap()
}

/// Kills it right after its beginning was kept; `false` when it was refused before.
fn doubt(one: One) -> Result<bool, String> {
    let recorder = Recorder::start();
    let example = Example::of(one)?;
    let example =
        if example.line.contains("on_doubt") { example.option("on_doubt: \"ask\"")? } else { example };
    let rig = world::project(&example, &recorder.far, "destroy").file("t.rhai", &example.left("destroy"));
    let output = rig.command(&["exec", "t.rhai"]).env("PLAYBOOK_TEST_KILL_AT", BEFORE).output().unwrap();
    let began = "SELECT count(*) FROM entries WHERE body LIKE '%\"effect_began\"%'";
    if output.status.code().is_some() || crate::cli::resume::count(&rig, began) == 0 {
        return Ok(false);
    }
    recorder.take();
    let seen = rig.run(&["resume", "last"]);
    let asks = seen.all().contains("it is not known whether");
    let is_notice = one.entry.arguments().iter().any(|(name, _)| name == "must");
    let acted =
        recorder.take().iter().any(|request| request.starts_with("POST")) || rig.path("called").exists();
    let wrong = |why: &str, seen: &Seen| Err(format!("{why}:\n{seen}"));
    match (one.entry.idempotent, is_notice) {
        (true, _) if asks => wrong("it may be done again, and is asked about", &seen),
        (false, true) if seen.code != 0 || acted => wrong("a notice holds the run up, or goes twice", &seen),
        (false, false) if seen.code != 5 || !asks => wrong("it is not asked about", &seen),
        _ => Ok(true),
    }
}
