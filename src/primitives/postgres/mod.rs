//! PostgreSQL: questions, changes, migrations, and verified dumps of a database.

mod activity;
mod archive;
mod database;
mod dump;
mod errors;
mod lexer;
mod parameters;
mod programs;
mod script;
mod session;
mod settings;
mod statements;
mod tables;
mod tls;
mod transaction;
mod values;

use std::sync::Arc;

use crate::effect::family::{Family, Settings};
use crate::effect::primitive::entry;
use crate::effect::sql::Sql;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "postgres",
    about: "A PostgreSQL database: ask it, change it, migrate it, and dump it into a store.",
    settings: Settings { schema: || schemars::schema_for!(settings::Table), check: settings::check },
    entries: &[
        entry::<statements::Query>(),
        entry::<statements::Scalar>(),
        entry::<statements::Execute>(),
        entry::<transaction::Transaction>(),
        entry::<script::Script>(),
        entry::<dump::DumpTo>(),
        entry::<dump::RestoreFrom>(),
        entry::<dump::VerifyRestore>(),
        entry::<tables::Tables>(),
        entry::<activity::Activity>(),
    ],
    store: None,
    sql: Some(|cx| Box::pin(async move { Ok(Arc::new(database::Database(cx)) as Arc<dyn Sql>) })),
    hosts: None,
};
