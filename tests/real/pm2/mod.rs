//! pm2: each verb against a real one, on this machine and on hosts over SSH.

mod changes;
mod failures;
#[cfg(feature = "ssh")]
mod over;
mod reads;
mod release;

use std::path::Path;

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::pm2::{self, Pm2};

/// The end of a test that cannot be run here; else the program.
macro_rules! need_pm2 {
    () => {
        match $crate::rig::servers::pm2::program() {
            Some(program) => program,
            None => return,
        }
    };
}
use need_pm2;

/// A server that says when it is ready, one that ends at once, one that ends after a moment, and what starts them.
const FILES: [(&str, &str); 4] = [
    (
        "server.js",
        "console.log('listening ' + (process.env.MODE || 'plain')); setInterval(() => {}, 1000);\n\
         if (process.send) process.send('ready'); process.on('SIGINT', () => process.exit(0));\n",
    ),
    ("crash.js", "console.error('Error: cannot find the database'); process.exit(1);\n"),
    ("later.js", "setTimeout(() => { console.error('Error: lost the queue'); process.exit(3); }, 250);\n"),
    (
        "ecosystem.config.js",
        "module.exports = { apps: [\n\
         { name: 'api', script: 'server.js', instances: 2, exec_mode: 'cluster', wait_ready: true,\n\
           env: { DB_PASSWORD: 'hunter22' }, env_production: { MODE: 'production' } },\n\
         { name: 'worker', script: 'server.js' },\n\
         { name: 'crash', script: 'crash.js', max_restarts: 3 },\n\
         { name: 'later', script: 'later.js' } ] };\n",
    ),
];

fn project(pm2: &Pm2, more: &str) -> Rig {
    FILES.iter().fold(Rig::new(&pm2.settings(more)), |rig, (name, text)| rig.file(name, text))
}

fn script(lines: &str) -> String {
    format!(
        "//! pm2.\n//!\n//! uses = [\"pm2.app:destroy\"]\nlet app = pm2(\"app\");\nstep \"test\" {{\n{lines}\n}}\n"
    )
}

fn exec(rig: Rig, lines: &str) -> (Rig, Seen) {
    rig.exec(&script(lines))
}

/// Starts `only` of the ecosystem file by hand.
fn start(pm2: &Pm2, rig: &Rig, only: &str) {
    pm2.run(&["start", "ecosystem.config.js", "--only", only], rig.folder());
    assert!(pm2.processes(only).iter().all(|(_, status)| status == "online"));
}

fn pids(pm2: &Pm2, name: &str) -> Vec<u64> {
    pm2.processes(name).into_iter().map(|(pid, _)| pid).collect()
}

fn statuses(pm2: &Pm2, name: &str) -> Vec<String> {
    pm2.processes(name).into_iter().map(|(_, status)| status).collect()
}

/// A pm2 for one test.
fn fresh(program: &Path) -> Pm2 {
    pm2::Pm2::new(program, None)
}
