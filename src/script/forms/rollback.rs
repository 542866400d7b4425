//! A rollback block with the world it was written in: variables by value, functions, imports.

use std::cell::RefCell;
use std::sync::Arc;

use rhai::{Caches, Engine, EvalContext, Expr, Expression, GlobalRuntimeState, Scope};

use crate::base::error::{Error, Result};
use crate::base::event::Position;
use crate::effect::recall::UNDO;
use crate::script::session::Session;
use crate::script::traces;

thread_local! {
    /// The engine of the run while it takes things back; a block cannot keep it, because it keeps the blocks.
    static ENGINE: RefCell<Option<Arc<Engine>>> = const { RefCell::new(None) };
}

/// Lends the engine to the blocks that this thread runs from now on.
pub fn lend(engine: Option<Arc<Engine>>) {
    ENGINE.with(|cell| *cell.borrow_mut() = engine);
}

/// A block and the values of the variables as they were when its step ended.
pub struct Captured {
    block: Expr,
    global: GlobalRuntimeState,
    scope: Scope<'static>,
    source: String,
    position: Position,
}

/// The variables of a scope by value.
pub(super) fn copied(scope: &Scope<'_>) -> Scope<'static> {
    let mut copy = Scope::new();
    for (name, is_constant, value) in scope.iter() {
        let name = name.to_owned();
        if is_constant {
            copy.push_constant_dynamic(name, value);
        } else {
            copy.push_dynamic(name, value);
        }
    }
    copy
}

impl Captured {
    /// Keeps `block` with everything it can see. Variables are copied: the loop variable of the third turn stays the
    /// third, where a closure would share it.
    pub(super) fn new(context: &EvalContext, block: &Expression, position: &str) -> Self {
        let scope = copied(context.scope());
        let mut global = context.global_runtime_state().clone();
        // The block was parsed before the step's own variables were there: their distance is not what it counted.
        global.always_search_scope = true;
        Self {
            block: Expr::clone(block),
            global,
            scope,
            source: context.source().unwrap_or_default().to_owned(),
            position: position.to_owned(),
        }
    }

    /// Runs the block.
    pub fn run(mut self, session: &Session) -> Result<()> {
        let Some(engine) = ENGINE.with(|cell| cell.borrow().clone()) else {
            return Err(Error::bug("a rollback block was run without an engine"));
        };
        crate::script::here::push(&format!("{UNDO}/{}/rollback", self.position));
        let mut caches = Caches::new();
        let mut context = EvalContext::new(&engine, &mut self.global, &mut caches, &mut self.scope, None);
        let result = context.eval_expression_tree(&Expression::from(&self.block));
        crate::script::here::pop();
        match result {
            Err(error) if !traces::is_departure(&error) => {
                Err(session.pipeline.clean(traces::explain(&error, &self.source, &session.sources)))
            }
            _ => Ok(()),
        }
    }
}
