//! A line as it may be kept: without what looks like a secret that a person typed.

use super::scan::{Scan, Sort};
use crate::base::document::mask::{is_secret_name, mask};
use crate::base::redact::MASK;

/// `line` without the values of keys and variables whose name is that of a secret, and without passwords of URLs.
#[must_use]
pub fn discreet(line: &str) -> String {
    let masked = line.split('\n').map(|line| mask(line, 0, None)).collect::<Vec<_>>().join("\n");
    let scan = Scan::of(&masked);
    let (mut out, mut last) = (String::new(), String::new());
    let mut follows = false;
    for (sort, range) in scan.parts {
        let part = &masked[range];
        match sort {
            Sort::Text if follows => out.push_str(&format!("\"{MASK}\"")),
            _ => out.push_str(part),
        }
        match sort {
            Sort::Word | Sort::Text => {
                last = part.trim_matches(['"', '`']).to_owned();
                follows = false;
            }
            Sort::Other if part.trim().is_empty() => {}
            Sort::Other => follows = matches!(part, ":" | "=") && is_secret_name(&last),
            Sort::Comment | Sort::Number => follows = false,
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_not_kept() {
        for (line, kept) in [
            ("db.value(\"SELECT 1\")", "db.value(\"SELECT 1\")"),
            (
                "api.post(\"/login\", #{ password: \"hunter2\" })",
                "api.post(\"/login\", #{ password: \"[secret]\" })",
            ),
            ("#{ \"Authorization\": `Bearer x` }", "#{ \"Authorization\": \"[secret]\" }"),
            ("let url = \"postgres://a:b@c/d\";", "let url = \"postgres://a:[secret]@c/d\";"),
        ] {
            assert_eq!(discreet(line), kept);
        }
        assert!(!discreet("let token = \"abc\"; f()").contains("abc"));
    }
}
