//! The script of a test: it gives answers in place of systems, runs playbooks, and checks what came of it.

use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::module_resolvers::DummyModuleResolver;
use rhai::{Array, Dynamic, Engine, EvalAltResult, Map};
use serde_json::Value;

use super::crash;
use super::sandbox::{Sandbox, Start, told};
use crate::base::error::{Error, Result};
use crate::effect::mocks::Mock;
use crate::script::values;
use crate::sys::files;

/// A file larger than this is no text that a test looks at.
const LARGEST: u64 = 16 * 1024 * 1024;

/// What a test came to.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) title: String,
    /// Name, whether it holds, and both sides where it does not.
    pub(super) checks: Vec<(String, bool, String)>,
    pub(super) said: Vec<String>,
    pub(super) error: Option<String>,
}

impl Told {
    pub(super) fn is_good(&self) -> bool {
        self.error.is_none() && self.checks.iter().all(|(_, passed, _)| *passed)
    }
}

/// What the functions of a test share.
struct State {
    sandbox: Sandbox,
    mocks: Vec<Mock>,
    told: Told,
    crashes: bool,
}

type Shared = Arc<Mutex<State>>;
type Raised<T> = Result<T, Box<EvalAltResult>>;

/// An answer that is being declared.
#[derive(Clone)]
struct Draft(Mock);

/// Runs the test `file` of the project at `folder`.
pub(super) fn run(folder: &Path, file: &Path, crashes: bool) -> Result<Told> {
    let text = files::read_text(&folder.join(file), LARGEST)?;
    let title =
        text.lines().find_map(|line| line.strip_prefix("//! ")).unwrap_or_default().trim_end_matches('.');
    let state = State {
        sandbox: Sandbox::of(folder, false)?,
        mocks: Vec::new(),
        told: Told { title: title.to_owned(), ..Told::default() },
        crashes,
    };
    let shared: Shared = Arc::new(Mutex::new(state));
    let engine = engine(&shared);
    let plain: String = text.split_inclusive('\n').map(|line| line.replacen("//!", "// ", 1)).collect();
    let result = engine.run(&plain);
    let mut state = lock(&shared);
    let mut told = std::mem::take(&mut state.told);
    if let Err(error) = result {
        told.error = Some(error.to_string());
    } else if told.checks.is_empty() {
        told.error =
            Some("it checks nothing: write `check \"it is done\", run.outcome == \"done\";`".to_owned());
    }
    Ok(told)
}

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn engine(shared: &Shared) -> Engine {
    let mut engine = Engine::new();
    engine.set_max_operations(100_000_000).set_max_expr_depths(128, 64).set_max_call_levels(64);
    engine.disable_symbol("eval").set_module_resolver(DummyModuleResolver::new());
    let told = Arc::clone(shared);
    engine.on_print(move |text| lock(&told).told.said.push(text.to_owned()));
    answers(&mut engine, shared);
    runs(&mut engine, shared);
    looks(&mut engine, shared);
    checks(&mut engine, shared);
    engine
}

/// `mock("http.api.get", "/health").answers(#{ status: 200 })` and `recorded("tests/good-run.json")`.
fn answers(engine: &mut Engine, shared: &Shared) {
    engine.register_type_with_name::<Draft>("mock");
    let draft = |call: &str, with: Vec<Dynamic>| -> Raised<Draft> {
        let with: Result<Vec<Value>> = with.iter().map(values::to_json).collect();
        Ok(Draft(Mock { call: call.to_owned(), with: with.map_err(raised)?, ..Mock::default() }))
    };
    engine.register_fn("mock", move |call: &str| draft(call, Vec::new()));
    engine.register_fn("mock", move |call: &str, one: Dynamic| draft(call, vec![one]));
    engine.register_fn("mock", move |call: &str, one: Dynamic, two: Dynamic| draft(call, vec![one, two]));
    let own = Arc::clone(shared);
    engine.register_fn("answers", move |draft: Draft, value: Dynamic| -> Raised<()> {
        let value = values::to_json(&value).map_err(raised)?;
        lock(&own).mocks.push(Mock { answers: vec![value], ..draft.0 });
        Ok(())
    });
    let own = Arc::clone(shared);
    engine.register_fn("answers_each", move |draft: Draft, all: Array| -> Raised<()> {
        let answers: Result<Vec<Value>> = all.iter().map(values::to_json).collect();
        lock(&own).mocks.push(Mock { answers: answers.map_err(raised)?, ..draft.0 });
        Ok(())
    });
    let own = Arc::clone(shared);
    engine.register_fn("fails", move |draft: Draft, why: &str| {
        lock(&own).mocks.push(Mock { fails: Some(why.to_owned()), ..draft.0 });
    });
    let own = Arc::clone(shared);
    engine.register_fn("recorded", move |file: &str| -> Raised<()> {
        let mut state = lock(&own);
        let path = inside(&state.sandbox.folder, file).map_err(raised)?;
        let all = recorded(&path).map_err(raised)?;
        state.mocks.extend(all);
        Ok(())
    });
}

/// `exec("deploy.rhai", #{ set: #{ version: "1" } })` and `plan(…)`.
fn runs(engine: &mut Engine, shared: &Shared) {
    for (word, plan) in [("exec", false), ("plan", true)] {
        let own = Arc::clone(shared);
        let carried = move |playbook: &str, options: &Map| -> Raised<Dynamic> {
            let start = start(playbook, options, plan).map_err(raised)?;
            carry_out(&mut lock(&own), &start).map(|run| values::from_json(&run)).map_err(raised)
        };
        let plain = carried.clone();
        engine.register_fn(word, move |playbook: &str| plain(playbook, &Map::new()));
        engine.register_fn(word, move |playbook: &str, options: Map| carried(playbook, &options));
    }
}

