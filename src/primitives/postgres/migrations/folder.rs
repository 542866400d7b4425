//! A folder of migrations as the team's own tool reads it: what it calls them, in which order, with which checksums.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest as _, Sha256, Sha384};

use super::super::lexer;
use crate::base::error::{Error, Result};
use crate::base::text::hexadecimal;
use crate::effect::cx::Cx;
use crate::sys::{files, search};

/// A migration larger than this holds data; in bytes.
const LARGEST_FILE: u64 = 32 * 1024 * 1024;

/// The tool that a folder and its table in the database belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// Folders with a `migration.sql`, and the table `_prisma_migrations`
    Prisma,
    /// Files `1_name.sql`, or `1_name.up.sql` and `1_name.down.sql`, and the table `_sqlx_migrations`
    Sqlx,
    /// Files `V1__name.sql` and `R__name.sql`, and the table `flyway_schema_history`
    Flyway,
}

impl Format {
    /// As it is written.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Prisma => "prisma",
            Self::Sqlx => "sqlx",
            Self::Flyway => "flyway",
        }
    }
}

/// What tells one migration from another, and orders them: by version, and those that are repeated last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// The numbers of a version, or its text.
    Version(Vec<u64>, String),
    /// The description of a migration that runs again whenever it changes.
    Repeated(String),
}

/// One migration of a folder.
#[derive(Clone, Debug)]
pub(super) struct Migration {
    pub(super) key: Key,
    /// What people call it: the name of its folder or file, without the end.
    pub(super) name: String,
    /// Its version as the tool's table holds it; a repeated one has none.
    pub(super) version: Option<String>,
    pub(super) description: String,
    /// Its file, for errors.
    pub(super) file: String,
    pub(super) sql: String,
    pub(super) checksum: String,
    /// The file that takes it back, and its SQL.
    pub(super) down: Option<(String, String)>,
}

impl Migration {
    /// Whether it can be one transaction with its record. Otherwise each statement runs by itself.
    pub(super) fn is_transactional(&self) -> bool {
        can_be_one(&self.file, &self.sql)
    }
}

/// Whether SQL can be part of a transaction that somebody else begins and ends.
pub(super) fn can_be_one(file: &str, sql: &str) -> bool {
    !sql.trim_start_matches('\u{feff}').trim_start().starts_with("-- no-transaction")
        && lexer::transactional(file, sql).is_ok()
        && lexer::fits_in_transaction(sql)
}

/// The migrations of a folder of the project, in their order.
pub(super) fn read(cx: &Cx, folder: &str, format: Option<Format>) -> Result<(Format, Vec<Migration>)> {
    let place = cx.path(folder)?;
    if !files::exists(&place) {
        return Err(Error::missing(format!("there is no folder {folder}"))
            .fix("name the folder of the migrations, relative to the folder of playbook.toml"));
    }
    let mut found = Vec::new();
    for path in search::below(&place, "sql", |_| false) {
        let relative = path.strip_prefix(&place).unwrap_or(&path).to_string_lossy().into_owned();
        found.push((relative, path));
    }
    let format = match format.or_else(|| guess(found.iter().map(|(relative, _)| relative.as_str()))) {
        Some(format) => format,
        None => {
            return Err(Error::usage(format!("{folder} holds no migrations of a known form"))
                .why(format!("{} files end with .sql", found.len()))
                .fix("name another folder, or say `format: \"prisma\"`, \"sqlx\" or \"flyway\""));
        }
    };
    let mut migrations = Vec::new();
    for (relative, path) in found {
        if let Some(named) = name(format, &relative) {
            let text = files::read_text(&path, LARGEST_FILE)?;
            add(&mut migrations, named, format!("{folder}/{relative}"), text)?;
        }
    }
    migrations.sort_by(|one, two| one.key.cmp(&two.key));
    if let Some(pair) = migrations.windows(2).find(|pair| pair[0].key == pair[1].key) {
        return Err(Error::usage(format!("two migrations of {folder} have the same version"))
            .why(format!("{} and {}", pair[0].name, pair[1].name))
            .fix("rename one of them"));
    }
    if let Some(lonely) = migrations.iter().find(|migration| migration.file.is_empty()) {
        return Err(Error::usage(format!("the migration {} has a way back and no way there", lonely.name))
            .fix("add its .up.sql, or remove its .down.sql"));
    }
    Ok((format, migrations))
}

fn guess<'a>(mut files: impl Iterator<Item = &'a str>) -> Option<Format> {
    files.find_map(|file| {
        [Format::Prisma, Format::Flyway, Format::Sqlx]
            .into_iter()
            .find(|format| name(*format, file).is_some())
    })
}

/// What a file's name says.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    format: Format,
    key: Key,
    name: String,
    version: Option<String>,
    description: String,
    is_down: bool,
}

