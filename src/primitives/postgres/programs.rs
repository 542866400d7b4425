//! `pg_dump` and `pg_restore`: found, told whom to connect to by environment variables, and run through the door of
//! processes.

use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncWriteExt as _};
use tokio_postgres::config::Host;

use super::archive::{self, Contents, Rows, Table};
use super::session::Door;
use super::settings::{Target, Tls};
use super::tls;
use crate::base::error::{Error, Result};
use crate::base::secret::Revealed;
use crate::effect::cx::Cx;
use crate::effect::dump::{Counted, Stored};
use crate::sys::process::{self, Command, Ended, Line, Running, Status, Stdin};
use crate::sys::{blocking, environment, files, pipe};

/// How much of an archive is on its way from the store to a program at once, in bytes.
const PIPE: usize = 256 * 1024;
const NO_PASSWORD: &str = "--no-password";
const EXIT_ON_ERROR: &str = "--exit-on-error";

/// The programs of one database.
pub(super) struct Programs {
    cx: Cx,
    door: std::sync::Arc<Door>,
}

impl Programs {
    /// The programs for the database of the call, after a look at whether they fit its server.
    pub(super) async fn of(cx: &Cx) -> Result<Self> {
        // A child that is stopped gets time to tell the server, and ends by itself.
        cx.close_gracefully();
        Ok(Self { cx: cx.clone(), door: Door::of(cx).await? })
    }

    /// Starts `pg_dump`, whose standard output is the archive.
    pub(super) fn dump(&self) -> Result<Running> {
        // What compresses better and faster comes behind it.
        let how = ["--format=custom", "--compress=0", NO_PASSWORD];
        process::spawn(&self.command("pg_dump", &how)?, Stdin::Null)
    }

    /// Restores the archive that `content` gives, all or nothing.
    pub(super) async fn restore(&self, content: Stored) -> Result<Ended> {
        let database = connection_to(self.door.target.database());
        let how = ["--clean", "--if-exists", "--single-transaction", EXIT_ON_ERROR, NO_PASSWORD, &database];
        let running = process::spawn(&self.command("pg_restore", &how)?, Stdin::Stream(Box::new(content)))?;
        self.finish(running).await
    }

    /// The same, and drops these tables in the same transaction: `pg_restore` writes SQL, and `psql` carries it out between a
    /// beginning of ours and an end that comes only when all of it was written.
    pub(super) async fn restore_exactly(&self, content: Stored, others: &[Table]) -> Result<Ended> {
        let how = ["--clean", "--if-exists", EXIT_ON_ERROR, "--file=-"];
        let mut writing =
            process::spawn(&self.command("pg_restore", &how)?, Stdin::Stream(Box::new(content)))?;
        let mut sql = writing.take_stdout()?;
        let (mut here, there) = tokio::io::duplex(PIPE);
        let database = connection_to(self.door.target.database());
        let how =
            ["--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1", NO_PASSWORD, &database];
        let carrying = process::spawn(&self.command("psql", &how)?, Stdin::Stream(Box::new(there)))?;
        let feed = async {
            let write = async {
                let begun = here.write_all(format!("BEGIN;\n{}", drops(others)).as_bytes()).await;
                let whole = begun.is_ok() && tokio::io::copy(&mut sql, &mut here).await.is_ok();
                // That it takes no more, psql says itself; the other one then has nobody to write for.
                drop(sql);
                Ok((whole, here))
            };
            let ((is_whole, mut here), wrote) = tokio::try_join!(write, self.finish(writing))?;
            if is_whole && wrote.status == Status::Code(0) {
                let _ = here.write_all(b"\nCOMMIT;\n").await;
            }
            Ok(wrote)
        };
        let (wrote, carried) = tokio::try_join!(feed, self.finish(carrying))?;
        Ok(if carried.status == Status::Code(0) { wrote } else { carried })
    }

