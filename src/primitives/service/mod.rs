//! TODO service.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::effect::family::{Family, Settings};

/// The register's line.
pub const FAMILY: Family =
    Family { name: "service", about: "", settings: Settings::of::<Table>(), entries: &[], store: None, sql: None };

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {}
