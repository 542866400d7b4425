//! A look over a file: what it imports, which variables it declares, which keys its maps have.

use rhai::{ASTFlags, ASTNode, Expr, Stmt};

use super::program::{Import, Program, Unit};

impl Program {
    /// Notes what `unit` has, in it and in the program.
    pub(super) fn look_over(&mut self, unit: &mut Unit) {
        let typed = unit.ast.iter_functions().filter(|one| one.this_type.is_some());
        self.typed.extend(typed.map(|one| one.name.to_owned()));
        let (imports, outer, declared) = (&mut unit.imports, &mut unit.outer, &mut unit.declared);
        unit.ast.walk(&mut |nodes: &[ASTNode<'_>]| {
            match nodes.last() {
                Some(ASTNode::Stmt(Stmt::Import(import, _))) => {
                    let path = match &import.0 {
                        Expr::StringConstant(path, _) => Some(path.to_string()),
                        _ => None,
                    };
                    let position = import.0.start_position();
                    imports.push(Import { path, alias: import.1.name.to_string(), position, module: None });
                }
                Some(ASTNode::Stmt(Stmt::Var(variable, _, _))) => {
                    declared.insert(variable.0.name.to_string());
                }
                Some(ASTNode::Expr(Expr::Map(map, _))) => {
                    self.keys.extend(map.0.iter().map(|(key, _)| key.name.to_string()));
                }
                Some(ASTNode::Expr(Expr::Property(property, _))) => {
                    self.keys.insert(property.2.to_string());
                }
                _ => {}
            }
            true
        });
        for statement in unit.ast.statements() {
            if let Stmt::Var(variable, flags, _) = statement
                && !flags.contains(ASTFlags::CONSTANT)
            {
                outer.insert(variable.0.name.to_string());
            }
        }
    }
}
