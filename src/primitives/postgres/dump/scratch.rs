//! A database for a while: made empty on a server, dropped at the end, and by the next one when its process was killed.

use serde_json::Value;

use super::super::archive::Rows;
use super::super::database;
use super::super::errors::{self, Source};
use super::super::session::{Door, Session};
use super::{TABLES, listed, text};
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::sql::Row;

/// What the names of all of them begin with.
const PREFIX: &str = "playbook_drill_";
/// How many tables are counted by one statement.
const AT_ONCE: usize = 100;

/// How the database of the connection sorts and spells, for a second one like it.
const LIKE: &str = "SELECT pg_encoding_to_char(encoding)::text AS encoding, datcollate::text AS collate, datctype::text AS ctype, \
     coalesce(to_jsonb(d)->>'datlocprovider', 'c') AS provider, coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale') AS locale \
     FROM pg_database d WHERE datname = current_database()";

/// Those that nobody works on: who does is connected under that name, from before it is made until it is dropped.
const LEFT: &str = "SELECT datname::text AS name FROM pg_database d WHERE datname LIKE 'playbook\\_drill\\_%' \
     AND pg_has_role(datdba, 'MEMBER') \
     AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid OR a.application_name = d.datname)";

/// A database for a while. [`Scratch::remove`] drops it.
pub(super) struct Scratch {
    cx: Cx,
    /// Leads into it.
    door: Door,
    session: Session,
    /// A connection to the database beside it, which shows the others that somebody works on it.
    home: Session,
}

impl Scratch {
    /// Makes one on the server of the call's resource, where the role has to be allowed to.
    pub(super) async fn make(cx: &Cx) -> Result<Self> {
        let random = uuid::Uuid::now_v7().simple().to_string();
        let name = format!("{PREFIX}{}_{}", cx.run().replace('-', "_"), &random[random.len() - 6..]);
        let mut target = Door::of(cx).await?.target.clone();
        target.config.application_name(&name);
        // Not one of the pool: it has to be there in any case when all of this is cleared away.
        let home = Session::open_at(cx, &Door::new(target.clone())?).await?;
        for left in database::read_in(cx, &home, LEFT, &[]).await? {
            // Whoever came to it meanwhile, or may do more than this role, removes it.
            let _ =
                execute(&home, &format!("DROP DATABASE IF EXISTS {}", quoted(&text(&left, "name")))).await;
        }
        let like = database::read_in(cx, &home, LIKE, &[]).await?.into_iter().next().unwrap_or_default();
        target.config.dbname(&name);
        let door = Door::new(target)?;
        let made = async {
            home.until_stopped(cx, execute(&home, &create(&name, &like))).await.map_err(advise)?;
            Session::open_at(cx, &door).await
        };
        match made.await {
            Ok(session) => Ok(Self { cx: cx.clone(), door, session, home }),
            Err(why) => {
                // Whoever stopped it does not know how far it had come.
                let _ = drop_database(&home, &name).await;
                Err(why)
            }
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.door.target.database()
    }

    /// How many tables there are, and the rows of those that `wanted` names, or else of all.
    pub(super) async fn rows(&self, wanted: Option<&Rows>) -> Result<(u64, Rows)> {
        let all = listed(&database::read_in(&self.cx, &self.session, TABLES, &[]).await?);
        let count = all.len() as u64;
        let tables: Vec<(String, String)> = match wanted {
            Some(rows) => rows.keys().cloned().collect(),
            None => {
                let with_rows = all.into_iter().filter(|table| table.has_rows);
                with_rows.map(|table| (table.schema, table.name)).collect()
            }
        };
        let mut rows = Rows::new();
        for some in tables.chunks(AT_ONCE) {
            // `ONLY`: what inherits from a table is counted as a table of its own.
            let count = |(schema, name): &(String, String)| {
                format!("(SELECT count(*) FROM ONLY {}.{})", quoted(schema), quoted(name))
            };
            let counts: Vec<String> = some.iter().map(count).collect();
            let sql = format!("SELECT ARRAY[{}] AS counts", counts.join(", "));
            let answer = database::read_in(&self.cx, &self.session, &sql, &[]).await?;
            let counts = answer.first().and_then(|row| row.get("counts")).and_then(Value::as_array);
            let counts = counts.into_iter().flatten().map(|count| count.as_u64().unwrap_or_default());
            rows.extend(some.iter().cloned().zip(counts));
        }
        Ok((count, rows))
    }

    /// Drops it, whoever is connected to it, stopped or not.
    pub(super) async fn remove(self) -> Result<()> {
        let Self { door, session, home, .. } = self;
        drop(session);
        drop_database(&home, door.target.database()).await
    }
}

async fn drop_database(home: &Session, name: &str) -> Result<()> {
    // Whoever else is there, as those who vacuum, makes way by itself.
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user";
    execute(home, &format!("{others} AND datname = '{name}'")).await?;
    execute(home, &format!("DROP DATABASE IF EXISTS {}", quoted(name))).await
}

fn advise(why: Error) -> Error {
    match why.details.get("sqlstate").and_then(Value::as_str) {
        Some("42501") => why.fix(
            "let the role create databases (ALTER ROLE … CREATEDB), or name a resource whose role may with `scratch`",
        ),
        _ => why,
    }
}

async fn execute(home: &Session, sql: &str) -> Result<()> {
    let done = home.client()?.batch_execute(sql).await;
    done.map_err(|why| errors::failed(&home.named, Source::statement(sql), &why, false))
}

/// An empty database that sorts and spells as the one that `like` tells of.
fn create(name: &str, like: &Row) -> String {
    let literal = |field: &str| format!("'{}'", text(like, field).replace('\'', "''"));
    let locale = match (text(like, "provider").as_str(), text(like, "locale").is_empty()) {
        ("i", false) => format!(" LOCALE_PROVIDER icu ICU_LOCALE {}", literal("locale")),
        ("b", false) => format!(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {}", literal("locale")),
        _ => String::new(),
    };
    format!(
        "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}{locale}",
        quoted(name),
        literal("encoding"),
        literal("collate"),
        literal("ctype"),
    )
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
