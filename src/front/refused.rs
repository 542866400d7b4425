//! A command line that cannot be: what of it is wrong, and what was meant.

use std::ffi::OsString;
use std::path::Path;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::arguments::Arguments;
use super::json::Json;
use crate::base::error::Error;
use crate::base::suggest;
use crate::effect::family;
use crate::sys::files;

/// The commands that a build may lack, and the cargo feature that each comes with.
const BY_FEATURE: &[(&str, &str)] =
    &[("repl", "repl"), ("watch", "watch"), ("lsp", "lsp"), ("serve", "serve")];

/// Options whose value has to follow a `=`, because they also stand alone.
const WITH_SIGN: &[&str] = &["--wait", "--detach"];

/// Says what is wrong with a command line, in the form that it asks for.
pub(super) fn say(refused: &clap::Error, line: &[OsString]) {
    let error = explain(refused, line);
    match error {
        error if is_for_machines(line) => Json::new().error(&error.unwrap_or_else(|| plain(refused))),
        Some(error) => eprintln!("error: {error}"),
        None => drop(refused.print()),
    }
}

/// Whether a command line that could not be read asks for JSON all the same.
fn is_for_machines(line: &[OsString]) -> bool {
    let words: Vec<&str> = line.iter().filter_map(|word| word.to_str()).collect();
    words.contains(&"--output=json") || words.windows(2).any(|pair| pair == ["--output", "json"])
}

/// What the parser says, without its way of writing it for people.
fn plain(refused: &clap::Error) -> Error {
    let text = refused.to_string();
    let said = text.split("\n\n").next().unwrap_or_default();
    let said = said.strip_prefix("error: ").unwrap_or(said);
    Error::usage(said.split_whitespace().collect::<Vec<_>>().join(" "))
        .fix("`--help` behind the command tells more")
}

/// The refusal in our words; none where the parser's own say it well.
fn explain(refused: &clap::Error, line: &[OsString]) -> Option<Error> {
    let said = |kind: ContextKind| match refused.get(kind) {
        Some(ContextValue::String(one)) => Some(one.clone()),
        Some(ContextValue::Strings(all)) => all.first().cloned(),
        _ => None,
    };
    let is_misread = matches!(refused.kind(), ErrorKind::UnknownArgument | ErrorKind::ArgumentConflict);
    if let Some(error) = is_misread.then(|| without_sign(line)).flatten() {
        return Some(error);
    }
    match refused.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = said(ContextKind::InvalidSubcommand)?;
            if let Some((name, feature)) = BY_FEATURE.iter().find(|(name, _)| *name == word) {
                return Some(family::without(name, feature));
            }
            let error = Error::usage(format!("there is no command `{word}`"));
            Some(error.fix(match said(ContextKind::SuggestedSubcommand) {
                Some(near) => format!("did you mean `playbook {near}`?"),
                None if files::exists(Path::new(&word)) => {
                    format!("to run that file: `playbook exec {word}`")
                }
                None => "`playbook --help` lists the commands".to_owned(),
            }))
        }
        ErrorKind::UnknownArgument => {
            let word = said(ContextKind::InvalidArg)?;
            Some(unknown(&word, said(ContextKind::SuggestedArg), line))
        }
        ErrorKind::ArgumentConflict => {
            let (one, other) = (said(ContextKind::InvalidArg)?, said(ContextKind::PriorArg)?);
            Some(conflict(bare(&one), bare(&other)))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let (option, value) = (said(ContextKind::InvalidArg)?, said(ContextKind::InvalidValue)?);
            let known = match refused.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(all)) => all.clone(),
                _ => Vec::new(),
            };
            let option = bare(&option);
            let error = match value.as_str() {
                "" => Error::usage(format!("`{option}` has no value")),
                value => Error::usage(format!("`{option}` does not take `{value}`")),
            };
            Some(match known.as_slice() {
                [] => error.fix(format!("give it a value: {}", written(&said(ContextKind::InvalidArg)?))),
                known => error.fix(suggest::advice(&value, known.iter().map(String::as_str))),
            })
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = said(ContextKind::InvalidArg)?;
            Some(lacking(&missing, line))
        }
        _ => None,
    }
}

/// A length of time that was meant for an option which it stands behind; the parser took it for something else.
fn without_sign(line: &[OsString]) -> Option<Error> {
    let words: Vec<&str> = line.iter().filter_map(|word| word.to_str()).collect();
    let is_time = |word: &str| word.starts_with(|one: char| one.is_ascii_digit()) && !word.ends_with(".rhai");
    let is_meant = |pair: &&[&str]| WITH_SIGN.contains(&pair[0]) && is_time(pair[1]);
    let pair = words.windows(2).find(is_meant)?;
    let error = Error::usage(format!("the value of `{}` has to follow a `=`", pair[0]))
        .why("it may stand without one, so the next word is not taken for its value");
    Some(error.fix(format!("write {}={}", pair[0], pair[1])))
}

