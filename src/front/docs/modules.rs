//! The reference of the standard library, from the doc comments of its modules.

use crate::script::modules::STANDARD;

/// Every module with its public functions.
pub(super) fn standard() -> String {
    let mut parts = vec![
        "## Standard library".to_owned(),
        "Modules that come with the program: `import \"std/NAME\" as NAME;`. Their functions are called as `NAME::FUNCTION(…)`."
            .to_owned(),
    ];
    for (name, text) in STANDARD {
        parts.push(format!("### {name}"));
        parts.push(comment(text.lines(), "//!"));
        parts.extend(functions(name, text));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

/// The doc comment that the lines begin with.
fn comment<'a>(lines: impl Iterator<Item = &'a str>, mark: &str) -> String {
    let lines = lines.map_while(|line| line.strip_prefix(mark));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// The public functions of a module: each one's call, and its doc comment.
fn functions(module: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let short = module.rsplit('/').next().unwrap_or(module);
    let mut parts = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(declared) = line.strip_prefix("fn ") else { continue };
        let about = lines[..index].iter().rev().take_while(|line| line.starts_with("///")).count();
        parts.push(format!("`{short}::{}`", declared.trim_end_matches('{').trim()));
        parts.push(comment(lines[index - about..index].iter().copied(), "///"));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_public_function_is_documented() {
        for (name, text) in STANDARD {
            let parts = functions(name, text);
            assert!(!parts.is_empty() && parts.iter().all(|part| !part.is_empty()), "{name}: {parts:?}");
        }
    }

    #[test]
    fn a_function_is_shown_with_its_comment() {
        let text = "//! M.\n\n/// Does it.\n///\n/// Twice.\nfn one(a, b) {\n    two()\n}\n\nprivate fn two() {\n}\n";
        assert_eq!(functions("std/m", text), ["`m::one(a, b)`", "Does it.\n\nTwice."]);
    }
}
