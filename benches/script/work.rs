//! The scripts, each about ten million operations, and one run of one of them.

use std::sync::{Arc, Mutex};

use playbook::effect::cx::Host;
use playbook::effect::environment::Environment;
use playbook::effect::ledger::Ledger;
use playbook::effect::pipeline::{Mode, Pipeline};
use playbook::effect::policy::Grants;
use playbook::effect::recall::Recall;
use playbook::primitives::FAMILIES;
use playbook::script::engine;
use playbook::script::session::{Parts, Session};
use rhai::Engine;
use serde_json::Map;

/// Counting, and nothing else.
const COUNT: &str = "let i = 0; while i < 1_666_666 { i += 1; }";
/// Calling a function.
const CALLS: &str = "fn one(x) { x + 1 } let i = 0; while i < 900_000 { i = one(i); }";
/// Making and comparing texts.
const TEXTS: &str =
    "let n = 0; for i in 0..900_000 { let text = `line ${i}`; if text.len() > 8 { n += 1; } }";
/// Filling and reading an array of a thousand elements, over and over.
const LISTS: &str = "for turn in 0..800 { let list = []; for i in 0..1_000 { list.push(i); } let n = 0; for one in list { n += one; } }";

/// Runs the script that the command line names, and says so when it came to its end.
pub(crate) fn run(build: fn(&Arc<Session>) -> Engine, allocated: fn() -> usize) {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let script = match wanted.as_deref() {
        Some("calls") => CALLS,
        Some("texts") => TEXTS,
        Some("lists") => LISTS,
        Some("nothing") => "",
        _ => COUNT,
    };
    match carry_out(build, allocated, script) {
        Ok(()) => println!("done"),
        Err(why) => eprintln!("{why}"),
    }
}

fn carry_out(
    build: fn(&Arc<Session>) -> Engine,
    allocated: fn() -> usize,
    script: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let engine = build(&session(runtime.handle(), allocated));
    let ast = engine::compile(&engine, script)?;
    Ok(engine.run_ast(&ast)?)
}

fn session(runtime: &tokio::runtime::Handle, allocated: fn() -> usize) -> Arc<Session> {
    let environment = Environment::default();
    let grants = Grants::new(&[], &environment);
    let host = Host::new("/nowhere".into(), environment, FAMILIES, Vec::new());
    let pipeline = Pipeline {
        known_as: String::new(),
        host: Arc::new(host),
        grants,
        mode: Mode::Plan,
        recall: Recall::default(),
        ledger: Ledger::default(),
        planned: Mutex::default(),
    };
    Arc::new(Session::new(Parts {
        pipeline: Arc::new(pipeline),
        runtime: runtime.clone(),
        allocated,
        parameters: Map::new(),
        facts: Map::new(),
        digest: String::new(),
        plan: None,
        detach: None,
        at_gate: None,
        recorded: std::collections::BTreeMap::new(),
    }))
}
