//! `playbook completions SHELL`: what Tab completes in a shell, ids of runs and files of playbooks among it.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::arguments::Arguments;

/// Whose completions.
#[derive(Args, Clone, Copy, Debug)]
pub struct Completions {
    /// The shell: put the output where it looks for completions, or `source <(playbook completions bash)`.
    pub shell: Shell,
}

/// What bash asks the program for while a line is typed.
const BASH: &str = r#"
_playbook_and_runs() {
    _playbook "$@"
    local word="${COMP_WORDS[COMP_CWORD]}" verb="" one
    for one in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $one == -* ]] || { verb="$one"; break; }
    done
    [[ $word == -* ]] && return 0
    case "$verb" in
        show|resume|rollback|bundle|verify|report|approve)
            COMPREPLY=( $(compgen -W "last $(playbook runs --output json 2>/dev/null | sed -n 's/^ *"id": "\([^"]*\)".*/\1/p')" -- "$word") ) ;;
        exec|run|plan|check|watch)
            COMPREPLY+=( $(compgen -f -X '!*.rhai' -- "$word") $(compgen -d -- "$word") ) ;;
    esac
    return 0
}
complete -F _playbook_and_runs -o nosort -o bashdefault playbook
"#;

/// The same for fish.
const FISH: &str = r#"
complete -c playbook -n '__fish_seen_subcommand_from show resume rollback bundle verify report approve' -f -k -a "last (playbook runs --output json 2>/dev/null | string match -rg '^ *\"id\": \"([^\"]*)\"')"
"#;

/// The script of the completions.
#[must_use]
pub fn completions(wanted: Completions) -> String {
    let mut bytes = Vec::new();
    generate(wanted.shell, &mut Arguments::command(), "playbook", &mut bytes);
    let own = match wanted.shell {
        Shell::Bash => BASH,
        Shell::Fish => FISH,
        _ => "",
    };
    String::from_utf8_lossy(&bytes).into_owned() + own
}
