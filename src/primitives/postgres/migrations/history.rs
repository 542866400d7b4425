//! The table in which a tool keeps what was applied: read, made, and written so that the tool takes it for its own.

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::database;
use super::super::errors::Source;
use super::super::session::{Session, WRITING};
use super::folder::{Format, Key, Migration, dotted};
use crate::base::error::Result;
use crate::effect::cx::Cx;
use crate::effect::sql::{Row, quote};

/// The tool's table in one database.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) format: Format,
    schema: String,
    name: String,
    pub(super) exists: bool,
    database: String,
}

/// One line of it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) key: Key,
    pub(super) name: String,
    pub(super) checksum: Option<String>,
    pub(super) is_done: bool,
    /// Everything up to its version counts as applied, whatever the folder holds.
    pub(super) is_baseline: bool,
    pub(super) at: Value,
}

const FIND: &str = "SELECT current_database()::text AS database, coalesce(current_schema(), 'public')::text AS schema, \
     (SELECT n.nspname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)) AS held";

impl History {
    /// Looks for the table on the search path, or where `table` says.
    pub(super) async fn find(cx: &Cx, format: Format, table: Option<&str>) -> Result<Self> {
        let default = match format {
            Format::Prisma => "_prisma_migrations",
            Format::Sqlx => "_sqlx_migrations",
            Format::Flyway => "flyway_schema_history",
        };
        let table = table.unwrap_or(default);
        let row = database::read(cx, FIND, &[quote(table).into()]).await?.pop().unwrap_or_default();
        let held = row.get("held").and_then(Value::as_str);
        let (schema, name) = match table.split_once('.') {
            Some((schema, name)) => (schema.to_owned(), name.to_owned()),
            None => (held.map_or_else(|| text(&row, "schema"), str::to_owned), table.to_owned()),
        };
        Ok(Self { format, schema, name, exists: held.is_some(), database: text(&row, "database") })
    }

    /// The table's whole name.
    pub(super) fn table(&self) -> String {
        // Each part by itself: a name may hold a dot.
        format!("\"{}\".\"{}\"", self.schema.replace('"', "\"\""), self.name.replace('"', "\"\""))
    }

    /// The number of the advisory lock that the tool holds while it migrates.
    pub(super) fn lock(&self) -> i64 {
        match self.format {
            Format::Prisma => 72_707_369,
            Format::Sqlx => {
                let mut sum = flate2::Crc::new();
                sum.update(self.database.as_bytes());
                0x3d32_ad9e * i64::from(sum.sum())
            }
            Format::Flyway => {
                let magic = 0x466c_7977_6179_i64;
                magic + i64::from(java_hash(&self.table()))
            }
        }
    }

    /// What was applied, oldest first.
    pub(super) async fn lines(&self, cx: &Cx, session: Option<&Session>) -> Result<Vec<Line>> {
        if !self.exists {
            return Ok(Vec::new());
        }
        let table = self.table();
        let sql = match self.format {
            Format::Prisma => format!(
                "SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS done, coalesce(finished_at, started_at)::text AS at \
                 FROM {table} WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name"
            ),
            Format::Sqlx => format!(
                "SELECT version::text AS version, version || '_' || replace(description, ' ', '_') AS name, encode(checksum, 'hex') AS checksum, success AS done, \
                 installed_on::text AS at FROM {table} ORDER BY {table}.version"
            ),
            Format::Flyway => format!(
                "SELECT version, description, regexp_replace(script, '[.]sql$', '') AS name, checksum::text AS checksum, success AS done, type, installed_on::text AS at \
                 FROM {table} WHERE type NOT IN ('SCHEMA', 'DELETE') ORDER BY installed_rank"
            ),
        };
        let rows = match session {
            Some(session) => database::read_in(cx, session, &sql, &[]).await?,
            None => database::read(cx, &sql, &[]).await?,
        };
        Ok(rows.iter().map(|row| self.line(row)).collect())
    }

