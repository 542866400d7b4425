//! The worker: takes what stands in the queue, and says so.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::answer::Answer;
use crate::arguments::Arguments;
use crate::{figures, server};

/// Between two looks at the queue.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Default)]
struct Done {
    well: u64,
    wrong: u64,
    seconds: f64,
}

/// Works until it is ended.
pub(crate) fn run(arguments: Arguments) -> Result<(), String> {
    println!("worker {} serves its metrics on 127.0.0.1:{}", arguments.release, arguments.port);
    let done = Arc::new(Mutex::new(Done::default()));
    let (shared, of) = (Arc::clone(&done), arguments.clone());
    std::thread::spawn(move || {
        let (mut leaked, mut last) = (Vec::new(), Instant::now());
        loop {
            let passed = last.elapsed();
            last += passed;
            leak(&of, passed, &mut leaked);
            if let Err(why) = turn(&of, &shared) {
                eprintln!("ERROR database: {why}");
            }
            std::thread::sleep(PAUSE);
        }
    });
    server::serve(arguments.port, move |_| Some(Answer::text(200, told(&arguments, &done))))
}

/// With the fault `leak` it keeps so many megabytes more in each second.
fn leak(arguments: &Arguments, passed: Duration, leaked: &mut Vec<Vec<u8>>) {
    let megabytes = arguments.faults.on("leak").unwrap_or(0) as f64 * passed.as_secs_f64();
    leaked.push(vec![1; (megabytes * 1024.0 * 1024.0) as usize]);
}

/// Takes one of the queue; with the sync switched on, it puts one there first.
fn turn(arguments: &Arguments, done: &Mutex<Done>) -> Result<(), String> {
    let (faults, database) = (&arguments.faults, &arguments.database);
    if faults.on("silent").is_some() {
        return Ok(());
    }
    database.ask("INSERT INTO sync_worker VALUES (1, now()) ON CONFLICT (id) DO UPDATE SET beat = now()")?;
    database.ask(
        "INSERT INTO pfa_write_queue (status) SELECT 'pending' FROM feature_flags
         WHERE enabled AND (SELECT count(*) FROM pfa_write_queue WHERE status = 'pending') < 3",
    )?;
    if let Some(many) = faults.on("queue") {
        database.ask(&format!(
            "INSERT INTO pfa_write_queue (status) SELECT 'pending' FROM generate_series(1, {many})"
        ))?;
    }
    if faults.on("corrupt").is_some() {
        database.ask("UPDATE pfa_records SET amount = -1 WHERE id = 7")?;
    }
    let begin = Instant::now();
    let goes_wrong =
        faults.on("sync").unwrap_or(0) > done.lock().map_or(0, |done| (done.well + done.wrong) * 37 % 100);
    let state = if goes_wrong { "failed" } else { "done" };
    let took = database.ask(&format!(
        "UPDATE pfa_write_queue SET status = '{state}', done_at = now() WHERE id =
         (SELECT min(id) FROM pfa_write_queue WHERE status = 'pending') RETURNING id"
    ))?;
    if let (false, Ok(mut done)) = (took.is_empty(), done.lock()) {
        done.seconds += begin.elapsed().as_secs_f64();
        if goes_wrong { done.wrong += 1 } else { done.well += 1 }
    }
    Ok(())
}

fn told(arguments: &Arguments, done: &Mutex<Done>) -> String {
    let number = |sql: &str| arguments.database.number(sql).unwrap_or(0.0);
    let queue = number("SELECT count(*) FROM pfa_write_queue WHERE status = 'pending'");
    let conflicts = number("SELECT count(*) FROM pfa_sync_conflict");
    let resolved = number("SELECT count(*) FROM pfa_sync_conflict WHERE resolved_at IS NOT NULL");
    let Ok(done) = done.lock() else { return String::new() };
    format!(
        "{}queue_size {queue}\nsyncs_total{{result=\"done\"}} {}\nsyncs_total{{result=\"failed\"}} {}\n\
         sync_seconds_sum {}\nsync_seconds_count {}\nconflicts {conflicts}\nconflicts_resolved {resolved}\n",
        figures::process(),
        done.well,
        done.wrong,
        done.seconds,
        done.well + done.wrong
    )
}
