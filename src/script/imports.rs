//! A playbook and all it imports, read before anything runs: what is journalled as "the script" is all of it.

use rhai::{AST, ASTNode, Engine, Expr, Stmt};
use sha2::{Digest as _, Sha256};

use super::session::Session;
use super::{engine, modules, traces};
use crate::base::error::Result;
use crate::effect::journal::Script;

/// Compiles the playbook `name`.
pub fn playbook(engine: &Engine, session: &Session, name: &str, text: &str) -> Result<AST> {
    session.sources.keep(name, text);
    let mut ast = engine::compile(engine, text)
        .map_err(|error| traces::explain(&error.into(), name, &session.sources))?;
    ast.set_source(name);
    Ok(ast)
}

/// The playbook and every module that it imports by a literal name, each once, in the order they are met.
pub fn gather(engine: &Engine, session: &Session, ast: &AST) -> Result<Vec<Script>> {
    let name = ast.source().unwrap_or_default();
    let text = session.sources.text(name).unwrap_or_default();
    let mut scripts = vec![Script { name: name.to_owned(), text: text.to_string() }];
    let mut met = vec![(name.to_owned(), imports(ast))];
    while let Some((importer, names)) = met.pop() {
        for (module, position) in names {
            if scripts.iter().any(|script| script.name == module) {
                continue;
            }
            let place = || session.sources.place(&importer, position);
            let text = modules::read(session, &module).map_err(|error| error.at(place()))?;
            let ast = playbook(engine, session, &module, &text)?;
            met.push((module.clone(), imports(&ast)));
            scripts.push(Script { name: module, text });
        }
    }
    Ok(scripts)
}

/// The literal names of a script's imports, and where they stand.
fn imports(ast: &AST) -> Vec<(String, rhai::Position)> {
    let mut found = Vec::new();
    ast.walk(&mut |nodes: &[ASTNode]| {
        if let Some(ASTNode::Stmt(Stmt::Import(import, position))) = nodes.last()
            && let Expr::StringConstant(name, _) = &import.0
        {
            found.push((name.to_string(), *position));
        }
        true
    });
    found
}

/// SHA-256 of all of it, hexadecimal: the same scripts have the same digest.
#[must_use]
pub fn digest(scripts: &[Script]) -> String {
    let mut hash = Sha256::new();
    for script in scripts {
        hash.update(script.name.as_bytes());
        hash.update([0]);
        hash.update(script.text.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