    fn line(&self, row: &Row) -> Line {
        let version = row.get("version").and_then(Value::as_str);
        let name = text(row, "name");
        let key = match (self.format, version) {
            (Format::Prisma, _) => Key::Version(Vec::new(), name.clone()),
            (Format::Flyway, None) => Key::Repeated(text(row, "description")),
            (_, Some(version)) => {
                dotted(version).unwrap_or_else(|| Key::Version(Vec::new(), version.to_owned()))
            }
            (Format::Sqlx, None) => Key::Version(Vec::new(), name.clone()),
        };
        Line {
            key,
            name,
            checksum: row.get("checksum").and_then(Value::as_str).map(str::to_owned),
            is_done: row.get("done") == Some(&Value::Bool(true)),
            is_baseline: row.get("type").and_then(Value::as_str) == Some("BASELINE"),
            at: row.get("at").cloned().unwrap_or_default(),
        }
    }

    /// Makes the table as the tool would, unless it is there.
    pub(super) async fn make(&mut self, cx: &Cx, session: &Session) -> Result<()> {
        if self.exists {
            return Ok(());
        }
        let table = self.table();
        let statements = match self.format {
            Format::Prisma => vec![format!(
                "CREATE TABLE IF NOT EXISTS {table} (id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, \
                 finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ, \
                 started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)"
            )],
            Format::Sqlx => vec![format!(
                "CREATE TABLE IF NOT EXISTS {table} (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
                 installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, \
                 execution_time BIGINT NOT NULL)"
            )],
            Format::Flyway => vec![
                format!(
                    "CREATE TABLE IF NOT EXISTS {table} (\"installed_rank\" INT NOT NULL, \"version\" VARCHAR(50), \
                     \"description\" VARCHAR(200) NOT NULL, \"type\" VARCHAR(20) NOT NULL, \"script\" VARCHAR(1000) NOT NULL, \
                     \"checksum\" INTEGER, \"installed_by\" VARCHAR(100) NOT NULL, \"installed_on\" TIMESTAMP NOT NULL DEFAULT now(), \
                     \"execution_time\" INTEGER NOT NULL, \"success\" BOOLEAN NOT NULL, \
                     CONSTRAINT {} PRIMARY KEY (\"installed_rank\"))",
                    quote(&format!("{}_pk", self.name))
                ),
                format!(
                    "CREATE INDEX IF NOT EXISTS {} ON {table} (\"success\")",
                    quote(&format!("{}_s_idx", self.name))
                ),
            ],
        };
        let made = async {
            for sql in &statements {
                database::touch(session, self.source(sql), &[]).await?;
            }
            Ok(())
        };
        session.transaction(cx, WRITING, made).await?;
        self.exists = true;
        Ok(())
    }

    /// Writes that a migration has been applied, or, with no time yet, that it was begun.
    pub(super) async fn write(
        &self,
        session: &Session,
        migration: &Migration,
        took: Option<std::time::Duration>,
    ) -> Result<()> {
        let (table, done) = (self.table(), took.is_some());
        let took = took.unwrap_or_default();
        let (sql, parameters) = match self.format {
            Format::Prisma => (
                format!(
                    "INSERT INTO {table} (id, checksum, finished_at, migration_name, started_at, applied_steps_count) \
                     VALUES ($1, $2, CASE WHEN $4::bool THEN clock_timestamp() END, $3, clock_timestamp() - make_interval(secs => $5::float8), $6::int)"
                ),
                vec![
                    json!(Uuid::now_v7().to_string()),
                    json!(migration.checksum),
                    json!(migration.name),
                    json!(done),
                    json!(took.as_secs_f64()),
                    json!(i32::from(done)),
                ],
            ),
            Format::Sqlx => (
                format!(
                    "INSERT INTO {table} (version, description, success, checksum, execution_time) \
                     VALUES ($1::text::bigint, $2, $3::bool, decode($4, 'hex'), $5::bigint)"
                ),
                vec![
                    json!(migration.version),
                    json!(migration.description),
                    json!(done),
                    json!(migration.checksum),
                    json!(i64::try_from(took.as_nanos()).unwrap_or(i64::MAX)),
                ],
            ),
            Format::Flyway => (
                format!(
                    "INSERT INTO {table} (installed_rank, version, description, type, script, checksum, installed_by, execution_time, success) \
                     SELECT coalesce(max(installed_rank), 0) + 1, $1, $2, 'SQL', $3, $4::text::int, current_user, $5::int, $6::bool FROM {table}"
                ),
                vec![
                    json!(migration.version),
                    json!(migration.description),
                    json!(format!("{}.sql", migration.name)),
                    json!(migration.checksum),
                    json!(i32::try_from(took.as_millis()).unwrap_or(i32::MAX)),
                    json!(done),
                ],
            ),
        };
        database::touch(session, self.source(&sql), &parameters).await.map(drop)
    }

    /// Writes the end of a migration that was begun: done after so long, or what it died of.
    pub(super) async fn close(
        &self,
        session: &Session,
        migration: &Migration,
        ended: Result<std::time::Duration, &str>,
    ) -> Result<()> {
        let table = self.table();
        let (sql, parameters) = match (self.format, ended) {
            (Format::Prisma, Ok(_)) => (
                format!(
                    "UPDATE {table} SET finished_at = clock_timestamp(), applied_steps_count = 1 \
                     WHERE migration_name = $1 AND finished_at IS NULL AND rolled_back_at IS NULL"
                ),
                vec![json!(migration.name)],
            ),
            (Format::Prisma, Err(why)) => (
                format!(
                    "UPDATE {table} SET logs = $2 WHERE migration_name = $1 AND finished_at IS NULL AND rolled_back_at IS NULL"
                ),
                vec![json!(migration.name), json!(why)],
            ),
            (Format::Sqlx, Ok(took)) => (
                format!(
                    "UPDATE {table} SET success = true, execution_time = $2::bigint WHERE version = $1::text::bigint"
                ),
                vec![json!(migration.version), json!(i64::try_from(took.as_nanos()).unwrap_or(i64::MAX))],
            ),
            (Format::Flyway, Ok(took)) => (
                format!(
                    "UPDATE {table} SET success = true, execution_time = $2::int WHERE script = $1 AND NOT success"
                ),
                vec![
                    json!(format!("{}.sql", migration.name)),
                    json!(i32::try_from(took.as_millis()).unwrap_or(i32::MAX)),
                ],
            ),
            // They keep no words; the record that it did not succeed is there already.
            (Format::Sqlx | Format::Flyway, Err(_)) => return Ok(()),
        };
        database::touch(session, self.source(&sql), &parameters).await.map(drop)
    }

    /// Takes the record of a migration out, as sqlx does when it has been reverted.
    pub(super) async fn remove(&self, session: &Session, migration: &Migration) -> Result<()> {
        let sql = format!("DELETE FROM {} WHERE version = $1::text::bigint", self.table());
        database::touch(session, self.source(&sql), &[json!(migration.version)]).await.map(drop)
    }

    const fn source<'a>(&self, sql: &'a str) -> Source<'a> {
        Source { name: "the record of migrations", file: "sql", sql, begins: None }
    }
}

fn text(row: &Row, name: &str) -> String {
    row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The hash that Java gives a text.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_those_of_the_tools() {
        let history = |format| History {
            format,
            schema: "public".to_owned(),
            name: "flyway_schema_history".to_owned(),
            exists: true,
            database: "app".to_owned(),
        };
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(history(Format::Prisma).lock(), 72_707_369);
        // 0x3d32ad9e times the CRC32 of "app".
        assert_eq!(history(Format::Sqlx).lock() % 0x3d32_ad9e, 0);
        assert_eq!(
            history(Format::Flyway).lock() - i64::from(java_hash("\"public\".\"flyway_schema_history\"")),
            0x466c_7977_6179
        );
    }
}
