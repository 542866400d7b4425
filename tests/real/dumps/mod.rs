//! Dumps of a real PostgreSQL into a real S3 server, with every fault between them that there is a way to make.

mod drills;
mod faults;
mod kills;
mod retention;

use std::process::{Child, Stdio};

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::postgres::{self, Database, PASSWORD, Server};
use crate::rig::servers::proxy::{Fault, Proxy};
use crate::rig::servers::{moto, s3s};

/// A database, a bucket that keeps the parts of uploads, and a proxy between it and the product.
struct Scene {
    database: Database,
    bucket: moto::Bucket,
    proxy: Proxy,
    rig: Rig,
}

/// What every dump has to leave alone.
const EARLIER: &str = "daily/earlier.dump";
/// The key that the dump under test wants.
const KEY: &str = "daily/new.dump";

/// Makes a scene whose database is about as large as so many MiB, and whose bucket holds an earlier dump.
fn scene(mebibytes: usize) -> Option<Scene> {
    let database = postgres::database()?;
    scene_of(database, mebibytes)
}

fn scene_of(database: Database, mebibytes: usize) -> Option<Scene> {
    let bucket = moto::bucket()?;
    // For the drills.
    database.sql(&format!(
        "CREATE TABLE orders (id int PRIMARY KEY, body text); ALTER TABLE orders ALTER body SET STORAGE EXTERNAL; \
         INSERT INTO orders SELECT n, repeat(md5(n::text), 32768) FROM generate_series(1, {mebibytes}) n"
    ));
    let proxy = Proxy::http(bucket.server.port);
    let settings = settings(&database, proxy.port, &bucket.name);
    let rig = Rig::new(&settings)
        .variable("PG_PASSWORD", PASSWORD)
        .variable("RIG_ACCESS", s3s::ACCESS_KEY)
        .variable("RIG_SECRET", s3s::SECRET_KEY);
    let scene = Scene { database, bucket, proxy, rig };
    scene.exec(&dump(EARLIER)).expect(0);
    Some(scene)
}

/// Small parts, so that a small dump has several.
fn settings(database: &Database, s3: u16, bucket: &str) -> String {
    format!(
        "{}{}part = \"5 MiB\"\nrequest_timeout = \"5s\"\n",
        database.settings("destroy"),
        s3s::settings(s3, bucket, "destroy")
    )
}

fn dump(key: &str) -> String {
    format!("db.dump_to(box, \"{key}\", #{{ compression: \"none\" }});")
}

fn playbook(lines: &str) -> String {
    format!(
        "//! Test.\n//!\n//! uses = [\"postgres.main:destroy\", \"s3.box:destroy\"]\nlet db = postgres(\"main\");\n\
         let box = s3(\"box\");\n{lines}\n"
    )
}

impl Scene {
    fn exec(&self, lines: &str) -> Seen {
        std::fs::write(self.rig.path("test.rhai"), playbook(lines)).unwrap();
        self.rig.run(&["exec", "test.rhai"])
    }

    /// Starts a run.
    fn start(&self, lines: &str) -> Child {
        std::fs::write(self.rig.path("test.rhai"), playbook(lines)).unwrap();
        let mut command = self.rig.command(&["exec", "test.rhai"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts a run and holds every part of the dump back, so that the program that makes it cannot go on.
    fn stalled(&self) -> Child {
        self.proxy.when("PUT", "x-id=PutObject", Fault::Hold, 99);
        let child = self.start(&dump(KEY));
        self.proxy.wait_held();
        child
    }

    /// Lets everything go on.
    fn go_on(&self) {
        self.proxy.heal();
        self.proxy.release();
    }

    /// Waits for the end of a run.
    fn end(&self, child: Child) -> Seen {
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Seen::new(output.status, text(output.stdout), text(output.stderr), self.rig.folder())
    }

    /// The keys in the bucket and the keys of open uploads.
    fn there(&self) -> (Vec<String>, Vec<String>) {
        (self.bucket.keys(), self.bucket.open_uploads())
    }

    /// Nothing is under the key, nothing is left, and the earlier dump is what it was.
    fn expect_nothing_new(&self, when: &str) {
        assert_eq!(self.there(), (vec![EARLIER.to_owned()], vec![]), "{when}");
        self.proxy.heal();
        self.exec(&format!("db.verify_restore(box, \"{EARLIER}\");")).expect(0);
    }

    /// The next run finds whatever this one left; what is under the key can be restored. Then it is as before.
    fn expect_healing(&self, when: &str) {
        self.proxy.heal();
        let visible = self.bucket.keys().contains(&KEY.to_owned());
        let drill = if visible { format!("db.verify_restore(box, \"{KEY}\");") } else { String::new() };
        let lines = format!("{}\n{drill}\ndb.verify_restore(box, \"{EARLIER}\");", dump("daily/next.dump"));
        self.exec(&lines).expect(0);
        let mut wanted = vec![EARLIER.to_owned(), KEY.to_owned(), "daily/next.dump".to_owned()];
        wanted.retain(|key| key != KEY || visible);
        wanted.sort();
        assert_eq!(self.there(), (wanted.clone(), vec![]), "{when}");
        for key in wanted.iter().filter(|key| *key != EARLIER) {
            self.bucket.server.ask("DELETE", &format!("/{}/{key}", self.bucket.name), "");
        }
    }
}