    /// Restores the archive that `source` gives into another, empty database of the server: its tables, and what
    /// belongs to them. Gives the rows that passed.
    pub(super) async fn rehearse(&self, source: &mut Stored, database: &str) -> Result<Option<Rows>> {
        let connection = connection_to(database);
        let how = [
            EXIT_ON_ERROR,
            NO_PASSWORD,
            "--no-owner",
            "--no-privileges",
            "--no-publications",
            "--no-subscriptions",
            "--no-security-labels",
            "--no-tablespaces",
            &connection,
        ];
        Ok(self.pass(&how, source, "the dump could not be restored").await?.rows)
    }

    /// What is in the archive that `source` gives; reads all of it.
    pub(super) async fn list(&self, source: &mut (dyn AsyncRead + Send + Unpin)) -> Result<Found> {
        self.pass(&["--list"], source, "the archive cannot be read by pg_restore").await
    }

    /// Lets an archive pass through `pg_restore`, and counts its rows beside it.
    async fn pass(
        &self,
        how: &[&str],
        source: &mut (dyn AsyncRead + Send + Unpin),
        failed: &str,
    ) -> Result<Found> {
        let (mut here, there) = tokio::io::duplex(PIPE);
        let command = self.command("pg_restore", how)?;
        let mut running = process::spawn(&command, Stdin::Stream(Box::new(there)))?;
        let stdout = running.take_stdout()?;
        let (beside, from) = pipe::pipe();
        let unreadable = |why: std::io::Error| Error::io("the archive cannot be read", &why);
        let count = blocking::begin(move || archive::count(from).map_err(unreadable));
        let feed = async {
            let mut taken = true;
            while let Some(chunk) = pipe::chunk(source).await.map_err(unreadable)? {
                // Neither needs all of it.
                beside.send(chunk.clone()).await;
                taken = taken && here.write_all(&chunk).await.is_ok();
            }
            drop(here);
            beside.end().await;
            Ok(())
        };
        let ended = async { well(&self.finish(running).await?, failed) };
        let ((), contents, (), rows) = tokio::try_join!(feed, Contents::read(stdout), ended, count)?;
        Ok(Found { contents, rows })
    }

    /// Waits for the end of a child; its lines are shown as they come.
    pub(super) async fn finish(&self, running: Running) -> Result<Ended> {
        let listen = |line: Line<'_>| self.cx.line(line.error, line.text);
        running.finish(self.cx.stop(), &listen).await
    }

    /// What the reader can do where the role may not read all of what it dumps.
    pub(super) fn advised(&self, error: Error) -> Error {
        let said = error.why.clone().unwrap_or_default();
        let Some((_, denied)) = said.split_once("permission denied for ") else { return error };
        let object = denied.lines().next().unwrap_or_default().trim();
        let role = self.door.target.config.get_user().unwrap_or("ROLE");
        let right = if object.starts_with("schema ") { "USAGE" } else { "SELECT" };
        error.fix(format!(
            "let `{role}` read all of it: GRANT {right} ON {object} TO {role}, or, from PostgreSQL 14 on, GRANT \
             pg_read_all_data TO {role}; or name a role that may in its table of playbook.toml"
        ))
    }

