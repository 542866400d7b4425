//! The engine: what the language has, how a source is compiled and run.

use std::sync::{Arc, LazyLock};

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicBlobPackage, BasicFnPackage, BasicIteratorPackage,
    BasicMapPackage, BasicMathPackage, BasicStringPackage, BitFieldPackage, LanguageCorePackage,
    LogicPackage, MoreStringPackage, Package as _,
};
use rhai::{AST, Engine, OptimizationLevel, ParseError};

use super::session::Session;
use super::{bounds, decisions, forms, handle, here, modules, stand_in, traces, values, words};
use crate::base::error::Error;

/// An engine for one run.
#[must_use]
pub fn build(session: &Arc<Session>) -> Engine {
    let mut engine = unbounded(session);
    bounds::set(&mut engine, session);
    engine
}

/// The same engine without the bounds of the sandbox, so that a benchmark can tell what they cost.
#[must_use]
pub fn unbounded(session: &Arc<Session>) -> Engine {
    let mut engine = language();
    engine.set_module_resolver(modules::Resolver::new(Arc::clone(session)));
    facts(&mut engine, session);
    stand_in::register(&mut engine);
    decisions::register(&mut engine);
    handle::register(&mut engine, session, session.pipeline.host.families);
    forms::register(&mut engine, session);
    let told = Arc::clone(session);
    engine.on_print(move |text| tell(&told, text));
    let told = Arc::clone(session);
    engine.on_debug(move |text, _, _| tell(&told, text));
    engine
}

fn tell(session: &Session, text: &str) {
    // A journal that cannot be written shows itself at the next effect, which can fail; printing cannot.
    let _ = forms::plain::say(session, text);
}

/// Makes `params` and `run` readable everywhere. As variables of a module a closure could not capture them.
fn facts(engine: &mut Engine, session: &Session) {
    let parameters = values::from_json(&session.parameters.clone().into());
    let run = values::from_json(&session.facts.clone().into());
    #[expect(deprecated, reason = "rhai marks the call as volatile, not as going away")]
    engine.on_var(move |name, index, context| {
        let fact = match name {
            "params" if index == 0 => &parameters,
            "run" if index == 0 => &run,
            _ => return Ok(None),
        };
        Ok((!context.scope().contains(name)).then(|| fact.clone()))
    });
}

rhai::def_package! {
    /// Rhai's packages without its clock.
    Packages(module) : LanguageCorePackage, ArithmeticPackage, BasicStringPackage, BasicIteratorPackage,
        BasicFnPackage, LogicPackage, BasicMathPackage, BasicArrayPackage, BasicBlobPackage, BasicMapPackage,
        BitFieldPackage, MoreStringPackage {}
}

/// Some thousand functions, the same for every engine: made once, because a run needs two engines.
static PACKAGES: LazyLock<Packages> = LazyLock::new(Packages::new);

/// The language itself, without `eval`.
fn language() -> Engine {
    let mut engine = Engine::new_raw();
    PACKAGES.register_into_engine(&mut engine);
    engine.set_optimization_level(OptimizationLevel::None);
    engine.disable_symbol("eval");
    words::register(&mut engine);
    engine
}

/// Compiles a source; its first line may be a `#!` line.
pub fn compile(engine: &Engine, source: &str) -> Result<AST, ParseError> {
    words::begin();
    engine.compile(without_header(source))
}

/// Compiles a source for a plan, in which nothing may be decided on a planned result, or as it is.
pub fn compile_for(engine: &Engine, source: &str, planning: bool) -> Result<AST, ParseError> {
    if planning { compile(engine, &decisions::asked(source)) } else { compile(engine, source) }
}

/// Compiles the playbook `name`, whose text the session keeps, for a plan.
pub fn compile_plan(engine: &Engine, session: &Session, name: &str) -> Result<AST, Error> {
    let text = session.sources.text(name).unwrap_or_default();
    let mut ast = compile_for(engine, &text, true)
        .map_err(|error| traces::explain(&error.into(), name, &session.sources))?;
    ast.set_source(name);
    Ok(ast)
}

/// The source with its header as plain comments of the same width: the header was read on its own, and Rhai takes
/// `//!` only as the very first thing of a file.
fn without_header(source: &str) -> String {
    let mut plain = String::with_capacity(source.len());
    let mut in_header = true;
    for line in source.split_inclusive('\n') {
        let text = line.trim_start();
        in_header =
            in_header && (text.starts_with("//!") || text.starts_with("#!") || text.trim().is_empty());
        match (in_header, line.find("//!"), line.strip_prefix("#!")) {
            (true, Some(at), _) => plain.extend([&line[..at], "// ", &line[at + 3..]]),
            (true, None, Some(rest)) => plain.extend(["// ", rest]),
            _ => plain.push_str(line),
        }
    }
    plain
}

/// Runs a compiled playbook to its end.
pub fn run(engine: &Engine, ast: &AST, session: &Session) -> Result<(), Error> {
    match engine.run_ast(ast) {
        Err(error) if !traces::is_departure(&error) => {
            let error = traces::explain(&error, ast.source().unwrap_or_default(), &session.sources);
            Err(session.pipeline.clean(error))
        }
        // A native function such as `sort` may have swallowed the termination.
        _ => here::stopped().map_or_else(|| session.leave(""), Err),
    }
}