/// Reads a file's name; `None` for one that is no migration of that format.
fn name(format: Format, relative: &str) -> Option<Named> {
    let named = |key, name: &str, version: Option<String>, description: String| Named {
        format,
        key,
        name: name.to_owned(),
        version,
        description,
        is_down: false,
    };
    if format == Format::Prisma {
        let folder = relative.strip_suffix("/migration.sql").filter(|folder| !folder.contains('/'))?;
        return Some(named(
            Key::Version(Vec::new(), folder.to_owned()),
            folder,
            Some(folder.to_owned()),
            folder.to_owned(),
        ));
    }
    let file = Path::new(relative).file_name()?.to_str()?;
    let stem = file.strip_suffix(".sql")?;
    if format == Format::Flyway {
        let spoken = |text: &str| text.replace('_', " ");
        if let Some(description) = stem.strip_prefix("R__") {
            let description = spoken(description);
            return Some(named(Key::Repeated(description.clone()), stem, None, description));
        }
        let (version, description) = stem.strip_prefix('V')?.split_once("__")?;
        let version = version.replace('_', ".");
        return Some(named(dotted(&version)?, stem, Some(version), spoken(description)));
    }
    // Only the folder itself, as sqlx does it.
    let (stem, is_down) = match (stem.strip_suffix(".up"), stem.strip_suffix(".down")) {
        _ if relative != file => return None,
        (Some(stem), _) => (stem, false),
        (None, Some(stem)) => (stem, true),
        (None, None) => (stem, false),
    };
    let (version, description) = stem.split_once('_')?;
    let number: i64 = version.parse().ok().filter(|number| *number >= 0)?;
    let key = Key::Version(vec![number.unsigned_abs()], String::new());
    Some(Named { is_down, ..named(key, stem, Some(number.to_string()), description.replace('_', " ")) })
}

/// A version of numbers and dots; zeros at its end mean nothing.
pub(super) fn dotted(version: &str) -> Option<Key> {
    let mut numbers = version.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>()?;
    while numbers.len() > 1 && numbers.last() == Some(&0) {
        numbers.pop();
    }
    Some(Key::Version(numbers, String::new()))
}

fn add(migrations: &mut Vec<Migration>, named: Named, file: String, sql: String) -> Result<()> {
    let Named { format, key, name, version, description, is_down } = named;
    let known = migrations.iter_mut().find(|one| one.key == key && one.name == name);
    match known {
        // The way there and the way back come in either order.
        Some(known) if is_down => known.down = Some((file, sql)),
        Some(known) if known.file.is_empty() => {
            (known.checksum, known.file, known.sql) = (checksum(format, &sql), file, sql);
        }
        _ => {
            let (there, down) = if is_down { (None, Some((file, sql))) } else { (Some((file, sql)), None) };
            let (file, sql) = there.unwrap_or_default();
            let checksum = checksum(format, &sql);
            migrations.push(Migration { key, name, version, description, file, sql, checksum, down });
        }
    }
    Ok(())
}

/// The checksum of a migration as its tool keeps it: hexadecimal, or a number.
fn checksum(format: Format, sql: &str) -> String {
    match format {
        Format::Prisma => hexadecimal(&Sha256::digest(sql.as_bytes())),
        Format::Sqlx => hexadecimal(&Sha384::digest(sql.as_bytes())),
        Format::Flyway => by_lines(sql).to_string(),
    }
}

/// CRC32 over the lines without their ends, as a signed number.
fn by_lines(sql: &str) -> i32 {
    let mut sum = flate2::Crc::new();
    let text = sql.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    for line in text.lines() {
        sum.update(line.as_bytes());
    }
    sum.sum().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(format: Format, file: &str) -> Option<(Key, String, bool)> {
        name(format, file).map(|named| (named.key, named.description, named.is_down))
    }

    #[test]
    fn names_are_read_as_their_tools_read_them() {
        let version = |numbers: &[u64]| Key::Version(numbers.to_vec(), String::new());
        assert_eq!(
            key(Format::Flyway, "V1_2__add_users.sql"),
            Some((version(&[1, 2]), "add users".to_owned(), false))
        );
        assert_eq!(key(Format::Flyway, "sub/V2.0__b.sql"), Some((version(&[2]), "b".to_owned(), false)));
        assert_eq!(key(Format::Flyway, "R__views.sql").unwrap().0, Key::Repeated("views".to_owned()));
        assert_eq!(key(Format::Sqlx, "0003_a_b.up.sql"), Some((version(&[3]), "a b".to_owned(), false)));
        assert!(key(Format::Sqlx, "3_a.down.sql").unwrap().2);
        assert_eq!(key(Format::Prisma, "20240101_init/migration.sql").unwrap().1, "20240101_init");
        for (format, file) in [
            (Format::Flyway, "1_a.sql"),
            (Format::Flyway, "V1_a.sql"),
            (Format::Sqlx, "a.sql"),
            (Format::Sqlx, "sub/1_a.sql"),
            (Format::Prisma, "migration.sql"),
            (Format::Prisma, "a/b.sql"),
        ] {
            assert_eq!(key(format, file), None, "{file}");
        }
        assert!(version(&[2]) < version(&[10]) && version(&[10]) < Key::Repeated(String::new()));
        assert_eq!(guess(["schema.prisma", "1_a/migration.sql"].into_iter()), Some(Format::Prisma));
    }

    #[test]
    fn checksums_are_those_of_the_tools() {
        // zlib.crc32(b"ab") of the lines "a" and "b", whatever ends them.
        assert_eq!(by_lines("a\nb"), by_lines("a\r\nb\r\n"));
        assert_eq!(by_lines("\u{feff}ab"), -1_635_563_411);
        assert_eq!(
            checksum(Format::Prisma, ""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(checksum(Format::Sqlx, "").len(), 96);
    }

    #[test]
    fn what_cannot_be_one_transaction_is_seen() {
        for alone in [
            "-- no-transaction\nSELECT 1",
            "CREATE INDEX CONCURRENTLY i ON t (a);",
            "BEGIN; SELECT 1; COMMIT;",
            "select 1; VACUUM t",
            "DROP INDEX CONCURRENTLY i",
            "CREATE DATABASE d",
        ] {
            assert!(!can_be_one("f", alone), "{alone}");
        }
        assert!(can_be_one("f", "CREATE TABLE t (a int); -- VACUUM\nINSERT INTO t VALUES (1)"));
    }
}
