//! A journalled write against a bare durable commit of SQLite, in turn, on the disk that TMPDIR lies on.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a benchmark stands outside the house, and may end by panicking"
)]

use std::time::{Duration, Instant};

use playbook::base::access::ResourceId;
use playbook::base::call::{Call, Inverse};
use playbook::base::effect::Effect;
use playbook::base::event::Event;
use playbook::base::outcome::Outcome;
use playbook::effect::journal::{Journal, NewRun, RunJournal};

/// How many writes are made before the other side has its turn.
const TURN: usize = 100;
/// How many turns there are.
const TURNS: usize = 31;

/// Microseconds of one write: by the clock, and of CPU.
type Cost = (f64, f64);

fn main() {
    let folder = std::env::temp_dir().join(format!("playbook-journal-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let journal = Journal::open(&folder).unwrap();
    let run = journal.begin_run(&NewRun::default()).unwrap();
    let bare = bare(&folder.join("bare.db"));
    let (mut ours, mut theirs, mut ratios, mut number) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..TURNS {
        let one = cost(|| {
            number += 1;
            write(&run, number);
        });
        let other = cost(|| {
            assert_eq!(bare.execute("INSERT INTO t (body) VALUES (?1)", ["x".repeat(600)]).unwrap(), 1)
        });
        ratios.push(one.0 / other.0);
        ours.push(one);
        theirs.push(other);
    }
    let of = |costs: &[Cost], part: fn(&Cost) -> f64| median(costs.iter().map(part).collect());
    ratios.sort_by(f64::total_cmp);
    println!(
        "a journalled write {:.0} µs, CPU {:.0} µs; a bare durable commit {:.0} µs, CPU {:.0} µs; ratio {:.2} ({:.2}–{:.2}), {TURNS} pairs of {TURN}",
        of(&ours, |cost| cost.0),
        of(&ours, |cost| cost.1),
        of(&theirs, |cost| cost.0),
        of(&theirs, |cost| cost.1),
        median(ratios.clone()),
        ratios.first().unwrap(),
        ratios.last().unwrap(),
    );
    drop((run, journal, bare));
    std::fs::remove_dir_all(&folder).unwrap();
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn cost(mut once: impl FnMut()) -> Cost {
    let (begin, cpu) = (Instant::now(), cpu());
    (0..TURN).for_each(|_| once());
    let each = |taken: Duration| taken.as_secs_f64() * 1e6 / TURN as f64;
    (each(begin.elapsed()), each(self::cpu().saturating_sub(cpu)))
}

/// The time that this thread has had a CPU.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn bare(path: &std::path::Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)";
    connection.execute_batch(settings).unwrap();
    connection
}

/// What the path of an effect keeps of one write: its intent and inverse, durably, and its end.
fn write(run: &RunJournal, number: usize) {
    let resource: ResourceId = "files.out".parse().unwrap();
    let key = format!("releases/{number}.txt");
    let call = Call::new(resource.clone(), "put").with("key", key.as_str()).with("text", "hello");
    let inverse = Inverse::Call(Call::new(resource, "restore").with("key", key.as_str()).with("kept", "a/b"));
    let began = Event::EffectBegan {
        position: number.to_string(),
        call,
        digest: "0".repeat(64),
        effect: Effect::Write,
        plan: format!("write 5 B to `{key}`"),
        inverse: inverse.clone(),
        stays: false,
        at: None,
    };
    run.intend(&began, &inverse).unwrap();
    let ended = Event::EffectEnded {
        position: number.to_string(),
        call: "files.out.put".to_owned(),
        outcome: Outcome::Done,
        took: Duration::from_micros(250),
        value: serde_json::json!({ "key": key, "bytes": 5, "sha256": "0".repeat(64) }),
        error: None,
    };
    run.note(&ended).unwrap();
}
