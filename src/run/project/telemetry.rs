//! `[telemetry]` of `playbook.toml`: where the traces of runs go.

use crate::base::document::{Document, Field};

/// The keys of the table.
const KEYS: &[&str] = &["endpoint", "service"];

/// Where traces go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Telemetry {
    /// The base address of a collector that takes OTLP over HTTP: `http://127.0.0.1:4318`.
    pub endpoint: Option<String>,
    /// What we are called there; `playbook` when it is not said.
    pub service: Option<String>,
}

/// Takes the table `[telemetry]`.
pub(super) fn read(document: &Document<'_>, field: Field<'_, '_>) -> Telemetry {
    let mut telemetry = Telemetry::default();
    for one in document.table(field).unwrap_or_default() {
        match one.name() {
            "endpoint" => {
                telemetry.endpoint = document.string(one, "http://127.0.0.1:4318").map(str::to_owned);
            }
            "service" => telemetry.service = document.string(one, "playbook").map(str::to_owned),
            _ => document.unknown(one, "`telemetry`", KEYS),
        }
    }
    telemetry
}
