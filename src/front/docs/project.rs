//! The reference of what surrounds a script: its header, `playbook.toml` and the limits.

use super::fields::row;
use crate::run::project::limits::LIMITS;
use crate::script::header::Type;

const HEADER: &str = r#"## The header

The `//!` lines at the top of a playbook are read without running it. The first paragraph is its title, further
paragraphs say more about it, and the rest is TOML:

```rhai
//! Deploy the API: back up, migrate, restart, verify.
//!
//! params  = { version = "string", wait = { type = "duration", default = "15m" } }
//! uses    = ["postgres.main:write", "http.api:read"]
//! lock    = "api"
//! timeout = "45m"
```

| key | |
| --- | --- |
| `params` | What a run is given: `name = "TYPE"` must be given, `name = { type, default, about, choices, pattern, min, max, secret }` says more |
| `uses` | What the playbook may touch, and how far: `FAMILY.NAME:read`, `:write` or `:destroy`. A call happens only where this and the environment's `access` both cover it |
| `lock` | The name of a lock: two runs that name the same do not run at the same time |
| `timeout` | How long a run may take; it can only shorten the environment's limit |
| `on_failure` | `"rollback"`, or `"stop"`: leave everything as it is when a run fails and nobody is asked; goes before the environment's |

A parameter's value comes from `--set name=value`, else from `[env.ENVIRONMENT.params]`, else from its default. A secret
parameter takes a reference (`env:NAME`, `file:PATH` …) and no value in clear. The script finds the values in `params`.

"#;

const FILE: &str = r#"## playbook.toml

The folder of this file is the project. It says what playbooks can reach, and how far they may go.

```toml
default = "local"                # the environment of commands without --env; else `local`, else the only one

[env.production]
about = "the live system"
on_failure = "rollback"          # or "stop": leave everything as it is when a run fails
self_approval = false            # whether who began a run may approve it at its gates
guarded = true                   # `playbook repl` names each change and asks before it begins
watch = false                    # whether `playbook watch` may run here when files change
# time_scale = 0.0001            # a wait of a day takes 8.64s: for trying a playbook out
# clock = { "15m" = "2s", "24h" = "7s" }   # or by examples: 15m take 2s, a day 7s, and what lies between in proportion
allow = ["Mon-Thu 09:00-16:00 Europe/Berlin"]   # the only hours in which it may be changed

[[env.production.freeze]]        # when it may not be changed; a zone may follow, else UTC
from = "2026-12-20"
to = "2027-01-02"                # that day included; or with a time
reason = "the holidays"

[env.production.limits]
timeout = "45m"

[env.production.params]
version = "2.0.0"                # values of parameters, where --set gives none

[env.production.postgres.main]   # a resource: FAMILY.NAME, in scripts postgres("main")
access = "write"                 # read (without it), write or destroy
url = "env:DATABASE_URL"         # the settings of its family; secrets only by reference
```

`[people]` and `[groups]` are told in [people.md](people.md), `[serve]` and `[telemetry]` in [page.md](page.md).

A secret is referred to by where its value lies: `env:NAME`, an environment variable, or `file:PATH`, a file, from the
project's folder unless the path is absolute. Where the environment has a resource that keeps secrets, also
`vault:MOUNT/PATH#FIELD`, a field in the key-value engine of a `vault`; `aws-sm:NAME` or `aws-sm:NAME#KEY`, a secret in the
Secrets Manager of an `aws` account; and `aws-ssm:NAME`, a parameter of its Systems Manager. Where there are several such
resources, `[env.ENVIRONMENT.secrets]` says which: `vault = "vault.main"`, `aws = "aws.main"`."#;

/// The header of a playbook.
pub(super) fn header() -> String {
    let mut lines = vec![row(["type", "on the command line", "in the script"]), row(["---"; 3])];
    lines.extend(
        Type::ALL.iter().map(|(word, kind)| row([&format!("`{word}`"), kind.example(), kind.in_script()])),
    );
    format!("{HEADER}{}", lines.join("\n"))
}

/// `playbook.toml`.
pub(super) fn file() -> String {
    FILE.to_owned()
}

/// The limits of the sandbox.
pub(super) fn limits() -> String {
    let mut lines = vec![
        "## Limits".to_owned(),
        String::new(),
        "Every run is bounded, the same in every build. `[env.ENVIRONMENT.limits]` sets other bounds; reaching one ends the run, and no \
         script can catch that."
            .to_owned(),
        String::new(),
        row(["limit", "default", "what it bounds"]),
        row(["---"; 3]),
    ];
    lines.extend(
        LIMITS
            .iter()
            .map(|limit| row([&format!("`{}`", limit.name), &format!("`{}`", limit.default()), limit.about])),
    );
    lines.join("\n")
}
