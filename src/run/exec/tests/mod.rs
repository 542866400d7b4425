//! Random scripts with crashes at random commits: after any number of them, a run that goes on ends in the same world as
//! one that nothing disturbed, and a rollback of it too.

mod scripts;
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rhai::AST;
use serde_json::Map;

use super::begin::Run;
use super::reading;
use super::{Ended, Intention};
use crate::base::effect::Effect;
use crate::effect::environment::{Environment, Resource};
use crate::effect::journal::memory::{Fuse, Memory};
use crate::effect::journal::{Journal, Script, State};
use crate::run::order::{Audience, Ready};
use crate::run::past::{self, Resumption, Reversal};
use crate::script::header::Header;
use scripts::Dice;
use world::{FAMILIES, World};

/// How many scripts are tried.
const CASES: u64 = 10_000;

struct Stage<'a> {
    ready: Ready,
    compiled: (AST, Vec<Script>),
    home: Arc<Memory>,
    journal: Journal,
    runtime: &'a tokio::runtime::Handle,
}

impl<'a> Stage<'a> {
    fn new(name: &str, text: &str, folder: &Path, runtime: &'a tokio::runtime::Handle) -> Self {
        let id = "fake.w".parse().unwrap();
        let resource = Resource { id, grant: Effect::Destroy, settings: serde_json::json!({}) };
        let environment = Environment {
            name: name.to_owned(),
            resources: BTreeMap::from([(resource.id.clone(), resource)]),
            ..Environment::default()
        };
        let ready = Ready {
            folder: folder.to_path_buf(),
            environment,
            name: "t.rhai".to_owned(),
            text: text.to_owned(),
            header: Header::read("t.rhai", text).unwrap(),
            parameters: Map::new(),
            patience: None,
            plan: None,
            detach: None,
            recorded: BTreeMap::new(),
        };
        let looked = reading::look(&ready, FAMILIES, &Audience::default(), runtime);
        let compiled = looked.into_program().unwrap_or_else(|error| panic!("{error}\n{text}"));
        let home = Arc::new(Memory::default());
        world::make(name, Arc::clone(&home.dead));
        let journal = Journal::in_memory(folder.to_path_buf(), Arc::clone(&home));
        Self { ready, compiled, home, journal, runtime }
    }

    /// One process: begins, goes on or takes back, and dies at `fuse`; `None` when it died.
    fn process(&self, intention: &Intention, fuse: Option<Fuse>) -> Option<Ended> {
        self.home.live(fuse);
        let audience = Audience::default();
        let what = (&self.ready, FAMILIES, &audience);
        let run = Run::of(Some(self.journal.clone()), what, (intention, self.runtime), &self.compiled);
        let ended = run.map(Run::carry_out);
        // A process that is gone holds nothing; here its last tasks may still be on their way out.
        while self.journal.run("last").is_ok_and(|record| record.state == State::Running) {
            std::thread::yield_now();
        }
        if self.home.dead.load(Ordering::SeqCst) {
            return None;
        }
        Some(ended.unwrap_or_else(|error| panic!("{error}\n{}", self.ready.text)))
    }

    fn resume(&self) -> Intention {
        let record = self.journal.run("last").unwrap();
        if let Some(parent) = &record.facts.parent {
            let of = self.journal.run(parent).unwrap();
            return Intention::RollBack(Box::new(Reversal { of, by: Some(record), force: Vec::new() }));
        }
        Intention::Resume(Box::new(Resumption { record, accept: false, on_doubt: None }))
    }

    /// Begins, dies as often as there are fuses, and goes on each time until it ends.
    fn carry_out(&self, first: &Intention, fuses: &[Fuse]) -> Option<Ended> {
        let mut ended = self.process(first, fuses.first().copied());
        for fuse in fuses.iter().skip(1).copied().map(Some).chain([None]) {
            if ended.is_some() || past::may_resume(&self.journal.run("last").unwrap()).is_err() {
                return ended;
            }
            ended = self.process(&self.resume(), fuse);
        }
        ended
    }

    fn roll_back(&self) -> Intention {
        let of = self.journal.run("last").unwrap();
        Intention::RollBack(Box::new(Reversal { of, by: None, force: Vec::new() }))
    }
}

fn fuses(dice: &mut Dice, commits: u64) -> Vec<Fuse> {
    let one = |dice: &mut Dice| Fuse { commit: dice.below(commits.max(1)) + 1, after: dice.below(2) == 0 };
    (0..=dice.below(2)).map(|_| one(dice)).collect()
}

fn case(seed: u64, folder: &Path, runtime: &tokio::runtime::Handle) {
    let mut dice = Dice::new(seed);
    let text = scripts::random(&mut dice);
    let whole = Stage::new(&format!("whole-{seed}"), &text, folder, runtime);
    let stage = Stage::new(&format!("crashed-{seed}"), &text, folder, runtime);
    let ended = whole.process(&Intention::Apply, None).unwrap();
    let fuses_then = fuses(&mut dice, whole.home.commits());
    let crashed = stage.carry_out(&Intention::Apply, &fuses_then);
    let said = |world: &World| format!("seed {seed}, {fuses_then:?}\n{text}\n{world:#?}");
    if let Some(crashed) = &crashed {
        assert_eq!(crashed.outcome, ended.outcome, "{} {:?}", said(&World::default()), crashed.error);
    }
    let is_done = ended.error.is_none();
    if is_done && dice.below(3) == 0 {
        let back = whole.process(&whole.roll_back(), None).unwrap();
        let again = fuses(&mut dice, whole.home.commits());
        if let Some(other) = stage.carry_out(&stage.roll_back(), &again) {
            assert_eq!(
                other.outcome,
                back.outcome,
                "{again:?} {} {:?}",
                said(&World::default()),
                other.error
            );
        }
    }
    let (expected, found) =
        (world::take(&whole.ready.environment.name), world::take(&stage.ready.environment.name));
    assert_eq!(found, expected, "{}", said(&expected));
}

#[test]
fn a_run_that_goes_on_ends_in_the_same_world_whatever_the_script_and_the_crashes() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let next = AtomicU64::new(0);
    let cases = std::env::var("PLAYBOOK_TEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (next, handle) = (&next, runtime.handle());
            let builder = std::thread::Builder::new().stack_size(64 * 1024 * 1024);
            let work = move || {
                let folder = tempfile::tempdir().unwrap();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= cases {
                        return;
                    }
                    case(seed, folder.path(), handle);
                }
            };
            builder.spawn_scoped(scope, work).unwrap();
        }
    });
}
