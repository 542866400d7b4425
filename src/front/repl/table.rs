//! The value of a line as people read it: rows as a table, a map as a list, a text as it is.

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Map, Value};

use crate::base::text::headline;
use crate::front::style::clean;

/// As many rows as are drawn.
const MOST: usize = 200;

/// As much of a value as stands in a cell.
const WIDEST: usize = 400;

/// The value as text with its line end; empty when there is none. `width` is that of the screen.
#[must_use]
pub(super) fn draw(value: &Value, width: Option<usize>) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(items) if items.is_empty() => "no rows\n".to_owned(),
        Value::Array(items) if items.iter().all(Value::is_object) => rows(items, width),
        Value::Array(items) => items.iter().map(|item| format!("{}\n", cell(item))).collect(),
        Value::Object(map) if map.is_empty() => "nothing in it\n".to_owned(),
        Value::Object(map) => pairs(map, width),
        Value::String(text) => format!("{}\n", clean_lines(text)),
        other => format!("{other}\n"),
    }
}

fn rows(items: &[Value], width: Option<usize>) -> String {
    let mut columns: Vec<&String> = Vec::new();
    for map in items.iter().filter_map(Value::as_object) {
        for key in map.keys() {
            if !columns.contains(&key) {
                columns.push(key);
            }
        }
    }
    let mut table = table(width);
    table.set_header(columns.iter().map(|name| clean(name)));
    for item in items.iter().take(MOST) {
        table.add_row(columns.iter().map(|name| item.get(name.as_str()).map(cell).unwrap_or_default()));
    }
    let more = items.len().saturating_sub(MOST);
    let foot = match (items.len(), more) {
        (1, _) => "1 row\n".to_owned(),
        (count, 0) => format!("{count} rows\n"),
        (count, more) => format!("{count} rows, the last {more} not shown\n"),
    };
    format!("{table}\n{foot}")
}

fn pairs(map: &Map<String, Value>, width: Option<usize>) -> String {
    let mut table = table(width);
    for (name, value) in map {
        table.add_row([clean(name), cell(value)]);
    }
    format!("{table}\n")
}

fn table(width: Option<usize>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    if let Some(width) = width.and_then(|width| u16::try_from(width).ok()) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => clean(&headline(text, WIDEST)),
        other => headline(&other.to_string(), WIDEST),
    }
}

fn clean_lines(text: &str) -> String {
    text.trim_end().split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_become_a_table_and_all_else_what_it_is() {
        let drawn = draw(&json!([{ "id": 1, "name": "a" }, { "id": 2, "more": null }]), Some(60));
        for part in ["id", "name", "more", "│ 1", "–", "2 rows"] {
            assert!(drawn.contains(part), "{drawn}");
        }
        assert_eq!(draw(&json!("text"), None), "text\n");
        assert_eq!(draw(&json!(3.5), None), "3.5\n");
        assert_eq!(draw(&json!(["a", "b"]), None), "a\nb\n");
        assert_eq!(draw(&Value::Null, None), "");
        assert!(draw(&json!({ "status": 200 }), None).contains("status"));
    }
}
