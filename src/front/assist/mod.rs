//! What a person who writes a line is helped with: what stands at the cursor, what may follow, what the manual says.

pub mod cursor;
pub mod discreet;
pub mod manual;
pub mod scan;
pub mod suggest;

/// The words of the language with one line on each.
pub const WORDS: &[(&str, &str)] = &[
    ("check", "check NAME, CONDITION: a recorded yes or no"),
    ("metric", "metric NAME, CONDITION: a recorded figure against its target"),
    ("step", "step NAME { … } rollback { … }: a named, timed, journalled stretch"),
    ("retry", "retry N every \"5s\" { … }: tries a block again"),
    ("rollback", "rollback { … }: takes a step back"),
    ("gate", "gate(NAME, #{ … }): people decide"),
    ("parallel", "parallel([…]): branches at the same time"),
    ("wait", "wait(\"15m\"): lets time pass"),
    ("wait_until", "wait_until(TIME): lets time pass until then"),
    ("now", "now(): the time, RFC 3339"),
    ("log", "log(TEXT): says something"),
    ("fail", "fail(TEXT): ends the run"),
    ("seconds", "seconds(\"5m\"): a duration as a number"),
    ("params", "the parameters of the run"),
    ("run", "run.id, run.environment, run.person, run.playbook"),
    ("let", "makes a variable"),
    ("const", "makes a constant"),
    ("if", ""),
    ("else", ""),
    ("for", "for item in array { … }"),
    ("while", ""),
    ("loop", ""),
    ("switch", ""),
    ("return", ""),
    ("throw", ""),
    ("try", "try { … } catch (error) { … }"),
    ("fn", "declares a function"),
    ("import", "import \"std/health\" as health;"),
    ("true", ""),
    ("false", ""),
];
