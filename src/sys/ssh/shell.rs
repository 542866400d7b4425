//! What is known of the shell that a machine hands its commands to. Each program that a command passes through before it
//! runs costs the machine about as much as a small command, so a shell that is known needs no other one beside it.

/// The shell that a login hands its commands to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shell {
    /// Any: a POSIX shell takes its place first.
    #[default]
    Any,
    /// A POSIX shell.
    Posix,
    /// The very program that `sh` means there.
    Sh,
}

/// What a POSIX shell tells of the machine after the number of its group, as more words of a command.
pub(super) const TELLS: &str = r#" "$SHELL" "${KSH_VERSION:+not:}$(command -v sh)""#;

impl Shell {
    /// Reads what was told: the shell of the login, and where `sh` is. What is odd is taken for any shell. A Korn shell
    /// keeps back what it says until it has to wait, so it never takes the place of `sh`.
    pub(super) fn read(told: &str) -> Self {
        let mut words = told.split(' ');
        let (Some(login), Some(sh), None) = (words.next(), words.next(), words.next()) else {
            return Self::Any;
        };
        let is_sh = |path: &str| matches!(path, "/bin/sh" | "/usr/bin/sh");
        match login.rsplit('/').next() {
            Some("sh") if is_sh(login) && is_sh(sh) => Self::Sh,
            Some("sh" | "dash" | "ash" | "bash") => Self::Posix,
            _ => Self::Any,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_shell_that_is_known_stands_alone() {
        for (told, shell) in [
            ("/bin/sh /usr/bin/sh", Shell::Sh),
            ("/bin/sh /bin/sh", Shell::Sh),
            ("/bin/sh not:/bin/sh", Shell::Posix),
            ("/bin/sh /usr/local/bin/sh", Shell::Posix),
            ("/bin/bash /bin/sh", Shell::Posix),
            ("/usr/bin/fish /bin/sh", Shell::Any),
            ("/usr/bin/zsh /bin/sh", Shell::Any),
            ("/my shells/bash /bin/sh", Shell::Any),
            ("", Shell::Any),
        ] {
            assert_eq!(Shell::read(told), shell, "{told}");
        }
    }
}