    /// Refuses programs that are older than the server: they cannot dump it.
    pub(super) async fn fit(&self, server: u32) -> Result<()> {
        let command = self.command("pg_dump", &["--version"])?;
        let ended = process::run(&command, Stdin::Null, self.cx.stop(), &|_| ()).await?;
        well(&ended, "pg_dump does not tell its version")?;
        let said = ended.stdout.text.trim();
        match archive::major(said) {
            Some(client) if client >= server => Ok(()),
            Some(client) => Err(Error::usage(format!("pg_dump {client} cannot dump a server of version {server}"))
                .why(format!("{} is {said}", command.program.display()))
                .fix(format!("install the client programs of PostgreSQL {server}, and name their folder with `programs` if PATH finds others"))),
            None => Err(Error::usage(format!("{} is not PostgreSQL's", command.program.display())).why(said)),
        }
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Result<Command> {
        let target = &self.door.target;
        let named = target.programs.as_ref().map(|folder| folder.join(name));
        if let Some(missing) = named.as_ref().filter(|path| !files::exists(path)) {
            return Err(Error::missing(format!("there is no program `{}`", missing.display())).fix(format!(
                "correct `programs` of {}: the folder in which pg_dump and pg_restore are, or leave it out to have them found by PATH",
                self.cx.table()
            )));
        }
        let program = named.or_else(|| process::find_program(name)).ok_or_else(|| {
            Error::missing(format!("there is no program `{name}` on this machine"))
                .fix("install PostgreSQL's client programs (Debian: apt-get install postgresql-client), or name their folder with `programs`")
        })?;
        Ok(Command {
            program,
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            variables: variables(target)?,
            folder: PathBuf::from("/"),
        })
    }
}

/// What an archive holds.
pub(super) struct Found {
    /// Its table of contents.
    pub(super) contents: Contents,
    /// The rows of each table, where the archive shows them.
    pub(super) rows: Option<Rows>,
}

impl Found {
    /// What there is, for a receipt.
    pub(super) fn counted(&self) -> Counted {
        let rows = self.rows.as_ref().map(|rows| rows.values().sum());
        Counted { tables: Some(self.contents.tables), rows, ..Counted::default() }
    }
}

/// The statements that drop tables, whatever letters their names have.
fn drops(tables: &[Table]) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let drop = |table: &Table| {
        format!("DROP TABLE IF EXISTS {}.{} CASCADE;\n", quoted(&table.schema), quoted(&table.name))
    };
    tables.iter().map(drop).collect()
}

/// The argument that names a database, whatever letters its name has.
fn connection_to(database: &str) -> String {
    format!("--dbname=dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Whether a child ended well, or an error that says `what` and the child's own words.
pub(super) fn well(ended: &Ended, what: impl Into<String>) -> Result<()> {
    let status = ended.status;
    if status == Status::Code(0) {
        return Ok(());
    }
    let said = ended.stderr.text.trim();
    let error = Error::remote(what);
    let error = if said.is_empty() { error.why(format!("it {status}")) } else { error.why(said) };
    Err(match status {
        Status::Code(code) => error.detail("exit_code", code),
        Status::Signal(signal) => error.why(format!("it {status}\n{said}")).detail("signal", signal),
    })
}

/// Whom to connect to and how, as libpq takes it; a password never stands among arguments, which everybody can see.
fn variables(target: &Target) -> Result<Vec<(String, Revealed)>> {
    let config = &target.config;
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let ports = config.get_ports().iter().map(ToString::to_string);
    let addresses = config.get_hostaddrs().iter().map(ToString::to_string);
    let join = |parts: Vec<String>| (!parts.is_empty()).then(|| parts.join(","));
    let text = |text: Option<&str>| text.map(str::to_owned);
    let mode = match target.tls {
        Tls::Disable => "disable",
        Tls::Prefer => "prefer",
        Tls::Verify => "verify-full",
    };
    let authorities = match target.tls {
        Tls::Verify => Some(tls::authorities(target.ca.as_deref())?.display().to_string()),
        _ => None,
    };
    let all = [
        ("PGHOST", join(hosts.collect())),
        ("PGHOSTADDR", join(addresses.collect())),
        ("PGPORT", join(ports.collect())),
        ("PGUSER", text(config.get_user())),
        ("PGDATABASE", Some(target.database().to_owned())),
        ("PGPASSWORD", config.get_password().map(|password| String::from_utf8_lossy(password).into_owned())),
        // Only what playbook.toml says counts, not what lies in somebody's home.
        ("PGPASSFILE", Some("/nonexistent/pgpass".to_owned())),
        ("PGOPTIONS", text(config.get_options())),
        ("PGAPPNAME", text(config.get_application_name())),
        ("PGSSLMODE", Some(mode.to_owned())),
        ("PGSSLROOTCERT", authorities),
        ("PGCONNECT_TIMEOUT", Some(target.connect_timeout.as_secs().max(2).to_string())),
        ("LC_ALL", Some("C".to_owned())),
        ("PATH", environment::variable("PATH")),
    ];
    Ok(all
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name.to_owned(), Revealed::new(value))))
        .collect())
}
