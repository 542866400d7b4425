//! What the shop answers, from its database.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row};
use serde_json::{Map, Value, json};

use crate::arguments::Arguments;

/// The running shop.
#[derive(Debug)]
pub(crate) struct Shop {
    release: String,
    columns: &'static str,
    database: PathBuf,
    requests: AtomicU64,
    errors: AtomicU64,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status with its words.
    pub(crate) status: &'static str,
    /// The content type.
    pub(crate) kind: &'static str,
    /// The body.
    pub(crate) body: String,
}

impl Shop {
    /// A shop that was not asked anything yet.
    pub(crate) fn new(arguments: &Arguments) -> Self {
        Self {
            release: arguments.release.clone(),
            columns: arguments.columns,
            database: arguments.database.clone(),
            requests: AtomicU64::new(0),
            errors: AtomicU64::new(0),
        }
    }

    /// Answers one request.
    pub(crate) fn answer(&self, method: &str, path: &str) -> Answer {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let answered = match (method, path.split('?').next().unwrap_or_default()) {
            ("GET", "/health") => Ok(self.health()),
            ("GET", "/metrics") => self.metrics(),
            ("GET", "/orders") => self.orders(),
            ("POST", "/orders") => self.order(),
            _ => Ok(json_answer("404 Not Found", &json!({ "error": format!("no {method} {path} here") }))),
        };
        let answer = answered
            .unwrap_or_else(|why| json_answer("500 Internal Server Error", &json!({ "error": said(&why) })));
        if answer.status.starts_with('5') {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    /// Whether the orders can be read as this release reads them; if not, in the database's own words.
    fn health(&self) -> Answer {
        let version = &self.release;
        match self.read(1).and_then(|_| self.count()) {
            Ok(orders) => json_answer(
                "200 OK",
                &json!({ "status": "ok", "database": "ok", "orders": orders, "version": version }),
            ),
            Err(why) => json_answer(
                "503 Service Unavailable",
                &json!({ "status": "failing", "database": said(&why), "version": version }),
            ),
        }
    }

    fn orders(&self) -> rusqlite::Result<Answer> {
        Ok(json_answer("200 OK", &json!({ "orders": self.read(20)? })))
    }

    /// Takes an order, while the flag says that the shop is open.
    fn order(&self) -> rusqlite::Result<Answer> {
        let database = self.open()?;
        let taken = database.execute(
            "INSERT INTO orders (customer, cents, status)
             SELECT 'walk-in', 990, 'done' FROM feature_flags WHERE name = 'accept_orders' AND enabled",
            [],
        )?;
        Ok(match taken {
            0 => json_answer("503 Service Unavailable", &json!({ "error": "the shop is closed" })),
            _ => json_answer("201 Created", &json!({ "id": database.last_insert_rowid() })),
        })
    }

    fn metrics(&self) -> rusqlite::Result<Answer> {
        let (requests, errors) = (self.requests.load(Ordering::Relaxed), self.errors.load(Ordering::Relaxed));
        let body = format!(
            "# TYPE shop_info gauge\nshop_info{{release=\"{}\"}} 1\n\
             # TYPE shop_orders gauge\nshop_orders {}\n\
             # TYPE shop_requests_total counter\nshop_requests_total {requests}\n\
             # TYPE shop_errors_total counter\nshop_errors_total {errors}\n",
            self.release,
            self.count()?
        );
        Ok(Answer { status: "200 OK", kind: "text/plain; version=0.0.4", body })
    }

    /// The newest orders, with the columns that this release knows.
    fn read(&self, most: u32) -> rusqlite::Result<Vec<Value>> {
        let database = self.open()?;
        let sql = format!("SELECT {} FROM orders ORDER BY id DESC LIMIT {most}", self.columns);
        let mut statement = database.prepare(&sql)?;
        let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        statement.query_map([], |row| object(&names, row))?.collect()
    }

    fn count(&self) -> rusqlite::Result<i64> {
        self.open()?.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(&self.database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        Ok(connection)
    }
}

fn object(names: &[String], row: &Row<'_>) -> rusqlite::Result<Value> {
    let mut object = Map::new();
    for (index, name) in names.iter().enumerate() {
        let value = match row.get_ref(index)? {
            rusqlite::types::ValueRef::Integer(number) => json!(number),
            rusqlite::types::ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
            _ => Value::Null,
        };
        object.insert(name.clone(), value);
    }
    Ok(Value::Object(object))
}

/// What the database itself says, without the statement that it repeats.
fn said(why: &rusqlite::Error) -> String {
    match why {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

fn json_answer(status: &'static str, body: &Value) -> Answer {
    Answer { status, kind: "application/json", body: format!("{body}\n") }
}