fn start(playbook: &str, options: &Map, plan: bool) -> Result<Start> {
    let mut start = Start { playbook: playbook.to_owned(), plan, ..Start::default() };
    for (name, value) in options {
        match name.as_str() {
            "env" => start.environment = Some(value.to_string()),
            "set" => {
                let map = value
                    .read_lock::<Map>()
                    .ok_or_else(|| Error::usage("`set` takes a map of parameters"))?;
                start.set = map.iter().map(|(name, value)| format!("{name}={value}")).collect();
            }
            other => {
                return Err(Error::usage(format!("`{other}` is no option of a run in a test"))
                    .fix("give `env` or `set`"));
            }
        }
    }
    Ok(start)
}

fn carry_out(state: &mut State, start: &Start) -> Result<Value> {
    let before =
        (state.crashes && !start.plan).then(|| Sandbox::of(&state.sandbox.folder, true)).transpose()?;
    state.sandbox.answer(&state.mocks)?;
    let printed = state.sandbox.exec(start, None)?;
    let run = told(&printed);
    if run["outcome"] == "refused" {
        let why = format!("{}{}", printed.stderr, run["error"].as_str().unwrap_or_default());
        state.told.said.push(format!("{} did not begin: {why}", start.playbook));
    }
    if let Some(before) = before {
        let undisturbed = (state.sandbox.folder.as_path(), &printed);
        let name = format!("{} ends the same wherever it is killed", start.playbook);
        let result = crash::everywhere(&before.folder, start, &state.mocks, undisturbed);
        state.told.checks.push(match result {
            Ok(moments) => (name, true, format!("  {moments} moments")),
            Err(error) => {
                (name, false, format!("  {}: {}", error.what, error.why.clone().unwrap_or_default()))
            }
        });
    }
    Ok(run)
}

/// `exists(path)`, `read(path)`, `write(path, text)` in the copy of the project.
fn looks(engine: &mut Engine, shared: &Shared) {
    let own = Arc::clone(shared);
    engine.register_fn("exists", move |path: &str| -> Raised<bool> {
        inside(&lock(&own).sandbox.folder, path).map(|path| files::exists(&path)).map_err(raised)
    });
    let own = Arc::clone(shared);
    engine.register_fn("read", move |path: &str| -> Raised<String> {
        inside(&lock(&own).sandbox.folder, path)
            .and_then(|path| files::read_text(&path, LARGEST))
            .map_err(raised)
    });
    let own = Arc::clone(shared);
    engine.register_fn("write", move |path: &str, text: &str| -> Raised<()> {
        inside(&lock(&own).sandbox.folder, path)
            .and_then(|path| files::write_public(&path, text.as_bytes()))
            .map_err(raised)
    });
}

/// `check NAME, CONDITION`: it is noted, and the test goes on.
fn checks(engine: &mut Engine, shared: &Shared) {
    let own = Arc::clone(shared);
    let registered =
        engine.register_custom_syntax(["check", "$expr$", ",", "$expr$"], false, move |context, inputs| {
            let name = context.eval_expression_tree(&inputs[0])?.to_string();
            let passed = context.eval_expression_tree(&inputs[1])?;
            let (passed, why) = match passed.as_bool() {
                Ok(passed) => (passed, String::new()),
                Err(kind) => (false, format!("  a check needs a yes or no, and this is `{kind}`")),
            };
            lock(&own).told.checks.push((name, passed, why));
            Ok(Dynamic::UNIT)
        });
    debug_assert!(registered.is_ok(), "the form parses");
}

/// What a run recorded, as answers: what `playbook show RUN --output json` prints.
fn recorded(file: &Path) -> Result<Vec<Mock>> {
    let text = files::read_text(file, LARGEST)?;
    let shown: Value = serde_json::from_str(&text).map_err(|why| {
        Error::usage(format!("{} is no record of a run", file.display()))
            .why(why.to_string())
            .fix("write it by `playbook show RUN --output json > FILE`")
    })?;
    let entries = shown.get("entries").and_then(Value::as_array).cloned().unwrap_or_default();
    let of = |entry: &Value, name: &str| entry.get(name).cloned().unwrap_or_default();
    let mut found: Vec<Mock> = Vec::new();
    for began in entries.iter().filter(|entry| entry["event"] == "effect_began") {
        let ended = entries
            .iter()
            .find(|entry| entry["event"] == "effect_ended" && entry["position"] == began["position"]);
        let Some(ended) = ended else { continue };
        let arguments = began.pointer("/call/arguments").cloned();
        let (call, value) = (of(ended, "call").as_str().unwrap_or_default().to_owned(), of(ended, "value"));
        let fails = ended.pointer("/error/what").and_then(Value::as_str).map(str::to_owned);
        match found.iter_mut().find(|mock| mock.call == call && mock.arguments == arguments) {
            Some(mock) => mock.answers.push(value),
            None => found.push(Mock { call, arguments, answers: vec![value], fails, ..Mock::default() }),
        }
    }
    Ok(found)
}

fn inside(folder: &Path, path: &str) -> Result<PathBuf> {
    let is_inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if is_inside {
        return Ok(folder.join(path));
    }
    Err(Error::usage(format!("`{path}` lies outside of the project"))
        .fix("name it by its path from the folder of playbook.toml"))
}

fn raised(error: Error) -> Box<EvalAltResult> {
    let why = error.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("{}{why}", error.what).into()
}
