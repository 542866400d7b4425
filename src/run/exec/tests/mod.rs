//! Random scripts with crashes at random commits: after any number of them, a run that goes on ends in the same world as
//! one that nothing disturbed, and a rollback of it too. A case that fails is shown as small as it can be made.

mod scripts;
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
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
use world::FAMILIES;

/// How many scripts are tried.
const CASES: u32 = 10_000;

/// When a process dies: at which of the commits that the undisturbed run made, and whether it still makes that.
type Crash = (u32, bool);

/// One case.
#[derive(Clone, Debug)]
struct Case {
    /// The choices that make the script.
    script: Vec<u32>,
    /// The crashes of the run.
    crashes: Vec<Crash>,
    /// The crashes of taking it back afterwards, where that is done.
    back: Option<Vec<Crash>>,
}

fn cases() -> impl Strategy<Value = Case> {
    let crashes = || vec(any::<Crash>(), 1..=3);
    (vec(any::<u32>(), 0..240), crashes(), weighted(0.3, crashes()))
        .prop_map(|(script, crashes, back)| Case { script, crashes, back })
}

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
        Intention::Resume(Box::new(Resumption { record, accept: false, on_doubt: None, note: None }))
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

fn fuses(crashes: &[Crash], commits: u64) -> Vec<Fuse> {
    let one =
        |(commit, after): &Crash| Fuse { commit: u64::from(*commit) % commits.max(1) + 1, after: *after };
    crashes.iter().map(one).collect()
}

/// Whether the crashes made no difference; what the difference is, where they did.
fn holds(case: &Case, name: &str, folder: &Path, runtime: &tokio::runtime::Handle) -> Result<(), String> {
    let text = scripts::of(&case.script);
    let whole = Stage::new(&format!("{name}-whole"), &text, folder, runtime);
    let stage = Stage::new(&format!("{name}-crashed"), &text, folder, runtime);
    let ended = whole.process(&Intention::Apply, None).ok_or("the undisturbed run died")?;
    let then = fuses(&case.crashes, whole.home.commits());
    let same = |crashed: Option<Ended>, whole: &Ended, fuses: &[Fuse]| match crashed {
        Some(crashed) if crashed.outcome != whole.outcome => Err(format!(
            "{:?} in place of {:?} ({:?}), after {fuses:?}",
            crashed.outcome, whole.outcome, crashed.error
        )),
        _ => Ok(()),
    };
    same(stage.carry_out(&Intention::Apply, &then), &ended, &then)?;
    let mut again = Vec::new();
    if let (None, Some(crashes)) = (&ended.error, &case.back) {
        let back = whole.process(&whole.roll_back(), None).ok_or("the undisturbed rollback died")?;
        again = fuses(crashes, whole.home.commits());
        same(stage.carry_out(&stage.roll_back(), &again), &back, &again)?;
    }
    let (expected, found) =
        (world::take(&whole.ready.environment.name), world::take(&stage.ready.environment.name));
    if found == expected {
        return Ok(());
    }
    Err(format!("{found:#?}\nin place of\n{expected:#?}\nafter {then:?} {again:?}"))
}

/// Tries so many random cases; a case that fails is told with its script, as small as it can be made.
fn try_out(
    (number, shrinks): (u32, u32),
    thread: u8,
    names: (&str, &AtomicU64),
    runtime: &tokio::runtime::Handle,
) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        cases: number,
        failure_persistence: None,
        max_shrink_iters: shrinks,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[thread + 1; 32]);
    let tried = TestRunner::new_with_rng(config, random).run(&cases(), |case| {
        let name = format!("{}-{}", names.0, names.1.fetch_add(1, Ordering::Relaxed));
        holds(&case, &name, folder.path(), runtime).map_err(TestCaseError::fail)
    });
    tried.map_err(|error| match error {
        TestError::Fail(why, case) => format!("{}\n{case:?}\n{why}", scripts::of(&case.script)),
        TestError::Abort(why) => why.to_string(),
    })
}

/// Tries the cases on two threads, whose stacks are those of a script.
fn try_all(number: u32) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let names = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let threads = [0_u8, 1].map(|thread| {
            let (names, handle) = (&names, runtime.handle());
            let builder = std::thread::Builder::new().stack_size(64 * 1024 * 1024);
            builder
                .spawn_scoped(scope, move || try_out((number / 2, 4000), thread, ("case", names), handle))
                .unwrap()
        });
        threads.into_iter().try_for_each(|thread| thread.join().unwrap())
    })
}

#[test]
fn a_run_that_goes_on_ends_in_the_same_world_whatever_the_script_and_the_crashes() {
    let number =
        std::env::var("PLAYBOOK_TEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    if let Err(failed) = try_all(number) {
        panic!("{failed}");
    }
}

#[test]
fn a_case_that_fails_is_shown_small() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let failed = try_out((500, 400), 7, (world::BROKEN, &AtomicU64::new(0)), runtime.handle()).unwrap_err();
    let script = failed.split("Case {").next().unwrap();
    assert!(script.lines().count() <= 40, "{failed}");
}
