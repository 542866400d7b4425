//! PostgreSQL: questions, changes, migrations, and verified dumps of a database.

mod activity;
mod archive;
mod database;
mod dump;
mod errors;
mod lexer;
mod locks;
mod migrations;
mod parameters;
mod programs;
mod references;
mod script;
mod session;
mod settings;
mod statements;
mod tables;
mod tls;
mod transaction;
mod values;
mod vitals;

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
        entry::<migrations::Migrations>(),
        entry::<migrations::Migrate>(),
        entry::<migrations::RevertMigrations>(),
        entry::<dump::DumpTo>(),
        entry::<dump::RestoreFrom>(),
        entry::<dump::VerifyRestore>(),
        entry::<tables::Tables>(),
        entry::<activity::Activity>(),
        entry::<vitals::Connections>(),
        entry::<vitals::ReplicationLag>(),
        entry::<vitals::LongTransactions>(),
        entry::<locks::BlockingLocks>(),
        entry::<locks::WouldBlock>(),
        entry::<references::Count>(),
        entry::<references::Orphans>(),
        entry::<references::Integrity>(),
    ],
    store: None,
    sql: Some(|cx| Box::pin(async move { Ok(Arc::new(database::Database(cx)) as Arc<dyn Sql>) })),
};
