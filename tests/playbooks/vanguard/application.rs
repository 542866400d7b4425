//! The application that is deployed: its repository in two releases, its database, its smoke tests.

use std::path::Path;

use super::{Names, Ports};
use crate::rig::servers::postgres::Database;

/// What its processes are told.
pub struct Told<'a> {
    pub names: &'a Names,
    pub program: &'a Path,
    pub socket: String,
    pub database: String,
    pub faults: String,
    pub api: u16,
    pub worker: u16,
}

impl<'a> Told<'a> {
    /// For an application on that database, whose faults stand in that file.
    pub fn new(
        names: &'a Names,
        program: &'a Path,
        database: &Database,
        faults: &Path,
        ports: &Ports,
    ) -> Self {
        let server = database.server;
        Self {
            names,
            program,
            socket: server.socket().join(format!(".s.PGSQL.{}", server.port)).display().to_string(),
            database: database.name.clone(),
            faults: faults.display().to_string(),
            api: ports.api,
            worker: ports.worker,
        }
    }
}

/// What the database is before any deployment.
pub const FIRST: &str = "CREATE TABLE pfa_records (id int PRIMARY KEY, amount int NOT NULL);\n\
    CREATE TABLE pfa_write_queue (id serial PRIMARY KEY, status text NOT NULL, done_at timestamptz);\n\
    CREATE TABLE feature_flags (flag_name text PRIMARY KEY, enabled boolean NOT NULL);\n\
    INSERT INTO pfa_records SELECT i, i * 10 FROM generate_series(1, 200) i;\n\
    INSERT INTO pfa_write_queue (status, done_at) SELECT 'done', '2025-11-01' FROM generate_series(1, 20);\n";

/// What the new release needs; a table that leans on an old one, and a column that the old release does not know.
pub const SECOND: &str = "ALTER TABLE pfa_records ADD COLUMN synced_at timestamptz;\n\
    CREATE TABLE pfa_sync_conflict (id serial PRIMARY KEY, record int NOT NULL REFERENCES pfa_records (id), resolved_at timestamptz);\n\
    CREATE TABLE sync_worker (id int PRIMARY KEY, beat timestamptz NOT NULL);\n\
    INSERT INTO pfa_sync_conflict (record, resolved_at) VALUES (7, now()), (8, NULL);\n";

const SMOKE: &str = r#"// Asks what a user would, and prints each result as PASS or FAIL.
const staging = process.argv.includes("--env=staging");
const url = staging ? process.env.STAGING_API_URL : process.env.PROD_API_URL;
const headers = { authorization: `Bearer ${process.env.SMOKE_TEST_TOKEN}` };
const asks = {
    health: ["GET", "/health", 200],
    authentication: ["GET", "/api/session", 200],
    sync_status: ["GET", "/api/sync/status", 200],
    queue_metrics: ["GET", "/api/queue/metrics", 200],
    manual_sync: ["POST", "/api/sync", 202],
};
const results = {};
for (const [name, [method, path, wanted]] of Object.entries(asks)) {
    const answer = await fetch(url + path, { method, headers }).catch(() => ({ status: 0 }));
    results[name] = answer.status === wanted ? "PASS" : "FAIL";
}
console.log(JSON.stringify(results));
process.exit(Object.values(results).every((result) => result === "PASS") ? 0 : 1);
"#;

/// The files of the repository in one release.
pub fn files(release: &str, told: &Told<'_>, has_second: bool) -> Vec<(String, String)> {
    let package = |name: &str| {
        format!(
            "{{ \"name\": \"{name}\", \"version\": \"1.0.0\", \"private\": true, \"scripts\": {{ \"build\": \"sh build.sh\", \"test\": \"sh test.sh\" }} }}\n"
        )
    };
    let lock = |name: &str| {
        format!(
            "{{ \"name\": \"{name}\", \"version\": \"1.0.0\", \"lockfileVersion\": 3, \"requires\": true, \"packages\": {{ \"\": {{ \"name\": \"{name}\", \"version\": \"1.0.0\" }} }} }}\n"
        )
    };
    let mut files = vec![
        (".gitignore", "dist\nnode_modules\n.kept\n".to_owned()),
        ("package.json", package("site")),
        ("package-lock.json", lock("site")),
        (
            "build.sh",
            format!(
                "set -e\nrm -rf dist\nmkdir -p dist/assets\necho 'console.log(\"{release}\")' >dist/assets/app-{release}.js\n\
             echo '<html><button id=\"sync-button\">Sync</button><script src=\"assets/app-{release}.js\"></script></html>' >dist/index.html\n"
            ),
        ),
        ("backend/package.json", package("backend")),
        ("backend/package-lock.json", lock("backend")),
        ("backend/build.sh", format!("set -e\nmkdir -p dist\necho {release} >dist/release\n")),
        ("backend/test.sh", "test -f dist/release\n".to_owned()),
        ("backend/scripts/smoke-test-staging.mjs", SMOKE.to_owned()),
        ("backend/ecosystem.config.js", ecosystem(told)),
        ("backend/prisma/migrations/20251001000000_first/migration.sql", FIRST.to_owned()),
        ("docs/ADR-008.md", "# ADR-008\n\nStatus: ACCEPTED\n".to_owned()),
        ("docs/DEVELOPMENT_LOG.md", "# Development log\n".to_owned()),
        ("docs/status-page.md", "We are improving the sync.\n".to_owned()),
        ("docs/customer-mail.md", "Dear customers, the sync pauses for a moment.\n".to_owned()),
        ("docs/announcement.md", "The new sync goes live.\n".to_owned()),
    ];
    if has_second {
        files.push((
            "backend/prisma/migrations/20251120000000_bidirectional_sync/migration.sql",
            SECOND.to_owned(),
        ));
    }
    files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect()
}

fn ecosystem(told: &Told<'_>) -> String {
    let Told { names, program, socket, database, faults, api, worker } = told;
    let app = |name: &str, role: &str, port: u16| {
        format!(
            "{{ name: '{name}', script: '{}', interpreter: 'none', max_restarts: 2, min_uptime: 2000, env_production: {{ MODE: 'production' }},\n   \
             args: '{role} --port {port} --release-file dist/release --socket {socket} --database {database} --faults {faults} --token {}' }}",
            program.display(),
            super::TOKEN
        )
    };
    let (backend, worker) = (app(names.backend, "api", *api), app(names.worker, "worker", *worker));
    format!("module.exports = {{ apps: [\n  {backend},\n  {worker},\n] }};\n")
}
