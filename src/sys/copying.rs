//! A folder as a whole: its files, a copy of it, and its contents as text to be compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::base::error::{Error, Result};

/// Folders that hold what was built or fetched, and not what was written.
const BUILT: &[&str] = &["target", "node_modules"];

/// The files below `folder`, by their paths from it; without what is hidden and what was built.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut open) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(part) = open.pop() {
        let here = folder.join(&part);
        let entries = fs::read_dir(&here).map_err(|why| failed("read", &here, &why))?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Ok(kind) = entry.file_type() else { continue };
            let text = name.to_string_lossy();
            if text.starts_with('.') || kind.is_dir() && BUILT.contains(&text.as_ref()) {
                continue;
            }
            if kind.is_dir() {
                open.push(part.join(name));
            } else if kind.is_file() {
                found.push(part.join(name));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Copies the folder, hidden things of a project's own among them only where `with_hidden` says so.
pub fn copy(from: &Path, to: &Path, with_hidden: &[&str]) -> Result<()> {
    let mut all = files_below(from)?;
    for hidden in with_hidden.iter().filter(|hidden| from.join(hidden).is_dir()) {
        let below = files_below(&from.join(hidden))?;
        all.extend(below.into_iter().map(|path| Path::new(hidden).join(path)));
    }
    fs::create_dir_all(to).map_err(|why| failed("make", to, &why))?;
    for path in all {
        let target = to.join(&path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(|why| failed("make", folder, &why))?;
        }
        fs::copy(from.join(&path), &target).map_err(|why| failed("copy", &path, &why))?;
    }
    Ok(())
}

/// Every file below the folder as text: of a database its rows.
pub fn contents(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for path in files_below(folder)? {
        let name = path.display().to_string();
        if ["-wal", "-shm", "-journal"].iter().any(|end| name.ends_with(end)) {
            continue;
        }
        let bytes = fs::read(folder.join(&path)).map_err(|why| failed("read", &path, &why))?;
        let text = if bytes.starts_with(b"SQLite format 3") {
            rows(&folder.join(&path)).map_err(|why| failed("read", &path, &std::io::Error::other(why)))?
        } else {
            String::from_utf8_lossy(&bytes).into_owned()
        };
        all.insert(name, text);
    }
    Ok(all)
}

fn rows(file: &Path) -> rusqlite::Result<String> {
    let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let sql =
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let tables: Vec<String> =
        database.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut text = String::new();
    for table in tables {
        let mut statement = database.prepare(&format!("SELECT * FROM \"{}\"", table.replace('"', "\"\"")))?;
        let count = statement.column_count();
        let mut lines: Vec<String> = statement
            .query_map([], |row| {
                let cells: Vec<String> =
                    (0..count).map(|index| row.get_ref(index).map(cell)).collect::<Result<_, _>>()?;
                Ok(cells.join(" | "))
            })?
            .collect::<Result<_, _>>()?;
        lines.sort();
        text += &format!("{table}\n{}\n", lines.join("\n"));
    }
    Ok(text)
}

fn cell(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "–".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

fn failed(doing: &str, path: &Path, why: &std::io::Error) -> Error {
    Error::io(format!("cannot {doing} {}", path.display()), why)
}
