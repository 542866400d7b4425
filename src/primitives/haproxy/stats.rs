//! `stats`: what HAProxy itself has counted of a backend and its servers.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::runtime::{Runtime, plain};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::primitive::Primitive;

/// Reads what HAProxy has counted since its start: `#{ backend, servers: #{ name: … } }`, each with `status`, `sessions` (open
/// now), `requests`, `responses` (`#{ "2xx", "3xx", "4xx", "5xx" }`), `errors` (of connecting and of responses), `retries`,
/// `response_ms` (the mean of the last 1024 requests), `check` and `downtime_seconds`. What HAProxy does not tell is `()`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Stats {
    /// The backend
    backend: String,
}

impl Primitive for Stats {
    const NAME: &'static str = "stats";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"haproxy("edge").stats("app").servers.green.responses["5xx"]"#;

    fn plan(&self, _: &ResourceId) -> String {
        format!("read the statistics of `{}`", self.backend)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let rows = rows(&cx, &self.backend).await?;
        let whole = rows.iter().find(|row| row.text("svname") == "BACKEND").map_or(Value::Null, Row::told);
        let servers = rows.iter().filter(|row| row.text("svname") != "BACKEND");
        let servers: Map<String, Value> =
            servers.map(|row| (row.text("svname").to_owned(), row.told())).collect();
        Ok(json!({ "backend": whole, "servers": servers }))
    }
}

/// How many sessions a server has open now.
pub(super) async fn sessions(cx: &Cx, backend: &str, server: &str) -> Result<u64> {
    let rows = rows(cx, backend).await?;
    let row = rows.iter().find(|row| row.text("svname") == server);
    Ok(row.and_then(|row| row.number("scur")).unwrap_or(0))
}

/// The rows of a backend and its servers.
async fn rows(cx: &Cx, backend: &str) -> Result<Vec<Row>> {
    plain(backend, "backend")?;
    let runtime = Runtime::of(cx)?;
    let mut rows = read(&runtime.ask("show stat").await?);
    rows.retain(|row| row.text("pxname") == backend && row.text("svname") != "FRONTEND");
    if rows.is_empty() {
        // It names the backends that there are.
        runtime.servers(backend).await?;
        return Err(Error::missing(format!("`{}` has no statistics of `{backend}`", cx.resource())));
    }
    Ok(rows)
}

/// One row, by the names of its columns.
struct Row(HashMap<String, String>);

impl Row {
    fn text(&self, column: &str) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }

    fn number(&self, column: &str) -> Option<u64> {
        self.text(column).parse().ok()
    }

    fn told(&self) -> Value {
        let sum = |columns: &[&str]| columns.iter().filter_map(|column| self.number(column)).sum::<u64>();
        let responses: Map<String, Value> = ["2xx", "3xx", "4xx", "5xx"]
            .iter()
            .map(|class| ((*class).to_owned(), json!(self.number(&format!("hrsp_{class}")))))
            .collect();
        let check = match (self.text("check_status"), self.text("last_chk")) {
            ("", _) => Value::Null,
            (status, "") => json!(status),
            (status, said) => json!(format!("{status}: {said}")),
        };
        json!({
            "status": self.text("status"),
            "sessions": self.number("scur"),
            "requests": self.number("stot"),
            "responses": responses,
            "errors": sum(&["econ", "eresp"]),
            "retries": self.number("wretr"),
            "response_ms": self.number("rtime"),
            "check": check,
            "downtime_seconds": self.number("downtime"),
        })
    }
}

/// Reads the comma separated lines; a text may stand in quotes, with a quote doubled in it.
fn read(answer: &str) -> Vec<Row> {
    let mut lines = answer.lines().filter(|line| !line.trim().is_empty());
    let Some(head) = lines.next() else { return Vec::new() };
    let columns = fields(head.trim_start_matches("# "));
    lines.map(|line| Row(columns.iter().cloned().zip(fields(line)).collect())).collect()
}

fn fields(line: &str) -> Vec<String> {
    let (mut all, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
    }
    all.push(field);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_by_their_columns_quotes_too() {
        let rows = read(
            "# pxname,svname,scur,hrsp_5xx,last_chk,check_status,\napp,blue,3,7,\"no, \"\"really\"\"\",L7STS,\n",
        );
        let told = rows[0].told();
        assert_eq!((told["sessions"].as_u64(), told["responses"]["5xx"].as_u64()), (Some(3), Some(7)));
        assert_eq!(told["check"], "L7STS: no, \"really\"");
        assert!(told["responses"]["2xx"].is_null());
    }
}
