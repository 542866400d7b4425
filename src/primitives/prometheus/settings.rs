//! The settings of a Prometheus: where it is, and the queries that have a name.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::secret::{Secret, Setting};
use crate::effect::endpoint::Endpoint;

/// A Prometheus.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The base address: `https://prometheus.example.com`
    #[serde(deserialize_with = "crate::effect::endpoint::web_address")]
    url: Setting,
    /// Headers that go with every request
    #[serde(default)]
    headers: BTreeMap<String, Setting>,
    /// A token that goes with every request as `Authorization: Bearer …`
    token: Option<Secret>,
    /// The user of basic authentication
    user: Option<Setting>,
    /// The password of basic authentication
    password: Option<Secret>,
    /// The file of a further authority's certificate, PEM, beside those the machine trusts
    ca: Option<String>,
    /// Queries by name: a playbook then asks for `"error_rate"`, and what that means stands here, for each environment
    #[serde(default)]
    pub(super) queries: BTreeMap<String, String>,
}

impl Settings {
    /// The part of them that every system has.
    pub(super) fn endpoint(self) -> Endpoint {
        let Self { url, headers, token, user, password, ca, queries: _ } = self;
        Endpoint { url, headers, token, user, password, ca }
    }
}
