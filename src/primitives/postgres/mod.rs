//! PostgreSQL: questions, changes, migrations, and verified dumps of a database.

mod activity;
mod archive;
mod connections;
mod count;
mod database;
mod dump;
mod errors;
mod fate;
mod integrity;
mod lexer;
mod locks;
mod long;
mod look;
mod migrations;
mod orphans;
mod parameters;
mod programs;
mod reference;
mod script;
mod session;
mod settings;
mod standbys;
mod statements;
mod tables;
mod tls;
mod transaction;
mod values;
mod waits;

use std::sync::Arc;

use crate::effect::family::{Family, Settings};
use crate::effect::health::Examine;
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
        entry::<connections::Connections>(),
        entry::<standbys::ReplicationLag>(),
        entry::<long::LongTransactions>(),
        entry::<locks::BlockingLocks>(),
        entry::<locks::WouldBlock>(),
        entry::<count::Count>(),
        entry::<orphans::Orphans>(),
        entry::<integrity::Integrity>(),
    ],
    health: Examine::By(|cx| Box::pin(look::look(cx))),
    store: None,
    sql: Some(|cx| Box::pin(async move { Ok(Arc::new(database::Database(cx)) as Arc<dyn Sql>) })),
    hosts: None,
};
