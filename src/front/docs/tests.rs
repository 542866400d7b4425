//! The reference of a family made up for that.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::secret::Secret;
use crate::effect::cx::Cx;
use crate::effect::family::Settings;
use crate::effect::primitive::{Primitive, entry};

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// No more than needed.
    Plain,
    /// Everything.
    Full,
}

/// A lamp.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is looked at")]
struct Table {
    /// Where it stands.
    at: String,
    /// How it is opened
    key: Option<Secret>,
    /// How much is told
    mode: Option<Mode>,
}

/// Turns the lamp on,
/// and waits a little.
///
/// Twice is as good as once.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is looked at")]
struct Light {
    /// How bright | in lumen
    lumen: u32,
    /// For how long
    #[serde(default = "minute")]
    during: String,
    /// Which other lamps go with it
    with: Option<Vec<ResourceId>>,
    /// What it is to say
    words: Option<Value>,
}

fn minute() -> String {
    "1m".to_owned()
}

impl Primitive for Light {
    const NAME: &'static str = "light";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLE: &'static str = "lamp(\"hall\").light(800);";
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("light {resource}")
    }

    async fn run(self, _: Cx) -> Result<Value> {
        Ok(Value::Null)
    }
}

const LAMP: Family = Family {
    name: "lamp",
    about: "A lamp.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<Light>()],
    store: None,
    sql: None,
    hosts: None,
};

#[test]
fn a_family_is_shown_whole() {
    insta::assert_snapshot!(system(&LAMP), @r#"
    ## lamp

    A lamp.

    Settings of `[env.ENVIRONMENT.lamp.NAME]`, beside `access`:

    | key | type | default |  |
    | --- | --- | --- | --- |
    | `at` | text | required | Where it stands. |
    | `key` | secret reference |  | How it is opened |
    | `mode` | `plain` or `full` |  | How much is told. `plain`: No more than needed; `full`: Everything |

    ### lamp.light

    `lamp.light(lumen, #{ during, with, words })` · write · may be repeated · at most 30s unless told otherwise

    Turns the lamp on, and waits a little.

    Twice is as good as once.

    | argument | type | default |  |
    | --- | --- | --- | --- |
    | `lumen` | whole number | required | How bright \| in lumen |
    | `during` | text | `"1m"` | For how long |
    | `with` | array of resource |  | Which other lamps go with it |
    | `words` | anything |  | What it is to say |

    ```rhai
    lamp("hall").light(800);
    ```
    "#);
}

#[test]
fn the_effects_of_all_primitives_are_one_table() {
    insta::assert_snapshot!(effects(&[&LAMP]).lines().skip(4).collect::<Vec<_>>().join("\n"), @"
    | primitive | effect | waits | may be repeated | default timeout |
    | --- | --- | --- | --- | --- |
    | [`lamp.light`](#lamplight) | write |  | yes | 30s |
    ");
}

#[test]
fn what_is_not_current_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[&LAMP]).unwrap();
    check(folder.path(), &[&LAMP]).unwrap();
    let error = check(folder.path(), &[]).unwrap_err();
    assert!(error.fix.as_deref().unwrap().contains("docs --write") && error.why.is_some(), "{error}");
}
