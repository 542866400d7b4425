//! The one text that a machine's shell is sent: it tells the number of the command's process group first.

use crate::base::error::{Error, Result};

/// What stands before the number of the group, at the beginning of the output.
const MARK: &str = "\u{1}playbook-group ";

/// The line that ends what is read as the environment.
pub(super) const END: &str = "--playbook-environment-ends--";

/// A text as one word of a POSIX shell.
#[must_use]
pub fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A list of arguments as a command of a POSIX shell.
#[must_use]
pub fn words(arguments: &[String]) -> String {
    arguments.iter().map(|argument| quote(argument)).collect::<Vec<_>>().join(" ")
}

/// What is sent: whatever the login shell is, a POSIX shell takes its place, tells its number, which is that of its
/// group, takes over the environment from its input where there is one, and becomes the command.
pub(super) fn script(arguments: &[String], folder: Option<&str>, has_environment: bool) -> String {
    let mut script = format!("printf '\\001{}%s\\n' $$; ", &MARK[1..]);
    if has_environment {
        script.push_str(&format!(
            "e=; while IFS= read -r l && [ \"$l\" != {END} ]; do e=\"$e$l\n\"; done; eval \"$e\"; unset e l; "
        ));
    }
    if let Some(folder) = folder {
        script.push_str(&format!("cd {} || exit 126; ", quote(folder)));
    }
    script.push_str("exec ");
    script.push_str(&words(arguments));
    format!("exec /bin/sh -c {}", quote(&script))
}

/// The environment as it is sent before the command's own input.
pub(super) fn environment<'a>(variables: impl Iterator<Item = (&'a str, &'a str)>) -> Result<String> {
    let mut text = String::new();
    for (name, value) in variables {
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !begins || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(Error::usage(format!("`{name}` is no name of an environment variable"))
                .fix("use letters, digits and `_` alone"));
        }
        text.push_str(&format!("export {name}={}\n", quote(value)));
    }
    Ok(text + END + "\n")
}

/// Finds the number of the group in the beginning of an output: the number, and where the command's own output begins.
pub(super) fn find_group(head: &[u8]) -> Option<(u32, usize)> {
    let at = head.windows(MARK.len()).position(|window| window == MARK.as_bytes())?;
    let rest = &head[at + MARK.len()..];
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let number: u32 = std::str::from_utf8(&rest[..end]).ok()?.trim().parse().ok()?;
    (number > 1).then_some((number, at + MARK.len() + end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_stays_one_word() {
        for (text, word) in
            [("a", "a"), ("", "''"), ("it's", "'it'\\''s'"), ("$HOME *", "'$HOME *'"), ("a\nb", "'a\nb'")]
        {
            assert_eq!(quote(text), word);
        }
        assert_eq!(words(&["echo".into(), "a b".into()]), "echo 'a b'");
    }

    #[test]
    fn the_group_is_found_after_whatever_a_login_says() {
        assert_eq!(find_group(b"welcome\n\x01playbook-group 4711\nout"), Some((4711, 29)));
        assert_eq!(find_group(b"\x01playbook-group 47"), None);
        assert_eq!(find_group(b"\x01playbook-group 1\n"), None);
        assert_eq!(find_group(b"nothing\n"), None);
    }

    #[test]
    fn only_names_of_variables_are_exported() {
        let text = environment([("A", "it's"), ("B_2", "x")].into_iter()).unwrap();
        assert_eq!(text, format!("export A='it'\\''s'\nexport B_2=x\n{END}\n"));
        assert!(environment([("A=1; rm -rf /", "x")].into_iter()).is_err());
    }
}
