//! The functions of a file, with their bodies.

use rhai::{AST, ASTNode, Engine, FnAccess, ImmutableString, Stmt};

/// A function of a script, or a closure.
pub(super) struct Function {
    pub(super) name: String,
    pub(super) parameters: Vec<ImmutableString>,
    pub(super) body: Vec<Stmt>,
    pub(super) is_private: bool,
}

impl Function {
    /// Whether it is a closure, which the parser names by itself.
    pub(super) fn is_closure(&self) -> bool {
        is_closure(&self.name)
    }
}

/// Whether a function of that name is a closure.
pub(super) fn is_closure(name: &str) -> bool {
    name.starts_with("anon$")
}

/// The functions of a file with their bodies. The engine keeps the type of a body to itself, but walks it: here in a
/// tree that holds no other function. Its filter lets all pass into a tree without functions, so there is an empty one.
pub(super) fn of(engine: &Engine, ast: &AST) -> Vec<Function> {
    let (Ok(empty), all) = (engine.compile("fn empty() {}"), ast.clone_functions_only()) else {
        return Vec::new();
    };
    let body = |name: &str, count: usize| {
        let mut body = Vec::new();
        let only =
            empty.merge_filtered(&all, |_, _, _, other, parameters| other == name && parameters == count);
        only.walk(&mut |nodes: &[ASTNode<'_>]| {
            if let [ASTNode::Stmt(statement)] = nodes {
                body.push(Stmt::clone(statement));
            }
            true
        });
        body
    };
    ast.iter_fn_def()
        .map(|function| Function {
            name: function.name.to_string(),
            body: body(&function.name, function.params.len()),
            is_private: matches!(function.access, FnAccess::Private),
            parameters: function.params.iter().cloned().collect(),
        })
        .collect()
}
