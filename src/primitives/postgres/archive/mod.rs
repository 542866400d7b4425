//! What an archive of `pg_dump` holds, as `pg_restore --list` tells it, compared with what the database holds.

mod rows;

use std::collections::HashSet;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use crate::base::error::{Error, Result};
use crate::base::suggest;

pub(super) use rows::{Rows, count};

/// A table as the database lists it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Table {
    /// Its schema.
    pub(super) schema: String,
    /// Its name.
    pub(super) name: String,
    /// Whether it holds rows of its own, as a partitioned table does not.
    pub(super) has_rows: bool,
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// The tables of an archive.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// How many there are.
    pub(super) tables: u64,
    /// Every beginning of their lines that ends before a space: where a name ends and the owner's begins is not
    /// marked, so a table is looked up by the beginning that it would have.
    beginnings: HashSet<String>,
}

impl Contents {
    /// Takes in the whole list.
    pub(super) async fn read(list: impl AsyncRead + Unpin) -> Result<Self> {
        let mut contents = Self::default();
        let mut lines = BufReader::new(list).split(b'\n');
        let failed = |why: std::io::Error| Error::io("the list of an archive cannot be read", &why);
        while let Some(line) = lines.next_segment().await.map_err(failed)? {
            contents.add(&String::from_utf8_lossy(&line));
        }
        Ok(contents)
    }

    /// Takes in one line of the list: `215; 1259 16386 TABLE public orders app`.
    fn add(&mut self, line: &str) {
        let Some((_, rest)) = line.split_once("; ").filter(|_| !line.starts_with(';')) else { return };
        let Some(entry) = rest.splitn(3, ' ').nth(2).filter(|entry| entry.starts_with("TABLE ")) else {
            return;
        };
        // `TABLE ATTACH` and `TABLE DATA` are about a table, and come beside its own entry.
        self.tables += u64::from(!entry.starts_with("TABLE DATA ") && !entry.starts_with("TABLE ATTACH "));
        let ends = entry.match_indices(' ').map(|(at, _)| &entry[..at]);
        self.beginnings.extend(ends.map(str::to_owned));
    }

    /// Whether the archive holds the table, with its rows.
    pub(super) fn holds(&self, table: &Table) -> bool {
        let name = format!("{} {}", table.schema, table.name).replace(['\n', '\r'], " ");
        self.beginnings.contains(&format!("TABLE {name}"))
            && (!table.has_rows || self.beginnings.contains(&format!("TABLE DATA {name}")))
    }

    /// Those of `tables` that the archive lacks, in words; `None` when it lacks none.
    pub(super) fn lacks<'a>(&self, tables: impl IntoIterator<Item = &'a Table>) -> Option<String> {
        let missing: Vec<String> =
            tables.into_iter().filter(|table| !self.holds(table)).map(ToString::to_string).collect();
        (!missing.is_empty()).then(|| suggest::list(missing.iter().map(String::as_str)))
    }
}

/// The major version in what a program of PostgreSQL says of itself: `pg_dump (PostgreSQL) 15.14 (Debian …)`.
pub(super) fn major(said: &str) -> Option<u32> {
    let after = said.split_once("(PostgreSQL) ")?.1;
    after[..after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(schema: &str, name: &str, has_rows: bool) -> Table {
        Table { schema: schema.into(), name: name.into(), has_rows }
    }

    #[test]
    fn a_table_is_held_only_with_its_rows() {
        let mut contents = Contents::default();
        for line in [
            ";",
            "; Archive created at 2026-01-01 00:00:00 UTC",
            "215; 1259 16386 TABLE public orders app",
            "3325; 0 16386 TABLE DATA public orders app",
            "216; 1259 16390 TABLE public two words some owner",
            "3326; 0 16390 TABLE DATA public two words some owner",
            "217; 1259 16394 TABLE public whole app",
            "218; 0 0 TABLE ATTACH public part app",
            "219; 1259 16398 VIEW public seen app",
        ] {
            contents.add(line);
        }
        assert_eq!(contents.tables, 3);
        assert!(contents.holds(&table("public", "orders", true)));
        assert!(contents.holds(&table("public", "two words", true)));
        assert!(contents.holds(&table("public", "whole", false)));
        let lacking =
            [table("public", "whole", true), table("public", "order", true), table("public", "seen", false)];
        assert_eq!(contents.lacks(&lacking).unwrap(), "`public.whole`, `public.order`, `public.seen`");
    }

    #[test]
    fn programs_say_their_version() {
        assert_eq!(major("pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some(15));
        assert_eq!(major("pg_restore (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(major("command not found"), None);
    }
}
