//! The text that a machine's shell is sent for a command: it tells the number of the command's process group first.

use super::shell::{Shell, TELLS};
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

/// The variable that names the call that a command belongs to, and the number of its group.
const CALL: &str = "PLAYBOOK_CALL";

/// A command as it is to be sent.
pub(super) struct Sent<'a> {
    pub(super) arguments: &'a [String],
    pub(super) folder: Option<&'a str>,
    pub(super) has_environment: bool,
    pub(super) mark: Option<&'a str>,
}

/// What a command is sent as, to a shell of which so much is known. It tells the number of its group, takes over the
/// environment from its input where there is one, goes to its folder, and becomes the command. A mark comes
/// before all that, so that what has begun can be found by it. Where any shell may hear it,
/// a POSIX shell takes its place first, and tells what that one is.
pub(super) fn script(sent: &Sent<'_>, shell: Shell) -> String {
    let Sent { arguments, folder, has_environment, mark } = *sent;
    let (form, tells) = if shell == Shell::Any { (" %s %s", TELLS) } else { ("", "") };
    let mark = mark.map(|mark| format!("{CALL}={}/$$; export {CALL}; ", quote(mark))).unwrap_or_default();
    let mut script = format!("{mark}printf '\\001{}%s{form}\\n' $${tells}; ", &MARK[1..]);
    if has_environment {
        script.push_str(&format!(
            "e=; while IFS= read -r l && [ \"$l\" != {END} ]; do e=\"$e$l\n\"; done; eval \"$e\"; unset e l; "
        ));
    }
    if let Some(folder) = folder {
        // A login may have given `cd` another meaning.
        script.push_str(&format!("command cd {} || exit 126; ", quote(folder)));
    }
    match (shell, arguments) {
        // An environment may hold what this shell would heed already and a new one only from its beginning.
        (Shell::Sh, [sh, dash_c, text]) if sh == "sh" && dash_c == "-c" && !has_environment => {
            // On lines of its own: what it has wrong in its form ends it after it has told its group.
            script.push('\n');
            script.push_str(text);
        }
        _ => script.push_str(&format!("exec {}", words(arguments))),
    }
    if shell == Shell::Any { format!("exec /bin/sh -c {}", quote(&script)) } else { script }
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

/// What a command has told of itself before it began.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told<'a> {
    /// The number of its group.
    pub(super) group: u32,
    /// What the machine's shell is, where that was asked.
    pub(super) shell: Option<Shell>,
    /// The beginning of its own output.
    pub(super) rest: &'a [u8],
}

/// Finds what a command has told in the beginning of an output.
pub(super) fn find_told(head: &[u8]) -> Option<Told<'_>> {
    let at = head.windows(MARK.len()).position(|window| window == MARK.as_bytes())?;
    let line = &head[at + MARK.len()..];
    let end = line.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = (std::str::from_utf8(&line[..end]).ok()?, &line[end + 1..]);
    let (group, shell) = match line.split_once(' ') {
        Some((group, told)) => (group, Some(Shell::read(told))),
        None => (line, None),
    };
    let group: u32 = group.parse().ok()?;
    (group > 1).then_some(Told { group, shell, rest })
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
        let told = |group, shell, rest: &'static str| Some(Told { group, shell, rest: rest.as_bytes() });
        assert_eq!(find_told(b"welcome\n\x01playbook-group 4711\nout"), told(4711, None, "out"));
        let sh = b"\x01playbook-group 4711 /bin/sh /usr/bin/sh\n";
        assert_eq!(find_told(sh), told(4711, Some(Shell::Sh), ""));
        let odd = b"\x01playbook-group 4711 /opt/my shell/sh /usr/bin/sh\n";
        assert_eq!(find_told(odd), told(4711, Some(Shell::Any), ""));
        for none in
            ["\x01playbook-group 47", "\x01playbook-group 1\n", "nothing\n", "\x01playbook-group x y\n"]
        {
            assert_eq!(find_told(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn a_text_is_run_by_the_shell_that_hears_it_only_where_that_is_sh() {
        let text = ["sh", "-c", "echo 'a b'\nexit 3"].map(str::to_owned);
        let sent = |folder, has_environment, shell| {
            script(&Sent { arguments: &text, folder, has_environment, mark: None }, shell)
        };
        assert_eq!(
            sent(None, false, Shell::Sh),
            "printf '\\001playbook-group %s\\n' $$; \necho 'a b'\nexit 3"
        );
        assert!(sent(Some("/x y"), false, Shell::Sh).contains("; command cd '/x y' || exit 126; \necho"));
        let apart = "exec sh -c 'echo '\\''a b'\\''\nexit 3'";
        assert!(sent(None, true, Shell::Sh).ends_with(apart), "a variable may be one that a shell heeds");
        assert!(sent(None, false, Shell::Posix).ends_with(apart));
        assert!(sent(None, false, Shell::Any).starts_with("exec /bin/sh -c '"));
        let plain = ["sh", "-c", "x", "y"].map(str::to_owned);
        let plain = Sent { arguments: &plain, folder: None, has_environment: false, mark: Some("run/3.1") };
        let sent = script(&plain, Shell::Sh);
        assert!(sent.starts_with("PLAYBOOK_CALL=run/3.1/$$; export PLAYBOOK_CALL; printf"), "{sent}");
        assert!(sent.ends_with("; exec sh -c x y"));
    }

    #[test]
    fn only_names_of_variables_are_exported() {
        let text = environment([("A", "it's"), ("B_2", "x")].into_iter()).unwrap();
        assert_eq!(text, format!("export A='it'\\''s'\nexport B_2=x\n{END}\n"));
        assert!(environment([("A=1; rm -rf /", "x")].into_iter()).is_err());
    }
}
