//! A folder held against what the database says was applied: what is pending, and what does not fit.

use serde_json::{Map, Value, json};

use super::folder::{Format, Key, Migration};
use super::history::Line;
use crate::base::access::ResourceId;
use crate::base::error::{Error, Result};

/// What was found.
#[derive(Debug)]
pub(super) struct State {
    format: Format,
    applied: Vec<Line>,
    /// Not applied yet, in their order.
    pub(super) pending: Vec<Migration>,
    /// Begun and not done.
    failed: Vec<String>,
    /// Applied, and another text since.
    changed: Vec<String>,
    /// Applied, and not in the folder.
    missing: Vec<String>,
    /// Pending, although a later one was applied.
    out_of_order: Vec<String>,
}

impl State {
    /// Compares.
    pub(super) fn of(format: Format, folder: &[Migration], lines: Vec<Line>) -> Self {
        let baseline = lines.iter().filter(|line| line.is_baseline).map(|line| line.key.clone()).max();
        let applied: Vec<Line> = lines.into_iter().filter(|line| !line.is_baseline).collect();
        let latest = applied.iter().filter(|line| is_version(&line.key)).map(|line| line.key.clone()).max();
        let mut state = Self {
            format,
            pending: Vec::new(),
            failed: applied.iter().filter(|line| !line.is_done).map(|line| line.name.clone()).collect(),
            changed: Vec::new(),
            missing: Vec::new(),
            out_of_order: Vec::new(),
            applied,
        };
        for migration in folder {
            // One that is repeated has many lines, of which the last one counts.
            let line = state.applied.iter().rev().find(|line| line.key == migration.key);
            match line {
                Some(line) if line.checksum.as_ref().is_none_or(|have| *have == migration.checksum) => {}
                Some(_) if !is_version(&migration.key) => state.pending.push(migration.clone()),
                Some(line) if line.is_done => state.changed.push(migration.name.clone()),
                Some(_) => {}
                None if is_version(&migration.key)
                    && baseline.as_ref().is_some_and(|base| migration.key <= *base) => {}
                None => {
                    if is_version(&migration.key)
                        && latest.as_ref().is_some_and(|latest| migration.key < *latest)
                    {
                        state.out_of_order.push(migration.name.clone());
                    }
                    state.pending.push(migration.clone());
                }
            }
        }
        let is_there = |line: &&Line| folder.iter().any(|migration| migration.key == line.key);
        state.missing =
            state.applied.iter().filter(|line| !is_there(line)).map(|line| line.name.clone()).collect();
        state
    }

    /// Whether a migration of that key was applied.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.applied.iter().any(|line| line.key == *key)
    }

    /// Refuses what must not be migrated.
    pub(super) fn check(&self, resource: &ResourceId, folder: &str, out_of_order: bool) -> Result<()> {
        let list = |names: &[String]| names.join(", ");
        if !self.failed.is_empty() {
            return Err(Error::remote(format!("a migration of `{resource}` failed earlier: {}", list(&self.failed)))
                .why("its record says that it was begun and not that it was done")
                .fix(match self.format {
                    Format::Prisma => "repair what it left, then `prisma migrate resolve --rolled-back NAME` (or `--applied NAME`)",
                    Format::Sqlx => "repair what it left, then delete its row of _sqlx_migrations, or set `success` to true",
                    Format::Flyway => "repair what it left, then `flyway repair`",
                })
                .unchanged());
        }
        if !self.changed.is_empty() {
            return Err(Error::remote(format!(
                "migrations were changed after `{resource}` had applied them: {}",
                list(&self.changed)
            ))
            .why("their checksums are not those of the record")
            .fix(format!(
                "restore these files in {folder} as they were, and put the change into a new migration"
            ))
            .unchanged());
        }
        if !self.missing.is_empty() {
            return Err(Error::remote(format!(
                "`{resource}` has applied migrations that {folder} does not hold: {}",
                list(&self.missing)
            ))
            .why("the database is ahead of this folder, or the folder is another one's")
            .fix("deploy the version that holds them, or name the right folder")
            .unchanged());
        }
        if !self.out_of_order.is_empty() && !out_of_order {
            return Err(Error::remote(format!(
                "migrations come before others that `{resource}` has applied: {}",
                list(&self.out_of_order)
            ))
            .why("they were written against an older schema than the one they would meet")
            .fix("give them later versions, or allow it with `out_of_order: true`")
            .unchanged());
        }
        Ok(())
    }

    /// As a script sees it.
    pub(super) fn value(&self) -> Value {
        let version = |version: &Option<String>| version.clone().map_or(Value::Null, Value::String);
        let pending: Vec<Value> = self
            .pending
            .iter()
            .map(|one| json!({ "name": one.name, "version": version(&one.version), "transactional": one.is_transactional() }))
            .collect();
        let applied: Vec<Value> = self
            .applied
            .iter()
            .filter(|line| line.is_done)
            .map(|line| json!({ "name": line.name, "at": line.at }))
            .collect();
        let mut all = Map::new();
        all.insert("format".to_owned(), self.format.word().into());
        all.insert("applied".to_owned(), applied.into());
        let fits = self.failed.is_empty() && self.changed.is_empty() && self.missing.is_empty();
        all.insert("up_to_date".to_owned(), (fits && pending.is_empty()).into());
        all.insert("pending".to_owned(), pending.into());
        for (name, list) in [
            ("failed", &self.failed),
            ("changed", &self.changed),
            ("missing", &self.missing),
            ("out_of_order", &self.out_of_order),
        ] {
            all.insert(name.to_owned(), json!(list));
        }
        Value::Object(all)
    }
}

const fn is_version(key: &Key) -> bool {
    matches!(key, Key::Version(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration(number: u64, checksum: &str) -> Migration {
        Migration {
            key: Key::Version(vec![number], String::new()),
            name: format!("V{number}__x"),
            version: Some(number.to_string()),
            description: "x".to_owned(),
            file: format!("V{number}__x.sql"),
            sql: String::new(),
            checksum: checksum.to_owned(),
            down: None,
        }
    }

    fn line(number: u64, checksum: &str, is_done: bool) -> Line {
        Line {
            key: Key::Version(vec![number], String::new()),
            name: format!("V{number}__x"),
            checksum: Some(checksum.to_owned()),
            is_done,
            is_baseline: false,
            at: Value::Null,
        }
    }

    #[test]
    fn each_way_in_which_they_do_not_fit_is_told_apart() {
        let resource: ResourceId = "postgres.main".parse().unwrap();
        let folder = [migration(1, "a"), migration(2, "b"), migration(3, "c")];
        let names = |state: &State| state.pending.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
        let judged = |lines: Vec<Line>| {
            let state = State::of(Format::Flyway, &folder, lines);
            let said = state.check(&resource, "m", false).err().map(|error| error.what.clone());
            (names(&state), said.unwrap_or_default())
        };
        assert_eq!(judged(vec![line(1, "a", true)]), (vec!["V2__x".into(), "V3__x".into()], String::new()));
        assert!(judged(vec![line(1, "a", false)]).1.contains("failed earlier: V1__x"));
        assert!(judged(vec![line(1, "z", true)]).1.contains("changed after"));
        assert!(judged(vec![line(9, "z", true)]).1.contains("does not hold: V9__x"));
        assert!(judged(vec![line(1, "a", true), line(3, "c", true)]).1.contains("come before others"));
        let base = Line { is_baseline: true, ..line(2, "", true) };
        assert_eq!(judged(vec![base]), (vec!["V3__x".into()], String::new()));
    }
}