/// What is said of a word that nothing takes; `near` is the parser's own guess.
fn unknown(word: &str, near: Option<String>, line: &[OsString]) -> Error {
    let is_option = word.starts_with('-');
    if matches!(word, "-v" | "--verbose" | "--debug") {
        return Error::usage(format!("there is no option `{word}`"))
            .why("a run tells all that it does as it is; `-q` makes it tell less")
            .fix("`--log info`, or `--log debug`, tells what is below that on standard error");
    }
    let what = if is_option { "there is no option" } else { "there is one word too many:" };
    Error::usage(format!("{what} `{word}`")).fix(match near.or_else(|| nearest(word, line)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if is_option => "`--help` behind the command lists its options".to_owned(),
        None => "leave it out, or put words that belong together in quotes".to_owned(),
    })
}

/// An argument without its value: `--set` of `--set <NAME=VALUE>`.
fn bare(argument: &str) -> &str {
    argument.split([' ', '=']).next().unwrap_or(argument)
}

/// An argument as it is typed: `--set NAME=VALUE`.
fn written(argument: &str) -> String {
    argument.replace(['<', '>', '[', ']'], "")
}

fn conflict(one: &str, other: &str) -> Error {
    let is_plan = |name: &str| name == "--plan";
    let error = Error::usage(format!("`{one}` and `{other}` do not go together"));
    if is_plan(one) || is_plan(other) {
        return error.why("a saved plan holds the playbook, its environment and its parameters").fix(
            "leave out all but `--plan FILE`, or make another plan: `playbook plan PLAYBOOK --save FILE`",
        );
    }
    error.fix("keep one of the two")
}

fn lacking(missing: &str, line: &[OsString]) -> Error {
    let name = written(missing);
    let command = line.iter().skip(1).filter_map(|one| one.to_str()).find(|one| !one.starts_with('-'));
    let command = command.unwrap_or_default();
    let error = Error::usage(format!("`playbook {command}` needs {name}"));
    error.fix(match name.as_str() {
        "RUN" => format!("name the run: `playbook {command} last`, or its id; `playbook runs` lists them"),
        "PLAYBOOK" => {
            format!(
                "name its file: `playbook {command} deploy.rhai`; `playbook` alone lists those of the project"
            )
        }
        name => format!("add {name}; `playbook {command} --help` tells more"),
    })
}

/// The option that is nearest to `word` among those of the command that `line` names.
fn nearest(word: &str, line: &[OsString]) -> Option<String> {
    let whole = Arguments::command();
    let mut words = line.iter().filter_map(|one| one.to_str());
    let command = words.find_map(|one| whole.find_subcommand(one))?;
    let options: Vec<&str> =
        command.get_arguments().chain(whole.get_arguments()).filter_map(|one| one.get_long()).collect();
    let bare = word.trim_start_matches('-').split('=').next()?;
    suggest::nearest(bare, options).map(|near| format!("--{near}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn said(line: &[&str]) -> String {
        let line: Vec<OsString> = line.iter().map(Into::into).collect();
        let refused = Arguments::try_parse_from(&line).unwrap_err();
        explain(&refused, &line).map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_is_wrong_with_a_command_line_has_a_way_out() {
        assert_eq!(
            said(&["playbook", "chekc", "x"]),
            "there is no command `chekc`\n  fix: did you mean `playbook check`?"
        );
        assert!(said(&["playbook", "frobnicate"]).contains("`playbook --help` lists"));
        assert!(said(&["playbook", "exec", "a.rhai", "--wait", "1s"]).contains("fix: write --wait=1s"));
        assert!(said(&["playbook", "exec", "--wait", "1s", "a.rhai"]).contains("fix: write --wait=1s"));
        assert!(
            said(&["playbook", "exec", "--plan", "p", "--detach", "1m"]).contains("fix: write --detach=1m")
        );
        assert!(
            said(&["playbook", "exec", "--plan", "p", "--wait", "1.rhai"]).contains("do not go together")
        );
        assert!(said(&["playbook", "exec", "a.rhai", "--evn", "x"]).contains("did you mean `--env`?"));
        assert_eq!(
            said(&["playbook", "report", "--format", "htlm"]),
            "`--format` does not take `htlm`\n  fix: did you mean `html`?"
        );
        assert!(said(&["playbook", "report", "--format", "pdf"]).contains("choose one of `md`, `html`"));
        let said_of_plan = said(&["playbook", "exec", "--plan", "p.json", "--set", "a=1"]);
        assert!(said_of_plan.contains("`--plan` and `--set` do not go together"), "{said_of_plan}");
        assert!(said(&["playbook", "resume"]).contains("`playbook resume` needs RUN\n  fix: name the run"));
        assert!(said(&["playbook", "plan"]).contains("`playbook plan deploy.rhai`"));
        assert!(said(&["playbook", "unlock", "api", "--force"]).contains("add --reason TEXT"));
        assert!(said(&["playbook", "exec", "a.rhai", "--set"]).contains("`--set` has no value"));
        assert!(said(&["playbook", "runs", "--last", "many"]).contains("`--last` does not take `many`"));
        assert!(said(&["playbook", "check", "a.rhai", "b.rhai"]).contains("one word too many: `b.rhai`"));
    }

    #[test]
    #[cfg(not(feature = "repl"))]
    fn a_command_that_the_build_lacks_names_its_feature() {
        assert!(said(&["playbook", "repl"]).contains("--features repl"));
    }
}
