//! What an exporter beside the database tells of it.

use crate::answer::Answer;
use crate::arguments::Arguments;
use crate::server;

/// Serves until it is ended.
pub(crate) fn run(arguments: Arguments) -> Result<(), String> {
    server::serve(arguments.port, move |_| {
        let connections = arguments
            .database
            .number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()");
        // Nobody but an exporter on the server's machine can tell the real one.
        let cpu = arguments.faults.on("database_cpu").unwrap_or(12);
        Some(Answer::text(
            200,
            format!("database_connections {}\ndatabase_cpu_percent {cpu}\n", connections.unwrap_or(0.0)),
        ))
    })
}
